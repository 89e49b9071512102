#include "CCCodings.h"
#include "internal.h"
#include "lanes.h"
#include <stdlib.h>

// Weights are worked on sixteen at a time, one in each lane of a vector; their sums are folded block by block.
enum { BLOCK = 4096, POINTS = 256, LEVELS = 8 };

typedef struct {
  const cc_relaxed_grid *grid;
  // Of the highest level that is kept at all.
  int lowest, highest, edges, window;
  // Of edge i, lowest − ½ + i, with the points left and right of it: (k · kept) left − right, (kept) left − right; and
  // both of the point to the right, 0 beyond the grid, and its level.
  float numerator[POINTS + 1], denominator[POINTS + 1], weighted[POINTS + 1], kept[POINTS + 1];
  int32_t level[POINTS + 1];
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
    s.level[i] = k > s.highest ? 0 : level_of(k, grid->fewest);
    float share = k > s.highest ? 0 : grid->kept[s.level[i]];
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
  // The expected point, or the probability of the chosen one, and how it moves with x and with the scales.
  float expected[LANES], moving[LANES], stretching[LANES];
  // F at each edge of the window.
  float values[POINTS + 1][LANES];
} lanes16;

// Lanes that have no weight get one that changes nothing.
CC_INLINE void load(const relaxation *s, lanes16 *v, int64_t lanes, const float *x, const float *gradient,
                    const int8_t *symbols) {
  float alpha = s->grid->alpha, lowest = s->lowest - 1, highest = s->highest + 1, weight[LANES] = {0};
  int8_t symbol[LANES] = {0};
  memset(v->gradient, 0, sizeof v->gradient);
  memcpy(weight, x, lanes * sizeof(float));
  memcpy(v->gradient, gradient, lanes * sizeof(float));
  memcpy(symbol, symbols, lanes);
  int32_t farthest = s->edges - s->window, reach = 1 - s->lowest - s->window / 2;
  for (int lane = 0; lane < LANES; lane++) {
    float plain = weight[lane] / alpha, t = limited(plain, lowest, highest);
    v->t[lane] = t;
    v->isInside[lane] = t == plain ? 1 : 0;
    v->side[lane] = t < 0 ? -1 : 1;
    v->symbol[lane] = symbol[lane];
    int32_t first = (int32_t)rintf(t) + reach;
    first = first < 0 ? 0 : first;
    v->first[lane] = first > farthest ? farthest : first;
  }
}

// Where the window holds all edges, each is the same for all lanes, and nothing need be looked up lane by lane.
CC_INLINE void add_edges(const relaxation *s, lanes16 *v, int isWhole) {
  float ratio = s->grid->ratio, before = s->lowest - 0.5f;
  memset(v->numerator, 0, 6 * sizeof v->numerator);
  for (int i = 0; i < s->window; i++) {
    for (int lane = 0; lane < LANES; lane++) {
      int32_t edge = isWhole ? i : v->first[lane] + i;
      float a = s->numerator[edge], b = s->denominator[edge], value, slope;
      float distance = before + edge - v->t[lane];
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
    int32_t point = v->side[lane] > 0 ? right : left < 0 ? s->edges - 1 : left;
    v->numerator[lane] = s->weighted[point] + v->side[lane] * v->numerator[lane];
    v->denominator[lane] = s->kept[point] + v->side[lane] * v->denominator[lane];
  }
}

// The expected point, all probabilities of which move.
CC_INLINE void take_expected(lanes16 *v) {
  for (int lane = 0; lane < LANES; lane++) {
    float expected = v->numerator[lane] / v->denominator[lane];
    v->expected[lane] = expected;
    v->moving[lane] = v->numerator_slope[lane] - expected * v->denominator_slope[lane];
    v->stretching[lane] = v->numerator_stretch[lane] - expected * v->denominator_stretch[lane];
  }
}

// The probability of the chosen point alone, times the point.
CC_INLINE void take_chosen(const relaxation *s, lanes16 *v) {
  float ratio = s->grid->ratio;
  for (int lane = 0; lane < LANES; lane++) {
    float k = v->symbol[lane], t = v->t[lane], side = v->side[lane];
    float kept = s->kept[(int32_t)k - s->lowest], high, low, high_slope, low_slope;
    logistic(side * (k + 0.5f - t) * ratio, &high, &high_slope);
    logistic(side * (k - 0.5f - t) * ratio, &low, &low_slope);
    float share = kept * side * (high - low) / v->denominator[lane];
    v->expected[lane] = share;
    v->moving[lane] = k * (kept * (high_slope - low_slope) - share * v->denominator_slope[lane]);
    v->stretching[lane] = k * (kept * ((k + 0.5f - t) * high_slope - (k - 0.5f - t) * low_slope) -
                               share * v->denominator_stretch[lane]);
  }
}

// The gradient for what is kept of each level: what its points are worth, times how likely they are.
CC_INLINE void add_levels(const relaxation *s, const lanes16 *v, int isWhole, float (*levels)[LANES]) {
  int isLiteral = s->grid->literal;
  float factor[LANES], worth[LANES], chosen[LANES], parts[LANES];
  int32_t level[LANES];
  for (int lane = 0; lane < LANES; lane++) {
    factor[lane] = v->side[lane] * v->gradient[lane] * s->grid->alpha / v->denominator[lane];
    worth[lane] = isLiteral ? -v->symbol[lane] * v->expected[lane] : s->lowest - v->expected[lane];
    chosen[lane] = v->symbol[lane] - s->lowest;
  }
  for (int i = 0; i + 1 < s->window; i++) {
    for (int lane = 0; lane < LANES; lane++) {
      int32_t point = isWhole ? i : v->first[lane] + i;
      float own = isLiteral ? (chosen[lane] == point ? v->symbol[lane] : 0) : point;
      parts[lane] = factor[lane] * (worth[lane] + own) * (v->values[i + 1][lane] - v->values[i][lane]);
      level[lane] = s->level[point];
    }
    for (int l = 1; l < s->grid->levels; l++) {
      for (int lane = 0; lane < LANES; lane++) levels[l][lane] += level[lane] == l ? parts[lane] : 0;
    }
  }
}

CC_INLINE void finish(const relaxation *s, const lanes16 *v, int64_t lanes, float *result, float *alphas,
                      float *sigmas) {
  float ratio = s->grid->ratio, alpha = s->grid->alpha, gradients[LANES];
  for (int lane = 0; lane < LANES; lane++) {
    float scale = ratio / v->denominator[lane], gradient = v->gradient[lane];
    float moving = scale * v->moving[lane] * v->isInside[lane], stretching = scale * v->stretching[lane];
    gradients[lane] = -gradient * moving;
    alphas[lane] += gradient * alpha * (v->symbol[lane] + stretching + v->t[lane] * moving);
    sigmas[lane] -= gradient * alpha * stretching;
  }
  memcpy(result, gradients, lanes * sizeof(float));
}

CC_INLINE void backward_lanes(const relaxation *s, lanes16 *v, int isWhole, float (*levels)[LANES]) {
  add_edges(s, v, isWhole);
  if (s->grid->literal) {
    take_chosen(s, v);
  } else {
    take_expected(v);
  }
  if (s->grid->weighs_levels) add_levels(s, v, isWhole, levels);
}

CC_CLONES static void backward_block(const relaxation *s, int64_t count, const float *restrict x,
                                     const float *restrict gradient, const int8_t *restrict symbols,
                                     float *restrict result, double *sums) {
  float alphas[LANES] = {0}, sigmas[LANES] = {0}, levels[LEVELS][LANES] = {{0}};
  lanes16 v;
  for (int64_t start = 0; start < count; start += LANES) {
    int64_t lanes = cc_min(LANES, count - start);
    load(s, &v, lanes, x + start, gradient + start, symbols + start);
    if (s->window == s->edges) {
      backward_lanes(s, &v, 1, levels);
    } else {
      backward_lanes(s, &v, 0, levels);
    }
    finish(s, &v, lanes, result + start, alphas, sigmas);
  }
  for (int lane = 0; lane < LANES; lane++) {
    sums[0] += alphas[lane];
    sums[1] += sigmas[lane];
    for (int level = 0; level < LEVELS; level++) sums[2 + level] += levels[level][lane];
  }
}

static void backward_work(void *context, int64_t first, int64_t last) {
  relaxation *s = context;
  int8_t symbols[BLOCK];
  for (int64_t block = first; block < last; block++) {
    int64_t start = block * BLOCK, count = cc_min(start + BLOCK, s->count) - start;
    symbols_of(s, count, s->x + start, symbols);
    backward_block(s, count, s->x + start, s->gradient + start, symbols, s->result + start,
                   s->sums + block * (2 + LEVELS));
  }
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
