#include "functions.h"
#include "CCFunctions.h"
#include "internal.h"

enum { BLOCK = 8192 };

typedef void (*forward_loop)(int64_t, float, float, const float *restrict, float *restrict);
typedef void (*backward_loop)(int64_t, float, float, const float *restrict, const float *restrict, float *restrict);

// A loop forward and one backward for each function; VALUE and SLOPE see x, a and b.
#define FUNCTION(NAME, VALUE, SLOPE)                                                                                  \
  CC_CLONES static void NAME##_forward(int64_t count, float a, float b, const float *restrict source,                \
                                       float *restrict result) {                                                     \
    for (int64_t i = 0; i < count; i++) {                                                                             \
      float x = source[i];                                                                                            \
      (void)a, (void)b;                                                                                               \
      result[i] = VALUE;                                                                                              \
    }                                                                                                                 \
  }                                                                                                                   \
  CC_CLONES static void NAME##_backward(int64_t count, float a, float b, const float *restrict source,               \
                                        const float *restrict gradient, float *restrict result) {                    \
    for (int64_t i = 0; i < count; i++) {                                                                             \
      float x = source[i];                                                                                            \
      (void)a, (void)b;                                                                                               \
      result[i] = gradient[i] * (SLOPE);                                                                              \
    }                                                                                                                 \
  }

CC_INLINE float between(float x, float low, float high) {
  float y = x < low ? low : x;
  return y > high ? high : y;
}

CC_INLINE float sigmoid_slope(float x) {
  float y = cc_sigmoid(x);
  return y * (1 - y);
}
CC_INLINE float tanh_slope(float x) {
  float y = cc_tanh(x);
  return 1 - y * y;
}
CC_INLINE float hard_swish_slope(float x) { return x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5f; }
CC_INLINE float swish_slope(float x) {
  float y = cc_sigmoid(x);
  return y * (1 + x * (1 - y));
}
// √½, 1 / √(2π), √(2 / π)
CC_INLINE float gelu_slope(float x) {
  return 0.5f * (1 + cc_erf(x * 0.70710678f)) + x * 0.39894228f * cc_exp(-0.5f * x * x);
}
CC_INLINE float gelu_tanh_inner(float x) { return 0.79788456f * (x + 0.044715f * x * x * x); }
CC_INLINE float gelu_tanh_slope(float x) {
  float y = cc_tanh(gelu_tanh_inner(x));
  return 0.5f * (1 + y) + 0.5f * x * (1 - y * y) * 0.79788456f * (1 + 0.134145f * x * x);
}

CC_INLINE float softplus(float x) { return (x > 0 ? x : 0) + log1pf(expf(-fabsf(x))); }
CC_INLINE float mish_slope(float x) {
  float y = cc_tanh(softplus(x));
  return y + x * (1 - y * y) * cc_sigmoid(x);
}
CC_INLINE float shrink(float x, float a, float b) { return x < -a ? x + b : x > a ? x - b : x == x ? 0 : x; }
CC_INLINE float is_infinite(float x, float above, float below) {
  return (x == INFINITY && above != 0) || (x == -INFINITY && below != 0);
}

FUNCTION(sigmoid, cc_sigmoid(x), sigmoid_slope(x))
FUNCTION(tanh, cc_tanh(x), tanh_slope(x))
FUNCTION(hard_sigmoid, between(a * x + b, 0, 1), a * x + b > 0 && a * x + b < 1 ? a : 0)
FUNCTION(hard_swish, x * between(x / 6 + 0.5f, 0, 1), hard_swish_slope(x))
FUNCTION(swish, x * cc_sigmoid(x), swish_slope(x))
FUNCTION(gelu, 0.5f * x * (1 + cc_erf(x * 0.70710678f)), gelu_slope(x))
FUNCTION(gelu_tanh, 0.5f * x * (1 + cc_tanh(gelu_tanh_inner(x))), gelu_tanh_slope(x))
FUNCTION(leaky_relu, x > 0 ? x : a * x, x > 0 ? 1 : a)
FUNCTION(elu, x > 0 ? x : a * (cc_exp(x) - 1), x > 0 ? 1 : a * cc_exp(x))
FUNCTION(erf, cc_erf(x), 1.12837917f * cc_exp(-x * x))
FUNCTION(exponential, cc_exp(x), cc_exp(x))
FUNCTION(logarithm, logf(x), 1 / x)
FUNCTION(square_root, sqrtf(x), 0.5f / sqrtf(x))
FUNCTION(reciprocal, 1 / x, -1 / (x * x))
FUNCTION(power, powf(x, a), a * powf(x, a - 1))
FUNCTION(magnitude, fabsf(x), x > 0 ? 1 : x < 0 ? -1 : 0)
FUNCTION(selu, x > 0 ? a * x : a * b * (expf(x) - 1), x > 0 ? a : a * b * expf(x))
FUNCTION(celu, x > 0 ? x : a * (expf(x / a) - 1), x > 0 ? 1 : expf(x / a))
FUNCTION(softplus, softplus(x), cc_sigmoid(x))
FUNCTION(softsign, x / (1 + fabsf(x)), 1 / ((1 + fabsf(x)) * (1 + fabsf(x))))
FUNCTION(mish, x * cc_tanh(softplus(x)), mish_slope(x))
FUNCTION(above, x > a || x != x ? x : 0, x > a ? 1 : 0)
FUNCTION(shrink, shrink(x, a, b), x < -a || x > a ? 1 : 0)
FUNCTION(sine, sinf(x), cosf(x))
FUNCTION(cosine, cosf(x), -sinf(x))
FUNCTION(tangent, tanf(x), 1 / (cosf(x) * cosf(x)))
FUNCTION(arc_sine, asinf(x), 1 / sqrtf(1 - x * x))
FUNCTION(arc_cosine, acosf(x), -1 / sqrtf(1 - x * x))
FUNCTION(arc_tangent, atanf(x), 1 / (1 + x * x))
FUNCTION(hyperbolic_sine, sinhf(x), coshf(x))
FUNCTION(hyperbolic_cosine, coshf(x), sinhf(x))
FUNCTION(arc_hyperbolic_sine, asinhf(x), 1 / sqrtf(x * x + 1))
FUNCTION(arc_hyperbolic_cosine, acoshf(x), 1 / sqrtf(x * x - 1))
FUNCTION(arc_hyperbolic_tangent, atanhf(x), 1 / (1 - x * x))
FUNCTION(floor, floorf(x), 0)
FUNCTION(ceiling, ceilf(x), 0)
FUNCTION(round, rintf(x), 0)
FUNCTION(truncate, truncf(x), 0)
FUNCTION(is_zero, x == 0, 0)
FUNCTION(is_infinite, is_infinite(x, a, b), 0)
FUNCTION(bits_inverted, a - x, 0)

#define LOOPS(NAME) {NAME##_forward, NAME##_backward}

static const struct {
  forward_loop forward;
  backward_loop backward;
} loops[CC_FUNCTION_COUNT] = {
    [CC_SIGMOID] = LOOPS(sigmoid),         [CC_TANH] = LOOPS(tanh),
    [CC_HARD_SIGMOID] = LOOPS(hard_sigmoid), [CC_HARD_SWISH] = LOOPS(hard_swish),
    [CC_SWISH] = LOOPS(swish),             [CC_GELU] = LOOPS(gelu),
    [CC_GELU_TANH] = LOOPS(gelu_tanh),     [CC_LEAKY_RELU] = LOOPS(leaky_relu),
    [CC_ELU] = LOOPS(elu),                 [CC_ERF] = LOOPS(erf),
    [CC_EXPONENTIAL] = LOOPS(exponential), [CC_LOGARITHM] = LOOPS(logarithm),
    [CC_SQUARE_ROOT] = LOOPS(square_root), [CC_RECIPROCAL] = LOOPS(reciprocal),
    [CC_POWER] = LOOPS(power),             [CC_MAGNITUDE] = LOOPS(magnitude),
    [CC_SELU] = LOOPS(selu),               [CC_CELU] = LOOPS(celu),
    [CC_SOFTPLUS] = LOOPS(softplus),       [CC_SOFTSIGN] = LOOPS(softsign),
    [CC_MISH] = LOOPS(mish),               [CC_ABOVE] = LOOPS(above),
    [CC_SHRINK] = LOOPS(shrink),           [CC_SINE] = LOOPS(sine),
    [CC_COSINE] = LOOPS(cosine),           [CC_TANGENT] = LOOPS(tangent),
    [CC_ARC_SINE] = LOOPS(arc_sine),       [CC_ARC_COSINE] = LOOPS(arc_cosine),
    [CC_ARC_TANGENT] = LOOPS(arc_tangent), [CC_HYPERBOLIC_SINE] = LOOPS(hyperbolic_sine),
    [CC_FLOOR] = LOOPS(floor),             [CC_HYPERBOLIC_COSINE] = LOOPS(hyperbolic_cosine),
    [CC_CEILING] = LOOPS(ceiling),         [CC_ARC_HYPERBOLIC_SINE] = LOOPS(arc_hyperbolic_sine),
    [CC_ROUND] = LOOPS(round),             [CC_ARC_HYPERBOLIC_COSINE] = LOOPS(arc_hyperbolic_cosine),
    [CC_TRUNCATE] = LOOPS(truncate),       [CC_ARC_HYPERBOLIC_TANGENT] = LOOPS(arc_hyperbolic_tangent),
    [CC_IS_ZERO] = LOOPS(is_zero),         [CC_IS_INFINITE] = LOOPS(is_infinite),
    [CC_BITS_INVERTED] = LOOPS(bits_inverted),
};

typedef struct {
  cc_function function;
  float a, b;
  int64_t count;
  const float *x, *gradient;
  float *result;
} application;

static void apply_work(void *context, int64_t first, int64_t last) {
  application *s = context;
  int64_t start = first * BLOCK, count = cc_min(last * BLOCK, s->count) - start;
  if (s->gradient) {
    loops[s->function].backward(count, s->a, s->b, s->x + start, s->gradient + start, s->result + start);
  } else {
    loops[s->function].forward(count, s->a, s->b, s->x + start, s->result + start);
  }
}

void cc_apply(cc_function function, float a, float b, int64_t count, const float *x, float *y) {
  application s = {function, a, b, count, x, 0, y};
  cc_parallel((count + BLOCK - 1) / BLOCK, apply_work, &s);
}

void cc_apply_backward(cc_function function, float a, float b, int64_t count, const float *x, const float *gradient,
                       float *result) {
  application s = {function, a, b, count, x, gradient, result};
  cc_parallel((count + BLOCK - 1) / BLOCK, apply_work, &s);
}

CC_CLONES static void scale_range(int64_t count, float factor, const float *x, float *y) {
  for (int64_t i = 0; i < count; i++) y[i] = factor * x[i];
}
static void scale_work(void *context, int64_t first, int64_t last) {
  application *s = context;
  int64_t start = first * BLOCK;
  scale_range(cc_min(last * BLOCK, s->count) - start, s->a, s->x + start, s->result + start);
}
void cc_scaled(int64_t count, float factor, const float *x, float *y) {
  application s = {.a = factor, .count = count, .x = x, .result = y};
  cc_parallel((count + BLOCK - 1) / BLOCK, scale_work, &s);
}
