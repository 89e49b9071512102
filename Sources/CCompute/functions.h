#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

// Exponential, logarithm, error function and hyperbolic tangent without branches, so that loops over them become vector
// code. Each is within 5e-7 of the value (of its largest value where it nears 0), and but for the logarithm passes on
// what is not a number.

#define CC_INLINE static inline __attribute__((always_inline))

CC_INLINE float cc_from_bits(int32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
CC_INLINE int32_t cc_bits(float x) {
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

CC_INLINE float cc_two_to(int32_t power) { return cc_from_bits((int32_t)((uint32_t)(power + 127) << 23)); }

// 2^n · e^r with n whole and |r| ≤ ln 2 / 2: e^r by its series. 0 below the normal numbers, infinity above.
CC_INLINE float cc_exp(float x) {
  float near = x < -87.4f ? -87.4f : x;
  near = near > 88.8f ? 88.8f : near;
  // Adding 1.5 · 2^23 leaves the nearest whole number in the lowest bits.
  float shifted = near * 1.44269504f + 12582912.0f;
  float n = shifted - 12582912.0f;
  int32_t power = cc_bits(shifted) - 0x4B400000;
  float r = (near - n * 0.693359375f) + n * 2.12194440e-4f;
  float series = 1.0f / 720 + r * (1.0f / 5040);
  series = 1.0f / 120 + r * series;
  series = 1.0f / 24 + r * series;
  series = 1.0f / 6 + r * series;
  series = 0.5f + r * series;
  float e = 1 + (r + r * r * series);
  // In two steps, for 2^128 is no number.
  int32_t half = power >> 1;
  float value = e * cc_two_to(half) * cc_two_to(power - half);
  value = x < -87.33655f ? 0 : value;
  value = x > 88.72283f ? INFINITY : value;
  return x != x ? x : value;
}

// n · ln 2 + ln m with m from √½ to √2, whose logarithm is twice the series of the inverse hyperbolic tangent of
// (m − 1) / (m + 1). For normal numbers above 0 alone.
CC_INLINE float cc_log(float x) {
  int32_t bits = cc_bits(x), power = (bits - 0x3F3504F3) >> 23;
  float m = cc_from_bits(bits - (int32_t)((uint32_t)power << 23)), n = (float)power;
  float t = (m - 1) / (m + 1), square = t * t;
  float series = 1.0f / 7 + square * (1.0f / 9 + square * (1.0f / 11));
  series = 1.0f / 3 + square * (1.0f / 5 + square * series);
  return n * 0.693359375f + (2 * t * (1 + square * series) - n * 2.12194440e-4f);
}

CC_INLINE float cc_sigmoid(float x) { return 1 / (1 + cc_exp(-x)); }

// Near 0 Lambert's continued fraction, elsewhere by the exponential.
CC_INLINE float cc_tanh(float x) {
  float square = x * x, size = fabsf(x);
  float above = 135135 + square * (17325 + square * (378 + square));
  float below = 135135 + square * (62370 + square * (3150 + square * 28));
  float far = 1 - 2 / (cc_exp(2 * size) + 1);
  return size < 0.7f ? x * above / below : copysignf(far, x);
}

// Near 0 its series; elsewhere Abramowitz and Stegun, 7.1.26, whose error is below 1.5e-7.
CC_INLINE float cc_erf(float x) {
  float square = x * x, size = fabsf(x);
  float series = -1.0f / 6894720 + square * (1.0f / 76204800);
  series = 1.0f / 685440 + square * series;
  series = -1.0f / 75600 + square * series;
  series = 1.0f / 9360 + square * series;
  series = -1.0f / 1320 + square * series;
  series = 1.0f / 216 + square * series;
  series = -1.0f / 42 + square * series;
  series = 1.0f / 10 + square * series;
  series = 1 + square * (-1.0f / 3 + square * series);
  float near = x * 1.12837917f * series;
  float t = 1 / (1 + 0.3275911f * size);
  float tail = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  float far = 1 - tail * cc_exp(-square);
  return size < 1 ? near : copysignf(far, x);
}
