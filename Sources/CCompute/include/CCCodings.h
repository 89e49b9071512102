// Loops of methods that make symbols of weights: rounding to steps, kernels from a codebook, relaxed grids.
//
// A weight is rows [rows, columns], a row for each output channel. Sums are by row, so that they never depend on the
// number of threads.
#pragma once
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
