#include "internal.h"
#include <math.h>
#include <stdlib.h>

// Rows and images are handed to threads in pieces of about this many elements; each has a loss of its own, and those
// are added in order, so that nothing depends on the number of threads.
enum { PIECE = 8192 };

typedef struct {
  const cc_objective *objective;
  int64_t rows_each;
  float *gradient;
  double *losses;
} rows_work;

// The largest of x / temperature, and the logarithm of Σ exp(x / temperature − largest).
static void log_sum(int64_t count, const float *x, float temperature, float *largest, float *logarithm) {
  float top = -INFINITY, sum = 0;
  for (int64_t i = 0; i < count; i++) {
    float scaled = x[i] / temperature;
    top = scaled > top ? scaled : top;
  }
  for (int64_t i = 0; i < count; i++) sum += expf(x[i] / temperature - top);
  *largest = top;
  *logarithm = logf(sum);
}

static double label_row(const cc_objective *o, int64_t row, const float *z, float *gradient) {
  float largest, logarithm, weight = 1 - o->teacher_share;
  float even = o->smoothing / (float)o->classes, sharp = 1 - o->smoothing;
  int32_t label = o->labels[row], partner = o->partners ? o->partners[row] : label;
  float own = o->partners ? o->label_share : 1;
  double loss = 0;
  log_sum(o->classes, z, 1, &largest, &logarithm);
  for (int64_t i = 0; i < o->classes; i++) {
    float wanted = (i == label ? own : 0) + (i == partner ? 1 - own : 0);
    wanted = even + sharp * wanted;
    float log_probability = z[i] - largest - logarithm;
    if (wanted != 0) loss -= (double)(weight * wanted * log_probability);
    gradient[i] += weight * (expf(log_probability) - wanted);
  }
  return loss;
}

static double teacher_row(const cc_objective *o, const float *z, const float *teacher, float *gradient) {
  float largest, logarithm, wanted_largest, wanted_logarithm, t = o->temperature, share = o->teacher_share;
  double loss = 0;
  log_sum(o->classes, z, t, &largest, &logarithm);
  log_sum(o->classes, teacher, t, &wanted_largest, &wanted_logarithm);
  for (int64_t i = 0; i < o->classes; i++) {
    float mine = z[i] / t - largest - logarithm, wanted = teacher[i] / t - wanted_largest - wanted_logarithm;
    float probability = expf(wanted);
    loss += (double)(share * t * t * probability * (wanted - mine));
    gradient[i] += share * t * (expf(mine) - probability);
  }
  return loss;
}

static void objective_work(void *context, int64_t first, int64_t last) {
  rows_work *work = context;
  const cc_objective *o = work->objective;
  int64_t end = cc_min(last * work->rows_each, o->batch);
  for (int64_t row = first * work->rows_each; row < end; row++) {
    const float *z = o->logits + row * o->classes;
    float *gradient = work->gradient + row * o->classes;
    double loss = 0;
    for (int64_t i = 0; i < o->classes; i++) gradient[i] = 0;
    if (o->labels && o->teacher_share < 1) loss += label_row(o, row, z, gradient);
    if (o->teacher && o->teacher_share > 0) loss += teacher_row(o, z, o->teacher + row * o->classes, gradient);
    for (int64_t i = 0; i < o->classes; i++) gradient[i] /= (float)o->batch;
    work->losses[row] = loss;
  }
}

static double sum_of(const double *losses, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += losses[i];
  return sum;
}

static double *doubles(int64_t count) {
  double *result = malloc(sizeof(double) * (size_t)cc_max(count, 1));
  if (!result) abort();
  return result;
}

double cc_objective_gradient(const cc_objective *objective, float *gradient) {
  int64_t each = cc_max(PIECE / cc_max(objective->classes, 1), 1);
  double *losses = doubles(objective->batch);
  rows_work work = {objective, each, gradient, losses};
  cc_parallel((objective->batch + each - 1) / each, objective_work, &work);
  double sum = sum_of(losses, objective->batch);
  free(losses);
  return sum / (double)objective->batch;
}

typedef struct {
  int64_t pixels, channels;
  bool attention;
  float scale;
  const float *student, *teacher;
  float *gradient;
  double *losses;
} match_work;

// Σ a², Σ b² and Σ a·b.
typedef struct {
  double aa, bb, ab;
} products;

CC_CLONES static products products_of(const float *restrict a, const float *restrict b, int64_t count) {
  enum { LANES = 8 };
  double aa[LANES] = {0}, bb[LANES] = {0}, ab[LANES] = {0};
  int64_t whole = count / LANES * LANES;
  for (int64_t i = 0; i < whole; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) {
      double x = a[i + lane], y = b[i + lane];
      aa[lane] += x * x;
      bb[lane] += y * y;
      ab[lane] += x * y;
    }
  }
  for (int64_t i = whole; i < count; i++) {
    double x = a[i], y = b[i];
    aa[0] += x * x;
    bb[0] += y * y;
    ab[0] += x * y;
  }
  products sums = {0, 0, 0};
  for (int lane = 0; lane < LANES; lane++) {
    sums.aa += aa[lane];
    sums.bb += bb[lane];
    sums.ab += ab[lane];
  }
  return sums;
}

// gradient = scale · d(1 − cos(a, b)) / da, and the loss 1 − cos, which is half the squared distance of a / |a| from
// b / |b|. Where one of them is 0 there is no direction, no loss and no gradient.
CC_CLONES static double cosine_loss(const float *restrict a, const float *restrict b, int64_t count, float scale,
                                    float *restrict gradient) {
  products p = products_of(a, b, count);
  if (!(p.aa > 0) || !(p.bb > 0)) {
    float nothing = p.aa == 0 || p.bb == 0 ? 0 : NAN;
    for (int64_t i = 0; i < count; i++) gradient[i] = nothing;
    return nothing;
  }
  double lengths = sqrt(p.aa) * sqrt(p.bb), cosine = p.ab / lengths;
  float along = (float)(scale * cosine / p.aa), towards = (float)(scale / lengths);
  for (int64_t i = 0; i < count; i++) gradient[i] = along * a[i] - towards * b[i];
  return 1 - cosine;
}

CC_CLONES static void attention_of(const float *restrict x, int64_t pixels, int64_t channels, float *restrict map) {
  enum { LANES = 16 };
  int64_t whole = channels / LANES * LANES;
  for (int64_t pixel = 0; pixel < pixels; pixel++) {
    const float *values = x + pixel * channels;
    float lanes[LANES] = {0}, sum = 0;
    for (int64_t c = 0; c < whole; c += LANES) {
      for (int lane = 0; lane < LANES; lane++) lanes[lane] += values[c + lane] * values[c + lane];
    }
    for (int64_t c = whole; c < channels; c++) sum += values[c] * values[c];
    for (int lane = 0; lane < LANES; lane++) sum += lanes[lane];
    map[pixel] = sum;
  }
}

static void match_images(void *context, int64_t first, int64_t last) {
  match_work *w = context;
  int64_t pixels = w->pixels, channels = w->channels, size = pixels * channels;
  float *maps = w->attention ? malloc(sizeof(float) * 3 * (size_t)pixels) : NULL;
  if (w->attention && !maps) abort();
  for (int64_t image = first; image < last; image++) {
    const float *student = w->student + image * size, *teacher = w->teacher + image * size;
    float *gradient = w->gradient + image * size;
    if (!w->attention) {
      w->losses[image] = cosine_loss(student, teacher, size, w->scale, gradient);
      continue;
    }
    float *slope = maps + 2 * pixels;
    attention_of(student, pixels, channels, maps);
    attention_of(teacher, pixels, channels, maps + pixels);
    w->losses[image] = cosine_loss(maps, maps + pixels, pixels, w->scale, slope);
    for (int64_t pixel = 0; pixel < pixels; pixel++) {
      for (int64_t c = 0; c < channels; c++) {
        gradient[pixel * channels + c] = 2 * student[pixel * channels + c] * slope[pixel];
      }
    }
  }
  free(maps);
}

double cc_match(int64_t batch, int64_t pixels, int64_t channels, bool attention, float scale, const float *student,
                const float *teacher, float *gradient) {
  double *losses = doubles(batch);
  match_work work = {pixels, channels, attention, scale, student, teacher, gradient, losses};
  cc_parallel(batch, match_images, &work);
  double sum = sum_of(losses, batch);
  free(losses);
  return sum;
}
