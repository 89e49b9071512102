#include "CCCodings.h"
#include "functions.h"
#include "internal.h"
#include <stdlib.h>

// Weights are worked on sixteen at a time, one in each lane of a vector; their sums are folded block by block.
enum { LANES = 16, BLOCK = 4096, POINTS = 256, LEVELS = 8 };

typedef struct {
  const cc_relaxed_grid *grid;
  // Of the highest level that is kept at all.
  int lowest, highest, edges, window;
  // Of edge i, lowest − ½ + i, with the points left and right of it: (k · kept) left − right, (kept) left − right, and
  // those of the point to the right, which is 0 beyond the grid.
  float numerator[POINTS + 1], denominator[POINTS + 1], weighted[POINTS + 1], kept[POINTS + 1];
  int64_t count;
  const float *x, *gradient;
  float *result;
  int8_t *symbols;
  // Of each block: by log α, by log σ, by the kept share of each level.
  double *sums;
} relaxation;

CC_INLINE float limited(float v, float low, float high) {
  float y = v > low ? v : low;
  return y < high ? y : high;
}

// What the logistic function of the distance and its slope are, precise on either side.
CC_INLINE void logistic(float distance, float *value, float *slope) {
  float small = cc_exp(-fabsf(distance)), inverse = 1 / (1 + small);
  *value = (distance < 0 ? small : 1) * inverse;
  *slope = small * inverse * inverse;
}

CC_INLINE int level_of(int k, int fewest) {
  int level = 0;
  while (k < -(1 << (fewest + level - 1)) || k >= 1 << (fewest + level - 1)) level++;
  return level;
}

static relaxation prepared(const cc_relaxed_grid *grid) {
  relaxation s = {.grid = grid};
  int top = grid->levels - 1;
  while (top > 0 && grid->kept[top] <= 0) top--;
  int bits = grid->fewest + top;
  s.lowest = -(1 << (bits - 1));
  s.highest = (1 << (bits - 1)) - 1;
  s.edges = (1 << bits) + 1;
  // Farther away than 16 the logistic function is 0 or 1 to seven digits.
  s.window = (int)cc_min(2 * (int64_t)(ceilf(limited(16 / grid->ratio, 1, POINTS)) + 1), s.edges);
  float weighted = 0, kept = 0;
  for (int i = 0; i < s.edges; i++) {
    int k = s.lowest + i;
    float share = k > s.highest ? 0 : grid->kept[level_of(k, grid->fewest)];
    s.numerator[i] = weighted - k * share;
    s.denominator[i] = kept - share;
    s.weighted[i] = weighted = k * share;
    s.kept[i] = kept = share;
  }
  return s;
}

// ---- forward ----

// The point with the largest kept probability is, among the points that each level reaches, the nearest to x.
CC_CLONES static void choose(const relaxation *s, int64_t count, const float *restrict x, int8_t *restrict symbols) {
  float alpha = s->grid->alpha, ratio = s->grid->ratio;
  int fewest = s->grid->fewest, top = 0;
  while (1 << (fewest + top - 1) <= s->highest) top++;
  float best[LANES], place[LANES], scores[LANES];
  for (int64_t start = 0; start < count; start += LANES) {
    int64_t lanes = cc_min(LANES, count - start);
    for (int level = 0; level <= top; level++) {
      float low = -(float)(1 << (fewest + level - 1)), high = -low - 1, kept = s->grid->kept[level];
      for (int64_t lane = 0; lane < lanes; lane++) {
        float t = limited(x[start + lane] / alpha, s->lowest - 1, s->highest + 1);
        float k = limited(rintf(t), low, high);
        // On the side where both are small.
        float side = t < 0 ? -1 : 1, near, far, slope;
        logistic(side * (k - t) * ratio + 0.5f * ratio, &near, &slope);
        logistic(side * (k - t) * ratio - 0.5f * ratio, &far, &slope);
        scores[lane] = kept * (near - far);
        place[lane] = level == 0 || scores[lane] > best[lane] ? k : place[lane];
        best[lane] = level == 0 || scores[lane] > best[lane] ? scores[lane] : best[lane];
      }
    }
    for (int64_t lane = 0; lane < lanes; lane++) symbols[start + lane] = (int8_t)(int32_t)place[lane];
  }
}

CC_CLONES static void round_plain(float alpha, float low, float high, int64_t count, const float *restrict x,
                                  int8_t *restrict symbols) {
  for (int64_t i = 0; i < count; i++) symbols[i] = (int8_t)(int32_t)rintf(limited(x[i] / alpha, low, high));
}

static void symbols_of(const relaxation *s, int64_t count, const float *x, int8_t *symbols) {
  int isWhole = 1;
  for (int level = 0; level < s->grid->levels; level++) {
    isWhole = isWhole && (s->grid->kept[level] == 0 || s->grid->kept[level] == 1);
  }
  if (isWhole) {
    round_plain(s->grid->alpha, s->lowest, s->highest, count, x, symbols);
  } else {
    choose(s, count, x, symbols);
  }
}

static void symbols_work(void *context, int64_t first, int64_t last) {
  relaxation *s = context;
  int64_t start = first * BLOCK, count = cc_min(last * BLOCK, s->count) - start;
  symbols_of(s, count, s->x + start, s->symbols + start);
}

void cc_relaxed_symbols(const cc_relaxed_grid *grid, int64_t count, const float *x, int8_t *symbols) {
  relaxation s = prepared(grid);
  s.count = count;
  s.x = x;
  s.symbols = symbols;
  cc_parallel((count + BLOCK - 1) / BLOCK, symbols_work, &s);
}

// ---- backward ----

// Of the sixteen weights at hand. With F and f the logistic function and its slope at the distance of an edge, and
// a and b the edge's share in numerator and denominator: Σ a·F, Σ b·F, Σ a·f, Σ b·f, and the last two times the
// distance in steps.
typedef struct {
  float t[LANES], side[LANES], gradient[LANES], isInside[LANES], symbol[LANES];
  int32_t first[LANES];
  float numerator[LANES], denominator[LANES];
  float numerator_slope[LANES], denominator_slope[LANES], numerator_stretch[LANES], denominator_stretch[LANES];
  // F at each edge of the window.
  float values[POINTS + 1][LANES];
} lanes16;

CC_INLINE void load(const relaxation *s, lanes16 *v, int64_t lanes, const float *x, const float *gradient,
                    const int8_t *symbols) {
  int32_t farthest = s->edges - s->window;
  for (int lane = 0; lane < LANES; lane++) {
    float plain = lane < lanes ? x[lane] / s->grid->alpha : 0;
    float t = limited(plain, s->lowest - 1, s->highest + 1);
    v->t[lane] = t;
    v->isInside[lane] = t == plain ? 1 : 0;
    v->side[lane] = t < 0 ? -1 : 1;
    v->gradient[lane] = lane < lanes ? gradient[lane] : 0;
    v->symbol[lane] = lane < lanes ? symbols[lane] : 0;
    int32_t first = (int32_t)rintf(t) - s->lowest + 1 - s->window / 2;
    first = first < 0 ? 0 : first;
    v->first[lane] = first > farthest ? farthest : first;
  }
}

CC_INLINE void add_edges(const relaxation *s, lanes16 *v) {
  float ratio = s->grid->ratio;
  memset(v->numerator, 0, 6 * sizeof v->numerator);
  for (int i = 0; i < s->window; i++) {
    for (int lane = 0; lane < LANES; lane++) {
      int32_t edge = v->first[lane] + i;
      float a = s->numerator[edge], b = s->denominator[edge], value, slope;
      float distance = s->lowest - 0.5f + edge - v->t[lane];
      logistic(v->side[lane] * distance * ratio, &value, &slope);
      v->values[i][lane] = value;
      v->numerator[lane] += a * value;
      v->denominator[lane] += b * value;
      v->numerator_slope[lane] += a * slope;
      v->denominator_slope[lane] += b * slope;
      v->numerator_stretch[lane] += a * distance * slope;
      v->denominator_stretch[lane] += b * distance * slope;
    }
  }
  // Beyond the window F is 1 on one side, whose shares add up to those of a single point; for a mirrored lane that is
  // the other side, and all shares together are 0.
  for (int lane = 0; lane < LANES; lane++) {
    int32_t left = v->first[lane] - 1, right = v->first[lane] + s->window - 1;
    float a = v->side[lane] > 0 ? s->weighted[right] : left < 0 ? 0 : s->weighted[left];
    float b = v->side[lane] > 0 ? s->kept[right] : left < 0 ? 0 : s->kept[left];
    v->numerator[lane] = a + v->side[lane] * v->numerator[lane];
    v->denominator[lane] = b + v->side[lane] * v->denominator[lane];
  }
}

// What the probability of the chosen point is and how it moves, in place of the expected point.
CC_INLINE void take_chosen(const relaxation *s, const lanes16 *v, int lane, float *still, float *moving,
                           float *stretching) {
  float ratio = s->grid->ratio, k = v->symbol[lane], t = v->t[lane], side = v->side[lane];
  float kept = s->kept[(int)k - s->lowest], high, low, high_slope, low_slope;
  logistic(side * (k + 0.5f - t) * ratio, &high, &high_slope);
  logistic(side * (k - 0.5f - t) * ratio, &low, &low_slope);
  float share = kept * side * (high - low) / v->denominator[lane];
  *still = share;
  *moving = k * (kept * (high_slope - low_slope) - share * v->denominator_slope[lane]);
  *stretching = k * (kept * ((k + 0.5f - t) * high_slope - (k - 0.5f - t) * low_slope) -
                     share * v->denominator_stretch[lane]);
}

// What dropping a level would change: points[k] gathers the gradient for what is kept of point k.
CC_INLINE void add_points(const relaxation *s, const lanes16 *v, const float *still, float *points) {
  for (int lane = 0; lane < LANES; lane++) {
    float factor = v->gradient[lane] * s->grid->alpha / v->denominator[lane], k = v->symbol[lane];
    for (int i = 0; i + 1 < s->window; i++) {
      int32_t point = v->first[lane] + i;
      float chance = v->side[lane] * (v->values[i + 1][lane] - v->values[i][lane]);
      float worth = s->grid->literal ? -k * still[lane] : s->lowest + point - still[lane];
      if (s->grid->literal && s->lowest + point == k) worth += k;
      points[point * LANES + lane] += factor * worth * chance;
    }
  }
}

CC_INLINE void finish(const relaxation *s, const lanes16 *v, int64_t lanes, float *result, float *alphas,
                      float *sigmas, float *points) {
  float ratio = s->grid->ratio, alpha = s->grid->alpha, still[LANES];
  for (int lane = 0; lane < LANES; lane++) {
    float mean = v->numerator[lane] / v->denominator[lane];
    float moving = v->numerator_slope[lane] - mean * v->denominator_slope[lane];
    float stretching = v->numerator_stretch[lane] - mean * v->denominator_stretch[lane];
    still[lane] = mean;
    if (s->grid->literal) take_chosen(s, v, lane, &still[lane], &moving, &stretching);
    moving *= ratio / v->denominator[lane];
    stretching *= ratio / v->denominator[lane];
    float gradient = v->gradient[lane], isInside = v->isInside[lane];
    if (lane < lanes) result[lane] = -gradient * isInside * moving;
    alphas[lane] += gradient * alpha * (v->symbol[lane] + stretching + isInside * v->t[lane] * moving);
    sigmas[lane] -= gradient * alpha * stretching;
  }
  if (points) add_points(s, v, still, points);
}

CC_CLONES static void backward_block(const relaxation *s, int64_t count, const float *restrict x,
                                     const float *restrict gradient, const int8_t *restrict symbols,
                                     float *restrict result, double *sums, float *points) {
  float alphas[LANES] = {0}, sigmas[LANES] = {0};
  lanes16 v;
  for (int64_t start = 0; start < count; start += LANES) {
    int64_t lanes = cc_min(LANES, count - start);
    load(s, &v, lanes, x + start, gradient + start, symbols + start);
    add_edges(s, &v);
    finish(s, &v, lanes, result + start, alphas, sigmas, points);
  }
  for (int lane = 0; lane < LANES; lane++) {
    sums[0] += alphas[lane];
    sums[1] += sigmas[lane];
  }
}

static void backward_work(void *context, int64_t first, int64_t last) {
  relaxation *s = context;
  int8_t symbols[BLOCK];
  float *points = s->grid->weighs_levels ? malloc(POINTS * LANES * sizeof(float)) : NULL;
  for (int64_t block = first; block < last; block++) {
    int64_t start = block * BLOCK, count = cc_min(start + BLOCK, s->count) - start;
    double *sums = s->sums + block * (2 + LEVELS);
    if (points) memset(points, 0, POINTS * LANES * sizeof(float));
    symbols_of(s, count, s->x + start, symbols);
    backward_block(s, count, s->x + start, s->gradient + start, symbols, s->result + start, sums, points);
    if (!points) continue;
    for (int k = s->lowest; k <= s->highest; k++) {
      double *sum = sums + 2 + level_of(k, s->grid->fewest);
      for (int lane = 0; lane < LANES; lane++) *sum += points[(k - s->lowest) * LANES + lane];
    }
  }
  free(points);
}

void cc_relaxed_backward(const cc_relaxed_grid *grid, int64_t count, const float *x, const float *gradient,
                         float *result, double *sums) {
  relaxation s = prepared(grid);
  int64_t blocks = (count + BLOCK - 1) / BLOCK;
  s.count = count;
  s.x = x;
  s.gradient = gradient;
  s.result = result;
  s.sums = calloc((size_t)cc_max(1, blocks * (2 + LEVELS)), sizeof(double));
  cc_parallel(blocks, backward_work, &s);
  for (int i = 0; i < 2 + grid->levels; i++) {
    sums[i] = 0;
    for (int64_t block = 0; block < blocks; block++) sums[i] += s.sums[block * (2 + LEVELS) + i];
  }
  free(s.sums);
}
