// Loops of methods that make symbols of weights: rounding to steps, kernels from a codebook, relaxed grids.
//
// A weight is rows [rows, columns], a row for each output channel. Sums are by row, so that they never depend on the
// number of threads.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// sums[row] = Σ |x|
void cc_row_magnitudes(int64_t rows, int64_t columns, const float *x, float *sums);

// ---- whole steps ----

// symbols = x / steps[row], rounded to the nearest whole number (halves to even), from low to high. What is no number
// becomes low.
void cc_round_to_steps(int64_t rows, int64_t columns, float low, float high, const float *x, const float *steps,
                       int8_t *symbols);
// With v = x / steps[row]: result = gradient where low ≤ v ≤ high, else 0;
// sums[row] = Σ gradient · (round(v) − v inside, low below, high above).
void cc_round_to_steps_backward(int64_t rows, int64_t columns, float low, float high, const float *x,
                                const float *steps, const float *gradient, float *result, float *sums);

// ---- kernels from a codebook ----

// A row is cut into kernels of nine; of the last one only the beginning may be there. indices[row, kernel] = which of
// the `count` kernels, signs[9, count], has the largest product with it: the first of equals. At most 512.
void cc_nearest_kernels(int64_t rows, int64_t columns, int64_t count, const float *x, const float *signs,
                        uint16_t *indices);
// sums[count, 9] = Σ levels[row] · gradient over the kernels that have the index.
void cc_kernel_sums(int64_t rows, int64_t columns, int64_t count, const float *gradient, const float *levels,
                    const uint16_t *indices, double *sums);

// ---- grids of levels that may be dropped ----

// The points k · alpha, whole k in two's complement of `fewest` bits and `levels` − 1 more, and how much of each
// further bit is kept: probabilities π[k] ∝ kept[level of k] · (F[k + ½] − F[k − ½]), with
// F[e] = sigmoid((e − x / alpha) · ratio).
typedef struct {
  float alpha;
  float ratio;          // alpha over the deviation of the logistic distribution
  int32_t fewest;
  int32_t levels;       // from 1 to 7
  bool literal;         // the gradient moves the probability of the chosen point alone
  bool weighs_levels;   // whether the gradient for what is kept is wanted
  const float *kept;    // [levels]: 1 first, never rising; what is 0 is not there, and no other is below 1e-6
} cc_relaxed_grid;

// symbols = the k whose π is largest: the nearest, where what is kept is kept whole.
void cc_relaxed_symbols(const cc_relaxed_grid *grid, int64_t count, const float *x, int8_t *symbols);
// For the value Σ k · alpha · y[k], whose y is π to a gradient and 1 for the chosen point to anything else:
// the gradients for x, and sums[2 + levels] = those for log alpha, log of the deviation, and kept. With literal only
// the chosen y counts.
void cc_relaxed_backward(const cc_relaxed_grid *grid, int64_t count, const float *x, const float *gradient,
                         float *result, double *sums);
