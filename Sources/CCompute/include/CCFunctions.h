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
  CC_SELU,          // a · x where x > 0, else a · b · (eˣ − 1)
  CC_CELU,          // x where x > 0, else a · (e^(x / a) − 1)
  CC_SOFTPLUS,      // log(1 + eˣ)
  CC_SOFTSIGN,      // x / (1 + |x|)
  CC_MISH,          // x · tanh(log(1 + eˣ))
  CC_ABOVE,         // x where x > a, else 0
  CC_SHRINK,        // x + b where x < −a, x − b where x > a, else 0
  CC_SINE,
  CC_COSINE,
  CC_TANGENT,
  CC_ARC_SINE,
  CC_ARC_COSINE,
  CC_ARC_TANGENT,
  CC_HYPERBOLIC_SINE,
  CC_HYPERBOLIC_COSINE,
  CC_ARC_HYPERBOLIC_SINE,
  CC_ARC_HYPERBOLIC_COSINE,
  CC_ARC_HYPERBOLIC_TANGENT,
  CC_FLOOR,
  CC_CEILING,
  CC_ROUND,         // to the nearest whole number, halves to even
  CC_TRUNCATE,      // to the next whole number towards 0
  CC_IS_ZERO,       // 1 where x is 0, else 0
  CC_IS_INFINITE,   // 1 where x is +∞ and a is not 0, or −∞ and b is not 0, else 0
  CC_BITS_INVERTED, // a − x: whole numbers of a bit pattern, −1 for signed ones
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
  CC_LARGER,           // what is not a number stays
  CC_SMALLER,
  CC_RAISED,           // a to the power b
  CC_QUOTIENT,         // a / b without its fraction
  CC_MODULO,           // a − b · ⌊a / b⌋, of the sign of b
  CC_REMAINDER,        // a − b · (a / b without its fraction), of the sign of a
  // 1 where it holds, else 0.
  CC_EQUAL,
  CC_LESS,
  CC_LESS_OR_EQUAL,
  CC_AND,
  CC_OR,
  CC_XOR,
  // Of whole numbers, in two's complement of 64 bits.
  CC_BITS_AND,
  CC_BITS_OR,
  CC_BITS_XOR,
  CC_SHIFTED_LEFT,
  CC_SHIFTED_RIGHT,
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

// y[outer, i, inner] = table[outer, places[i], inner]. Places below 0 count from the end; one that is no whole number
// from −size to size − 1 gives what is not a number.
void cc_gather(int64_t outer, int64_t size, int64_t inner, int64_t count, const float *table, const float *places,
               float *y);
void cc_gather_backward(int64_t outer, int64_t size, int64_t inner, int64_t count, const float *gradient,
                        const float *places, float *result);

// ---- along the middle axis of [outer, length, inner] ----

typedef enum { CC_REDUCE_PRODUCT, CC_REDUCE_LARGEST, CC_REDUCE_SMALLEST } cc_reduction;

// y [outer, inner]; of nothing 1, −∞ and ∞. What is not a number stays.
void cc_reduce(cc_reduction kind, int64_t outer, int64_t length, int64_t inner, const float *x, float *y);
// places [outer, length, inner]: which element comes first, which next; equal ones in their order, what is not a number
// last.
void cc_order(bool descending, int64_t outer, int64_t length, int64_t inner, const float *x, float *places);
// y [outer, count, inner] = x[outer, places, inner]; places below 0 count from the end, and what is none gives what is
// not a number.
void cc_gather_elements(int64_t outer, int64_t length, int64_t inner, int64_t count, const float *x,
                        const float *places, float *y);

// The last three in the order of cc_reduction.
typedef enum {
  CC_SCATTER_REPLACING,
  CC_SCATTER_ADDING,
  CC_SCATTER_MULTIPLYING,
  CC_SCATTER_LARGEST,
  CC_SCATTER_SMALLEST
} cc_scatter;

// y = x with values [outer, count, inner] put at, or combined with, the elements at places.
void cc_scatter_elements(cc_scatter kind, int64_t outer, int64_t length, int64_t inner, int64_t count, const float *x,
                         const float *places, const float *values, float *y);
// y[outer, i, inner] = Σ weights[i, t] · x[outer, places[i, t], inner]; places and weights are [count, taps].
void cc_resample(int64_t outer, int64_t size, int64_t inner, int64_t count, int64_t taps, const float *places,
                 const float *weights, const float *x, float *y);
void cc_resample_backward(int64_t outer, int64_t size, int64_t inner, int64_t count, int64_t taps, const float *places,
                          const float *weights, const float *gradient, float *result);

// ---- recurrent cells ----

// Sums for the input, output and forget gates and the new value, from the input and from the state before, each
// [batch, 4 · size]; cells and states are [batch, size].
void cc_lstm_step(int64_t batch, int64_t size, const float *inputs, const float *recurrent, const float *cell,
                  float *new_state, float *new_cell);
// Sums for the update and reset gates and the candidate, each [batch, 3 · size]: result = sigmoid(reset) · state.
void cc_gru_reset(int64_t batch, int64_t size, const float *inputs, const float *recurrent, const float *state,
                  float *result);
// candidates [batch, size] are added to the last of the inputs; with `resets` times the reset gate.
void cc_gru_step(int64_t batch, int64_t size, const float *inputs, const float *recurrent, const float *candidates,
                 bool resets, const float *state, float *new_state);
