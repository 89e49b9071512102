// Loops of the operators beyond convolution: functions of one number, arithmetic that repeats, norms, lookups.
//
// All of them run on the one pool, and no sum depends on the number of threads.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// ---- functions of one number ----

typedef enum {
  CC_SIGMOID,
  CC_TANH,
  CC_HARD_SIGMOID,  // max(0, min(1, a · x + b))
  CC_HARD_SWISH,    // x · max(0, min(1, x / 6 + 1 / 2))
  CC_SWISH,         // x · sigmoid(x)
  CC_GELU,          // x · (1 + erf(x / √2)) / 2
  CC_GELU_TANH,     // x · (1 + tanh(√(2 / π) · (x + 0.044715 · x³))) / 2
  CC_LEAKY_RELU,    // x where x > 0, else a · x
  CC_ELU,           // x where x > 0, else a · (eˣ − 1)
  CC_ERF,
  CC_EXPONENTIAL,
  CC_LOGARITHM,
  CC_SQUARE_ROOT,
  CC_RECIPROCAL,
  CC_POWER,         // x to the power a
  CC_MAGNITUDE,
  CC_FUNCTION_COUNT
} cc_function;

void cc_apply(cc_function function, float a, float b, int64_t count, const float *x, float *y);
// result = gradient · slope at x
void cc_apply_backward(cc_function function, float a, float b, int64_t count, const float *x, const float *gradient,
                       float *result);

// ---- arithmetic over axes, where a stride of 0 repeats ----

typedef enum {
  CC_PLUS,
  CC_MINUS,
  CC_TIMES,
  CC_OVER,
  CC_LEAK,             // a where a > 0, else a · b
  CC_NEGATIVE_PART,    // min(0, a) · b
  CC_LEAK_SLOPE,       // 1 where a > 0, else b
  CC_COMBINATION_COUNT
} cc_combination;

enum { CC_LARGEST_RANK = 16 };

// result is packed in the order of the axes.
void cc_combine(cc_combination combination, int rank, const int64_t *counts, const float *a, const int64_t *a_strides,
                const float *b, const int64_t *b_strides, float *result);
// result = a where chooser is not 0, else b.
void cc_choose(int rank, const int64_t *counts, const float *chooser, const int64_t *chooser_strides, const float *a,
               const int64_t *a_strides, const float *b, const int64_t *b_strides, float *result);
// sums[Σ index · stride] = Σ x over the axes whose stride is 0; x is packed. sums has `size` numbers.
void cc_sum(int rank, const int64_t *counts, const float *x, const int64_t *strides, int64_t size, float *sums);
// y = factor · x; y may be x.
void cc_scaled(int64_t count, float factor, const float *x, float *y);

// ---- rows ----

// y = scale · (x − mean) / √(variance + ε) + shift for each row; keeps the mean and 1 / √(variance + ε) of each row.
void cc_layer_norm(int64_t rows, int64_t columns, float epsilon, const float *x, const float *scale,
                   const float *shift, float *y, float *mean, float *inverse);
void cc_layer_norm_backward(int64_t rows, int64_t columns, const float *gradient, const float *x, const float *scale,
                            const float *mean, const float *inverse, float *result, float *scale_gradient,
                            float *shift_gradient);

// Along the middle axis of [outer, length, inner].
void cc_softmax(int64_t outer, int64_t length, int64_t inner, const float *x, float *y);
void cc_softmax_backward(int64_t outer, int64_t length, int64_t inner, const float *y, const float *gradient,
                         float *result);

// y[outer, i, inner] = table[outer, places[i], inner]. A place that is no whole number from 0 to size − 1 gives what is
// not a number.
void cc_gather(int64_t outer, int64_t size, int64_t inner, int64_t count, const float *table, const float *places,
               float *y);
void cc_gather_backward(int64_t outer, int64_t size, int64_t inner, int64_t count, const float *gradient,
                        const float *places, float *result);
