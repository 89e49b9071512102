#include "internal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  int64_t rows, channels;
  const float *x, *y, *gradient, *skip;
  const float *a, *b, *d;
  const float *factor, *offset;
  float *result;
  float *partial;  // [pieces, 2, channels]
  bool relu;
  float ceiling;
} normal;

static int64_t piece_start(const normal *n, int64_t piece) { return n->rows * piece / CC_SUM_PIECES; }

// ---- statistics ----

// Sums of x − origin and of its square, where the origin is the first row: no cancellation where a mean is far from 0.
CC_CLONES static void statistics_rows(int64_t rows, int64_t channels, const float *restrict x,
                                      const float *restrict origin, float *restrict sums, float *restrict squares) {
  int64_t row = 0;
  for (; row + 4 <= rows; row += 4) {
    const float *p = x + row * channels;
    for (int64_t c = 0; c < channels; c++) {
      float v0 = p[c] - origin[c], v1 = p[c + channels] - origin[c];
      float v2 = p[c + 2 * channels] - origin[c], v3 = p[c + 3 * channels] - origin[c];
      sums[c] += (v0 + v1) + (v2 + v3);
      squares[c] += (v0 * v0 + v1 * v1) + (v2 * v2 + v3 * v3);
    }
  }
  for (; row < rows; row++) {
    for (int64_t c = 0; c < channels; c++) {
      float v = x[row * channels + c] - origin[c];
      sums[c] += v;
      squares[c] += v * v;
    }
  }
}

static void statistics_work(void *context, int64_t first, int64_t last) {
  normal *n = context;
  for (int64_t piece = first; piece < last; piece++) {
    int64_t start = piece_start(n, piece), end = piece_start(n, piece + 1);
    float *sums = n->partial + piece * 2 * n->channels;
    statistics_rows(end - start, n->channels, n->x + start * n->channels, n->x, sums, sums + n->channels);
  }
}

// Adds up the pieces in order.
static void fold(const normal *n, int64_t channel, double *sum, double *second) {
  *sum = *second = 0;
  for (int64_t piece = 0; piece < CC_SUM_PIECES; piece++) {
    *sum += n->partial[piece * 2 * n->channels + channel];
    *second += n->partial[(piece * 2 + 1) * n->channels + channel];
  }
}

static void fold_all(const normal *n, float *sums, float *products) {
  for (int64_t c = 0; c < n->channels; c++) {
    double sum, product;
    fold(n, c, &sum, &product);
    sums[c] = (float)sum;
    products[c] = (float)product;
  }
  free(n->partial);
}

void cc_channel_statistics(int64_t rows, int64_t channels, const float *x, float *mean, float *variance) {
  normal n = {.rows = rows, .channels = channels, .x = x};
  n.partial = calloc(CC_SUM_PIECES * 2 * channels, sizeof(float));
  cc_parallel(CC_SUM_PIECES, statistics_work, &n);
  for (int64_t c = 0; c < channels; c++) {
    double sum, square;
    fold(&n, c, &sum, &square);
    double shifted = sum / rows, spread = square / rows - shifted * shifted;
    mean[c] = (float)(x[c] + shifted);
    variance[c] = spread > 0 ? (float)spread : 0;
  }
  free(n.partial);
}

// ---- forward ----

CC_CLONES static void affine_rows(int64_t rows, int64_t channels, const float *restrict x, const float *restrict factor,
                                  const float *restrict offset, const float *restrict skip, bool relu, float ceiling,
                                  float *restrict y) {
  for (int64_t row = 0; row < rows; row++) {
    const float *p = x + row * channels, *s = skip ? skip + row * channels : NULL;
    float *q = y + row * channels;
    // No condition inside the loops, or they would not become vector code.
    if (s && relu && ceiling < INFINITY) {
      for (int64_t c = 0; c < channels; c++) {
        float v = p[c] * factor[c] + offset[c] + s[c];
        v = v < 0 ? 0 : v;
        q[c] = v > ceiling ? ceiling : v;
      }
    } else if (relu && ceiling < INFINITY) {
      for (int64_t c = 0; c < channels; c++) {
        float v = p[c] * factor[c] + offset[c];
        v = v < 0 ? 0 : v;
        q[c] = v > ceiling ? ceiling : v;
      }
    } else if (s && relu) {
      for (int64_t c = 0; c < channels; c++) { float v = p[c] * factor[c] + offset[c] + s[c]; q[c] = v < 0 ? 0 : v; }
    } else if (s) {
      for (int64_t c = 0; c < channels; c++) q[c] = p[c] * factor[c] + offset[c] + s[c];
    } else if (relu) {
      for (int64_t c = 0; c < channels; c++) { float v = p[c] * factor[c] + offset[c]; q[c] = v < 0 ? 0 : v; }
    } else {
      for (int64_t c = 0; c < channels; c++) q[c] = p[c] * factor[c] + offset[c];
    }
  }
}

static void affine_work(void *context, int64_t first, int64_t last) {
  normal *n = context;
  int64_t start = piece_start(n, first), end = piece_start(n, last), skip = start * n->channels;
  affine_rows(end - start, n->channels, n->x + skip, n->a, n->b, n->skip ? n->skip + skip : NULL, n->relu,
              n->ceiling, n->result + skip);
}

void cc_affine(int64_t rows, int64_t channels, const float *x, const float *factor, const float *offset,
               const float *skip, bool relu, float ceiling, float *y) {
  normal n = {.rows = rows, .channels = channels, .x = x, .skip = skip, .a = factor, .b = offset, .result = y,
              .relu = relu, .ceiling = ceiling};
  cc_parallel(CC_SUM_PIECES, affine_work, &n);
}

// ---- backward ----

// masked may be the gradient itself: each element is read before it is written, which assume_safety says.
CC_CLONES static void sums_rows(int64_t rows, int64_t channels, const float *gradient, const float *restrict x,
                                const float *restrict y, float ceiling, const float *restrict mean, float *masked,
                                float *restrict sums, float *restrict products) {
  for (int64_t row = 0; row < rows; row++) {
    const float *g = gradient + row * channels, *p = x + row * channels;
    if (y) {
      const float *q = y + row * channels;
      float *m = masked + row * channels;
      _Pragma("clang loop vectorize(assume_safety)") for (int64_t c = 0; c < channels; c++) {
        float v = q[c] > 0 && q[c] < ceiling ? g[c] : 0;
        m[c] = v;
        sums[c] += v;
        products[c] += v * (p[c] - mean[c]);
      }
    } else {
      for (int64_t c = 0; c < channels; c++) {
        sums[c] += g[c];
        products[c] += g[c] * (p[c] - mean[c]);
      }
    }
  }
}

static void sums_work(void *context, int64_t first, int64_t last) {
  normal *n = context;
  for (int64_t piece = first; piece < last; piece++) {
    int64_t start = piece_start(n, piece), end = piece_start(n, piece + 1), skip = start * n->channels;
    float *sums = n->partial + piece * 2 * n->channels;
    sums_rows(end - start, n->channels, n->gradient + skip, n->x + skip, n->y ? n->y + skip : NULL,
              n->ceiling, n->a, n->y ? n->result + skip : NULL, sums, sums + n->channels);
  }
}

void cc_affine_backward_sums(int64_t rows, int64_t channels, const float *gradient, const float *x, const float *y,
                             float ceiling, const float *mean, float *masked, float *sums, float *products) {
  normal n = {.rows = rows, .channels = channels, .x = x, .y = y, .gradient = gradient, .a = mean, .result = masked,
              .ceiling = ceiling};
  n.partial = calloc(CC_SUM_PIECES * 2 * channels, sizeof(float));
  cc_parallel(CC_SUM_PIECES, sums_work, &n);
  fold_all(&n, sums, products);
}

// result may be the gradient itself.
CC_CLONES static void source_rows(int64_t rows, int64_t channels, const float *gradient, const float *restrict x,
                                  const float *restrict a, const float *restrict b, const float *restrict d,
                                  float *result) {
  for (int64_t row = 0; row < rows; row++) {
    _Pragma("clang loop vectorize(assume_safety)") for (int64_t c = 0; c < channels; c++) {
      int64_t i = row * channels + c;
      result[i] = a[c] * gradient[i] + (b[c] * x[i] + d[c]);
    }
  }
}

static void source_work(void *context, int64_t first, int64_t last) {
  normal *n = context;
  int64_t start = piece_start(n, first), end = piece_start(n, last), skip = start * n->channels;
  source_rows(end - start, n->channels, n->gradient + skip, n->x + skip, n->a, n->b, n->d, n->result + skip);
}

void cc_affine_backward_source(int64_t rows, int64_t channels, const float *gradient, const float *x, const float *a,
                               const float *b, const float *d, float *result) {
  normal n = {.rows = rows, .channels = channels, .x = x, .gradient = gradient, .a = a, .b = b, .d = d,
              .result = result};
  cc_parallel(CC_SUM_PIECES, source_work, &n);
}

// ---- backward where only a rectifier follows ----

// What the rectifier let through is found again from x, by the very expression of the way forward: y need not be read,
// nor what is left of the gradient written.

CC_CLONES static void rectified_sums_rows(int64_t rows, int64_t channels, const float *restrict gradient,
                                          const float *restrict x, const float *restrict factor,
                                          const float *restrict offset, float ceiling, const float *restrict mean,
                                          float *restrict sums, float *restrict products) {
  for (int64_t row = 0; row < rows; row++) {
    const float *g = gradient + row * channels, *p = x + row * channels;
    for (int64_t c = 0; c < channels; c++) {
      float y = p[c] * factor[c] + offset[c], v = y > 0 && y < ceiling ? g[c] : 0;
      sums[c] += v;
      products[c] += v * (p[c] - mean[c]);
    }
  }
}

static void rectified_sums_work(void *context, int64_t first, int64_t last) {
  normal *n = context;
  for (int64_t piece = first; piece < last; piece++) {
    int64_t start = piece_start(n, piece), end = piece_start(n, piece + 1), skip = start * n->channels;
    float *sums = n->partial + piece * 2 * n->channels;
    rectified_sums_rows(end - start, n->channels, n->gradient + skip, n->x + skip, n->factor, n->offset, n->ceiling,
                        n->a, sums, sums + n->channels);
  }
}

void cc_rectified_backward_sums(int64_t rows, int64_t channels, const float *gradient, const float *x,
                                const cc_rectified *rectified, const float *mean, float *sums, float *products) {
  normal n = {.rows = rows, .channels = channels, .x = x, .gradient = gradient, .a = mean,
              .factor = rectified->factor, .offset = rectified->offset, .ceiling = rectified->ceiling};
  n.partial = calloc(CC_SUM_PIECES * 2 * channels, sizeof(float));
  cc_parallel(CC_SUM_PIECES, rectified_sums_work, &n);
  fold_all(&n, sums, products);
}

// result may be the gradient itself.
CC_CLONES static void rectified_source_rows(int64_t rows, int64_t channels, const float *gradient,
                                            const float *restrict x, const float *restrict factor,
                                            const float *restrict offset, float ceiling, const float *restrict a,
                                            const float *restrict b, const float *restrict d, float *result) {
  for (int64_t row = 0; row < rows; row++) {
    const float *p = x + row * channels, *g = gradient + row * channels;
    float *r = result + row * channels;
    _Pragma("clang loop vectorize(assume_safety)") for (int64_t c = 0; c < channels; c++) {
      float y = p[c] * factor[c] + offset[c], v = y > 0 && y < ceiling ? g[c] : 0;
      r[c] = a[c] * v + (b[c] * p[c] + d[c]);
    }
  }
}

static void rectified_source_work(void *context, int64_t first, int64_t last) {
  normal *n = context;
  int64_t start = piece_start(n, first), end = piece_start(n, last), skip = start * n->channels;
  rectified_source_rows(end - start, n->channels, n->gradient + skip, n->x + skip, n->factor, n->offset, n->ceiling,
                        n->a, n->b, n->d, n->result + skip);
}

void cc_rectified_backward_source(int64_t rows, int64_t channels, const float *gradient, const float *x,
                                  const cc_rectified *rectified, const float *a, const float *b, const float *d,
                                  float *result) {
  normal n = {.rows = rows, .channels = channels, .x = x, .gradient = gradient, .a = a, .b = b, .d = d,
              .factor = rectified->factor, .offset = rectified->offset, .ceiling = rectified->ceiling,
              .result = result};
  cc_parallel(CC_SUM_PIECES, rectified_source_work, &n);
}
