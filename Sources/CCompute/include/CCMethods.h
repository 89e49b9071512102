// Loops of the methods that turn weights into symbols. A row is what feeds one output channel.
//
// All of them run on the one pool, and no sum depends on the number of threads.
#pragma once
#include <stdint.h>

// ---- the power transformation of a group ----

// With m = mean |w|, v = w / m and r = v · (v² + softness²)^((share − 1) / 2) for each row: m · r / mean |r|.
// A row of zeros stays what it is. softness > 0.
void cc_group_transform(int64_t rows, int64_t columns, float share, float softness, const float *weight,
                        float *result);
// Its exact gradient for the weight, the means included. At a softness of 0 that of m · sign(w). A row of zeros lets
// the gradient pass.
void cc_group_transform_backward(int64_t rows, int64_t columns, float share, float softness, const float *weight,
                                 const float *gradient, float *result);

// ---- evenly spaced values ----

// steps[row] = the step s of the least Σ (w − s · clip(round(w / s), low, high))² that was found; 0 for a row of zeros.
// low < 0 < high, both whole and below 2^22.
void cc_least_squares_steps(int64_t rows, int64_t columns, float low, float high, const float *weight, float *steps);
