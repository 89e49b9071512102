// Loops of activations of few bits: signs, and whole multiples of a step.
//
// All of them run on the one pool, and no sum depends on the number of threads.
#pragma once
#include <stdint.h>

// ---- signs ----

typedef enum {
  CC_STRAIGHT_THROUGH,  // 1 between −1 and 1, else 0
  CC_APPROXIMATE,       // max(0, 2 − 2 · |x|)
  CC_ERROR_DECAY,       // max(1, t) · (1 − tanh²(t · x)), t the sharpness
} cc_sign_slope;

// y = 1 where x ≥ 0, else −1.
void cc_sign(int64_t count, const float *x, float *y);
// result = gradient · slope at x; it may be gradient.
void cc_sign_backward(cc_sign_slope slope, float sharpness, int64_t count, const float *x, const float *gradient,
                      float *result);

// ---- whole multiples of a step ----

// The levels are minimum, minimum + 1, …, maximum, whole numbers, times the step.
typedef struct {
  float step, minimum, maximum;
  // The slope that is taken for the staircase's own, at minimum − 1 + i / density for i from 0 to samples − 1, and 0
  // beyond; null for 1 from minimum to maximum and 0 beyond.
  const float *slopes;
  int64_t samples, density;
} cc_staircase;

// y = step · min(maximum, max(minimum, x / step rounded)), halves to the even number.
void cc_quantize(const cc_staircase *stairs, int64_t count, const float *x, float *y);
// result = gradient · slope at x / step; it may be gradient. Returns Σ gradient · (level − slope · x / step), which is
// what comes of it for the step.
double cc_quantize_backward(const cc_staircase *stairs, int64_t count, const float *x, const float *gradient,
                            float *result);
// The slope of the mean level of v + noise, noise logistic of the given spread, at minimum − 1 + i / density for i from
// 0 to (maximum − minimum + 2) · density: the levels and the noise within the bounds, and so the staircase made smooth.
void cc_smooth_slopes(float minimum, float maximum, float spread, int64_t density, float *slopes);
