#include "CCMethods.h"
#include "functions.h"
#include "internal.h"
#include "lanes.h"
#include <float.h>

typedef struct {
  int64_t columns;
  float share, softness;
  const float *weight, *gradient;
  float *result;
} group;

CC_INLINE float mean_magnitude(int64_t columns, const float *restrict x) {
  float lanes[LANES] = {0}, rest = 0;
  int64_t c = 0;
  for (; c + LANES <= columns; c += LANES) {
    for (int lane = 0; lane < LANES; lane++) lanes[lane] += fabsf(x[c + lane]);
  }
  for (; c < columns; c++) rest += fabsf(x[c]);
  return (folded(lanes) + rest) / columns;
}

CC_INLINE float sign(float x) { return x >= 0 ? 1 : -1; }

CC_CLONES static void transform_row(int64_t columns, float share, float softness, const float *restrict w,
                                    float *restrict q) {
  float m = mean_magnitude(columns, w);
  if (!(m >= FLT_MIN)) {
    for (int64_t c = 0; c < columns; c++) q[c] = w[c];
    return;
  }
  const float inverse = 1 / m, exponent = (share - 1) / 2, least = softness * softness;
  for (int64_t c = 0; c < columns; c++) {
    float v = w[c] * inverse;
    q[c] = v * cc_exp(exponent * cc_log(v * v + least));
  }
  float factor = m / mean_magnitude(columns, q);
  for (int64_t c = 0; c < columns; c++) q[c] *= factor;
}

static void transform_work(void *context, int64_t first, int64_t last) {
  group *g = context;
  for (int64_t row = first; row < last; row++) {
    transform_row(g->columns, g->share, g->softness, g->weight + row * g->columns, g->result + row * g->columns);
  }
}

void cc_group_transform(int64_t rows, int64_t columns, float share, float softness, const float *weight,
                        float *result) {
  group g = {columns, share, softness, weight, 0, result};
  cc_parallel(rows, transform_work, &g);
}

// Of m · sign(w): mean (g · sign(w)) · sign(w).
CC_CLONES static void sign_backward_row(int64_t columns, const float *restrict w, const float *restrict g,
                                        float *restrict result) {
  float lanes[LANES] = {0}, rest = 0;
  int64_t c = 0;
  for (; c + LANES <= columns; c += LANES) {
    for (int lane = 0; lane < LANES; lane++) lanes[lane] += g[c + lane] * sign(w[c + lane]);
  }
  for (; c < columns; c++) rest += g[c] * sign(w[c]);
  float mean = (folded(lanes) + rest) / columns;
  for (c = 0; c < columns; c++) result[c] = mean * sign(w[c]);
}

// Writes the slopes of r to `slope`; gives R = mean |r| and t = mean (g · r) / R.
CC_INLINE void slopes(int64_t columns, float share, float softness, float inverse, const float *restrict w,
                      const float *restrict g, float *restrict slope, float *R, float *t) {
  const float exponent = (share - 1) / 2, least = softness * softness;
  float sizes[LANES] = {0}, products[LANES] = {0}, size = 0, product = 0;
  int64_t c = 0;
  for (; c + LANES <= columns; c += LANES) {
    for (int lane = 0; lane < LANES; lane++) {
      float v = w[c + lane] * inverse, y = v * v + least, power = cc_exp(exponent * cc_log(y));
      slope[c + lane] = power * ((share * v * v + least) / y);
      sizes[lane] += fabsf(v * power);
      products[lane] += g[c + lane] * v * power;
    }
  }
  for (; c < columns; c++) {
    float v = w[c] * inverse, y = v * v + least, power = cc_exp(exponent * cc_log(y));
    slope[c] = power * ((share * v * v + least) / y);
    size += fabsf(v * power);
    product += g[c] * v * power;
  }
  *R = (folded(sizes) + size) / columns;
  *t = (folded(products) + product) / columns / *R;
}

// q = m · r(v) / R, R = mean |r|, v = w / m. With t = mean (g · r) / R and k = (g − sign · t) · r' / R:
// ∂L/∂w = k + sign · (t − mean (k · v)), of which t is what the level gives.
CC_CLONES static void backward_row(int64_t columns, float share, float softness, const float *restrict w,
                                   const float *restrict g, float *restrict result) {
  float m = mean_magnitude(columns, w);
  if (!(m >= FLT_MIN)) {
    for (int64_t c = 0; c < columns; c++) result[c] = g[c];
    return;
  }
  float R, t;
  const float inverse = 1 / m;
  slopes(columns, share, softness, inverse, w, g, result, &R, &t);
  const float scale = 1 / R;
  float lanes[LANES] = {0}, rest = 0;
  int64_t c = 0;
  for (; c + LANES <= columns; c += LANES) {
    for (int lane = 0; lane < LANES; lane++) {
      float k = (g[c + lane] - sign(w[c + lane]) * t) * result[c + lane] * scale;
      result[c + lane] = k;
      lanes[lane] += k * w[c + lane] * inverse;
    }
  }
  for (; c < columns; c++) {
    float k = (g[c] - sign(w[c]) * t) * result[c] * scale;
    result[c] = k;
    rest += k * w[c] * inverse;
  }
  float level = t - (folded(lanes) + rest) / columns;
  for (c = 0; c < columns; c++) result[c] += level * sign(w[c]);
}

static void backward_work(void *context, int64_t first, int64_t last) {
  group *s = context;
  for (int64_t row = first; row < last; row++) {
    int64_t skip = row * s->columns;
    if (s->softness > 0) {
      backward_row(s->columns, s->share, s->softness, s->weight + skip, s->gradient + skip, s->result + skip);
    } else {
      sign_backward_row(s->columns, s->weight + skip, s->gradient + skip, s->result + skip);
    }
  }
}

void cc_group_transform_backward(int64_t rows, int64_t columns, float share, float softness, const float *weight,
                                 const float *gradient, float *result) {
  group g = {columns, share, softness, weight, gradient, result};
  cc_parallel(rows, backward_work, &g);
}
