#include "CCActivations.h"
#include "functions.h"
#include "internal.h"
#include <stdlib.h>

// Numbers are handed to threads in blocks of this many; fewer are not worth a fork.
enum { BLOCK = 16384, LANES = 16 };
static int64_t blocks(int64_t count) { return (count + BLOCK - 1) / BLOCK; }

typedef struct {
  int64_t count;
  const float *x, *gradient;
  float *result;
  cc_sign_slope slope;
  float sharpness;
  cc_staircase stairs;
  double *sums;
} activation;

// ---- signs ----

CC_CLONES static void sign_range(int64_t count, const float *restrict x, float *restrict y) {
  for (int64_t i = 0; i < count; i++) y[i] = x[i] >= 0 ? 1.0f : -1.0f;
}
static void sign_work(void *context, int64_t first, int64_t last) {
  activation *a = context;
  int64_t start = first * BLOCK, end = cc_min(last * BLOCK, a->count);
  sign_range(end - start, a->x + start, a->result + start);
}
void cc_sign(int64_t count, const float *x, float *y) {
  activation a = {.count = count, .x = x, .result = y};
  cc_parallel(blocks(count), sign_work, &a);
}

// In these loops the result may be the gradient itself: each number is read before it is written, which assume_safety
// says.
CC_CLONES static void straight_range(int64_t count, const float *x, const float *gradient, float *result) {
  _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = 0; i < count; i++) {
    result[i] = x[i] > -1 && x[i] < 1 ? gradient[i] : 0;
  }
}
CC_CLONES static void approximate_range(int64_t count, const float *x, const float *gradient, float *result) {
  _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = 0; i < count; i++) {
    float slope = 2 - 2 * fabsf(x[i]);
    result[i] = gradient[i] * (slope > 0 ? slope : 0);
  }
}
CC_CLONES static void decaying_range(float sharpness, int64_t count, const float *x, const float *gradient,
                                     float *result) {
  float peak = sharpness > 1 ? sharpness : 1;
  _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = 0; i < count; i++) {
    float t = cc_tanh(sharpness * x[i]);
    result[i] = gradient[i] * (peak * (1 - t * t));
  }
}
static void sign_backward_work(void *context, int64_t first, int64_t last) {
  activation *a = context;
  int64_t start = first * BLOCK, count = cc_min(last * BLOCK, a->count) - start;
  const float *x = a->x + start, *gradient = a->gradient + start;
  float *result = a->result + start;
  switch (a->slope) {
    case CC_STRAIGHT_THROUGH: straight_range(count, x, gradient, result); break;
    case CC_APPROXIMATE: approximate_range(count, x, gradient, result); break;
    case CC_ERROR_DECAY: decaying_range(a->sharpness, count, x, gradient, result); break;
  }
}
void cc_sign_backward(cc_sign_slope slope, float sharpness, int64_t count, const float *x, const float *gradient,
                      float *result) {
  activation a = {.count = count, .x = x, .gradient = gradient, .result = result, .slope = slope,
                  .sharpness = sharpness};
  cc_parallel(blocks(count), sign_backward_work, &a);
}

// ---- whole multiples of a step ----

// The nearest whole number, halves to the even one, for |v| < 2^22: adding 1.5 · 2^23 leaves no fraction.
CC_INLINE float nearest(float v) { return (v + 12582912.0f) - 12582912.0f; }

// The bounds are whole numbers, so what lies beyond them may be brought there before the rounding.
CC_INLINE float level(float v, float minimum, float maximum) {
  float bounded = v < minimum ? minimum : v;
  return nearest(bounded > maximum ? maximum : bounded);
}

CC_CLONES static void quantize_range(float step, float minimum, float maximum, int64_t count, const float *restrict x,
                                     float *restrict y) {
  for (int64_t i = 0; i < count; i++) y[i] = step * level(x[i] / step, minimum, maximum);
}
static void quantize_work(void *context, int64_t first, int64_t last) {
  activation *a = context;
  int64_t start = first * BLOCK, end = cc_min(last * BLOCK, a->count);
  quantize_range(a->stairs.step, a->stairs.minimum, a->stairs.maximum, end - start, a->x + start, a->result + start);
}
void cc_quantize(const cc_staircase *stairs, int64_t count, const float *x, float *y) {
  activation a = {.count = count, .x = x, .result = y, .stairs = *stairs};
  cc_parallel(blocks(count), quantize_work, &a);
}

CC_INLINE float hard_slope(float v, float minimum, float maximum) { return v >= minimum && v <= maximum ? 1 : 0; }

// Between two samples along a straight line.
CC_INLINE float smooth_slope(float v, const cc_staircase *stairs) {
  float place = (v - (stairs->minimum - 1)) * stairs->density, last = stairs->samples - 1;
  float inside = place >= 0 && place <= last ? 1 : 0;
  float bounded = place > 0 ? place : 0;
  bounded = bounded < last ? bounded : last;
  int32_t left = (int32_t)bounded;
  left = left < (int32_t)stairs->samples - 2 ? left : (int32_t)stairs->samples - 2;
  float share = bounded - left;
  return inside * (stairs->slopes[left] + share * (stairs->slopes[left + 1] - stairs->slopes[left]));
}

// Sixteen numbers are read before any is written, since the result may be the gradient; sixteen sums side by side, then
// one, so that a block's sum is the same for every thread.
#define QUANTIZE_BACKWARD(NAME, SLOPE)                                                                                \
  CC_CLONES static double NAME(const cc_staircase *stairs, int64_t count, const float *x, const float *gradient,      \
                               float *result) {                                                                       \
    float step = stairs->step, minimum = stairs->minimum, maximum = stairs->maximum;                                  \
    float lanes[LANES] = {0};                                                                                         \
    double rest = 0;                                                                                                  \
    int64_t i = 0;                                                                                                    \
    for (; i + LANES <= count; i += LANES) {                                                                          \
      float passed[LANES];                                                                                            \
      for (int lane = 0; lane < LANES; lane++) {                                                                      \
        float v = x[i + lane] / step, slope = SLOPE, g = gradient[i + lane];                                          \
        passed[lane] = slope * g;                                                                                     \
        lanes[lane] += g * (level(v, minimum, maximum) - slope * v);                                                  \
      }                                                                                                               \
      for (int lane = 0; lane < LANES; lane++) result[i + lane] = passed[lane];                                       \
    }                                                                                                                 \
    for (; i < count; i++) {                                                                                          \
      float v = x[i] / step, slope = SLOPE, g = gradient[i];                                                          \
      result[i] = slope * g;                                                                                          \
      rest += g * (level(v, minimum, maximum) - slope * v);                                                           \
    }                                                                                                                 \
    for (int lane = 0; lane < LANES; lane++) rest += lanes[lane];                                                     \
    return rest;                                                                                                      \
  }

QUANTIZE_BACKWARD(hard_backward, hard_slope(v, minimum, maximum))
QUANTIZE_BACKWARD(smooth_backward, smooth_slope(v, stairs))

static void quantize_backward_work(void *context, int64_t first, int64_t last) {
  activation *a = context;
  for (int64_t block = first; block < last; block++) {
    int64_t start = block * BLOCK, count = cc_min(BLOCK, a->count - start);
    const float *x = a->x + start, *gradient = a->gradient + start;
    a->sums[block] = a->stairs.slopes ? smooth_backward(&a->stairs, count, x, gradient, a->result + start)
                                      : hard_backward(&a->stairs, count, x, gradient, a->result + start);
  }
}
double cc_quantize_backward(const cc_staircase *stairs, int64_t count, const float *x, const float *gradient,
                            float *result) {
  double *sums = malloc(sizeof(double) * (size_t)cc_max(blocks(count), 1)), sum = 0;
  if (!sums) abort();
  activation a = {.count = count, .x = x, .gradient = gradient, .result = result, .stairs = *stairs, .sums = sums};
  cc_parallel(blocks(count), quantize_backward_work, &a);
  for (int64_t block = 0; block < blocks(count); block++) sum += sums[block];
  free(sums);
  return sum;
}

// ---- the smooth staircase ----

// The distribution function of the noise at an edge between two levels, and its slope, for the samples first ..< last;
// weight times them is added to `mean` and `share` and to their slopes.
CC_CLONES static void add_edge(float edge, float spread, float start, float density, float mean_weight,
                               float share_weight, int64_t first, int64_t last, float *restrict mean,
                               float *restrict mean_slope, float *restrict share, float *restrict share_slope) {
  for (int64_t i = first; i < last; i++) {
    float below = cc_sigmoid((edge - (start + i / density)) / spread);
    float slope = -below * (1 - below) / spread;
    mean[i] += mean_weight * below;
    mean_slope[i] += mean_weight * slope;
    share[i] += share_weight * below;
    share_slope[i] += share_weight * slope;
  }
}

// With S_j the distribution function at the edge below level j, the mean level is Σ k (S_{k+1} − S_k) / Z, and summed
// by parts (maximum · S_last − minimum · S_first − Σ of those between) / Z, with Z = S_last − S_first.
void cc_smooth_slopes(float minimum, float maximum, float spread, int64_t density, float *slopes) {
  int64_t levels = (int64_t)(maximum - minimum) + 1, samples = (levels + 1) * density + 1;
  float *work = calloc((size_t)samples * 4, sizeof(float));
  if (!work) abort();
  float *mean = work, *mean_slope = work + samples, *share = work + 2 * samples, *share_slope = work + 3 * samples;
  float start = minimum - 1;
  for (int64_t j = 0; j <= levels; j++) {
    float edge = minimum + j - 0.5f;
    float mean_weight = j == levels ? maximum : j == 0 ? -minimum : -1;
    float share_weight = j == levels ? 1 : j == 0 ? -1 : 0;
    // Beyond 18 spreads it is 1 or 0 to the last digit.
    int64_t first = cc_min(samples, cc_max(0, (int64_t)((edge - 18 * spread - start) * density)));
    int64_t last = cc_min(samples, cc_max(first, (int64_t)((edge + 18 * spread - start) * density) + 1));
    for (int64_t i = 0; i < first; i++) {
      mean[i] += mean_weight;
      share[i] += share_weight;
    }
    add_edge(edge, spread, start, density, mean_weight, share_weight, first, last, mean, mean_slope, share,
             share_slope);
  }
  for (int64_t i = 0; i < samples; i++) {
    slopes[i] = (mean_slope[i] - mean[i] / share[i] * share_slope[i]) / share[i];
  }
  free(work);
}
