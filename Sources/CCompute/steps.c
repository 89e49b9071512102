#include "CCCodings.h"
#include "internal.h"
#include "lanes.h"

typedef struct {
  int64_t columns;
  float low, high;
  const float *x, *steps, *gradient;
  float *result, *sums;
  int8_t *symbols;
} rounding;

// Comparisons with what is no number are false: it becomes low.
CC_INLINE float between(float v, float low, float high) {
  float y = v > low ? v : low;
  return y < high ? y : high;
}

CC_CLONES static float magnitudes(int64_t count, const float *restrict x) {
  float lanes[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) lanes[lane] += fabsf(x[i + lane]);
  }
  for (; i < count; i++) lanes[0] += fabsf(x[i]);
  return folded(lanes);
}

static void magnitudes_work(void *context, int64_t first, int64_t last) {
  rounding *s = context;
  for (int64_t row = first; row < last; row++) s->sums[row] = magnitudes(s->columns, s->x + row * s->columns);
}

void cc_row_magnitudes(int64_t rows, int64_t columns, const float *x, float *sums) {
  rounding s = {.columns = columns, .x = x, .sums = sums};
  cc_parallel(rows, magnitudes_work, &s);
}

CC_CLONES static void round_row(int64_t count, float low, float high, float step, const float *restrict x,
                                int8_t *restrict symbols) {
  for (int64_t i = 0; i < count; i++) symbols[i] = (int8_t)(int32_t)rintf(between(x[i] / step, low, high));
}

static void round_work(void *context, int64_t first, int64_t last) {
  rounding *s = context;
  for (int64_t row = first; row < last; row++) {
    round_row(s->columns, s->low, s->high, s->steps[row], s->x + row * s->columns, s->symbols + row * s->columns);
  }
}

void cc_round_to_steps(int64_t rows, int64_t columns, float low, float high, const float *x, const float *steps,
                       int8_t *symbols) {
  rounding s = {.columns = columns, .low = low, .high = high, .x = x, .steps = steps, .symbols = symbols};
  cc_parallel(rows, round_work, &s);
}

CC_INLINE float slope(float v, float low, float high) {
  float near = rintf(between(v, low, high));
  return v >= low && v <= high ? near - v : near;
}

CC_CLONES static float backward_row(int64_t count, float low, float high, float step, const float *restrict x,
                                    const float *restrict gradient, float *restrict result) {
  float lanes[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) {
      float v = x[i + lane] / step, g = gradient[i + lane];
      result[i + lane] = v >= low && v <= high ? g : 0;
      lanes[lane] += g * slope(v, low, high);
    }
  }
  for (; i < count; i++) {
    float v = x[i] / step, g = gradient[i];
    result[i] = v >= low && v <= high ? g : 0;
    lanes[0] += g * slope(v, low, high);
  }
  return folded(lanes);
}

static void backward_work(void *context, int64_t first, int64_t last) {
  rounding *s = context;
  for (int64_t row = first; row < last; row++) {
    int64_t skip = row * s->columns;
    s->sums[row] = backward_row(s->columns, s->low, s->high, s->steps[row], s->x + skip, s->gradient + skip,
                                s->result + skip);
  }
}

void cc_round_to_steps_backward(int64_t rows, int64_t columns, float low, float high, const float *x,
                                const float *steps, const float *gradient, float *result, float *sums) {
  rounding s = {.columns = columns, .low = low, .high = high, .x = x, .steps = steps, .gradient = gradient,
                .result = result, .sums = sums};
  cc_parallel(rows, backward_work, &s);
}
