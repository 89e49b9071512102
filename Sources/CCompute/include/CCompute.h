// Float loops for training.
//
// Images lie in memory as [batch, height, width, channels]. Loops that are long enough run on the one OpenMP pool that
// oneDNN uses. Sums are split in a way that does not depend on the number of threads.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "CCActivations.h"
#include "CCCodings.h"
#include "CCConvolution.h"
#include "CCFunctions.h"
#include "CCMethods.h"

// Threads that one loop may use.
int cc_thread_count(void);
void cc_set_thread_count(int count);
// Keeps freed memory for the next step instead of giving it back to the system page by page. Once, at start.
void cc_keep_memory(void);
// Gives all freed memory back to the system.
void cc_release_memory(void);
// Does multiply-adds that depend on nothing else, on all threads, and returns how many: for timing.
int64_t cc_run_multiply_adds(int64_t rounds);

// Work for the pieces first ..< last, in no particular order.
typedef void (*cc_work)(void *context, int64_t first, int64_t last);
// Calls work for all pieces on the threads of the pool; serially where they are few.
void cc_parallel(int64_t pieces, cc_work work, void *context);

// ---- rows and columns ----

// sums[columns] = sum over the rows of a.
void cc_column_sums(int64_t rows, int64_t columns, const float *a, float *sums);
// a[row, :] += bias
void cc_add_bias(int64_t rows, int64_t columns, const float *bias, float *a);

// ---- batch norm, with what follows it ----

// Mean and (biased) variance of each channel of x [rows, channels].
void cc_channel_statistics(int64_t rows, int64_t channels, const float *x, float *mean, float *variance);
// y = factor[c] · x + offset[c] (+ skip), then max(0, ·) and min(ceiling, ·) if relu. skip may be null.
void cc_affine(int64_t rows, int64_t channels, const float *x, const float *factor, const float *offset,
               const float *skip, bool relu, float ceiling, float *y);
// masked = gradient where 0 < y < ceiling (or the gradient where y is null, and masked is then not
// written); it may be gradient;
// sums[c] = Σ masked, products[c] = Σ masked · (x − mean[c]).
void cc_affine_backward_sums(int64_t rows, int64_t channels, const float *gradient, const float *x, const float *y,
                             float ceiling, const float *mean, float *masked, float *sums, float *products);
// result = a[c] · gradient + b[c] · x + d[c]; it may be gradient.
void cc_affine_backward_source(int64_t rows, int64_t channels, const float *gradient, const float *x, const float *a,
                               const float *b, const float *d, float *result);

// A factor and an offset with a rectifier alone behind: min(ceiling, max(0, factor[c] · x + offset[c])).
typedef struct {
  const float *factor, *offset;
  float ceiling;
} cc_rectified;

// The two above for a rectifier, from x alone: what it did not let through counts as 0, and result may be the gradient.
void cc_rectified_backward_sums(int64_t rows, int64_t channels, const float *gradient, const float *x,
                                const cc_rectified *rectified, const float *mean, float *sums, float *products);
void cc_rectified_backward_source(int64_t rows, int64_t channels, const float *gradient, const float *x,
                                  const cc_rectified *rectified, const float *a, const float *b, const float *d,
                                  float *result);

// ---- element by element ----

// The result may be an operand.
void cc_add(int64_t count, const float *a, const float *b, float *result);
void cc_clip(int64_t count, float minimum, float maximum, const float *x, float *result);
// result = gradient where minimum < x < maximum, else 0; it may be gradient.
void cc_clip_backward(int64_t count, float minimum, float maximum, const float *x, const float *gradient,
                      float *result);
// velocity = momentum · velocity + gradient + decay · weight; weight −= rate · velocity, or with Nesterov
// rate · (gradient + decay · weight + momentum · velocity).
void cc_momentum_step(int64_t count, float rate, float momentum, float decay, bool nesterov, const float *gradient,
                      float *velocity, float *weight);

// Whether no element is infinite or not a number.
bool cc_all_finite(int64_t count, const float *x);

// ---- optimizers ----

typedef struct {
  float rate, first_momentum, second_momentum, epsilon, decay;
  // 1 − momentum^updates, of the first and of the second moment.
  float first_correction, second_correction;
  // Whether decay shrinks the weight itself instead of joining its gradient.
  bool decoupled;
} cc_adam;

// One step of Adam: first and second are the moments of the gradient, moved in place, and so is the weight.
void cc_adam_step(int64_t count, const cc_adam *rule, const float *gradient, float *first, float *second,
                  float *weight);
// average += share · (value − average)
void cc_move_average(int64_t count, float share, const float *value, float *average);
// Σ x², the same for every number of threads and every instruction set.
double cc_square_sum(int64_t count, const float *x);

// ---- objective ----

typedef struct {
  int64_t batch, classes;
  // [batch, classes]; teacher may be null.
  const float *logits, *teacher;
  // One an image, below classes; both may be null. Partners are the labels of images that were mixed in.
  const int32_t *labels, *partners;
  // The share of the teacher in the loss, and of its own label in a mixed image.
  float teacher_share, label_share;
  float temperature, smoothing;
} cc_objective;

// The mean loss of a batch, and its gradient for the logits.
double cc_objective_gradient(const cc_objective *objective, float *gradient);
// Σ over the images of 1 − cos(student, teacher), and scale times its gradient for the student; with attention, of
// Σ over the channels of the squares. Both [batch, pixels, channels].
double cc_match(int64_t batch, int64_t pixels, int64_t channels, bool attention, float scale, const float *student,
                const float *teacher, float *gradient);

// ---- pooling ----

typedef struct {
  int64_t batch, channels;
  int64_t in_height, in_width, out_height, out_width;
  int64_t size_height, size_width, stride_height, stride_width, dilation_height, dilation_width;
  int64_t pad_top, pad_left, pad_bottom, pad_right;
  bool counts_padding;
} cc_pooling;

// Padding counts as −∞. places [out elements] gets the row-major pixel that won, for the backward rule; may be null.
void cc_max_pool(const cc_pooling *shape, const float *x, float *y, int32_t *places);
void cc_max_pool_backward(const cc_pooling *shape, const float *gradient, const int32_t *places, float *result);
// Windows without padding or dilation that do not overlap: the gradient goes to the pixel of x that wins, as above.
void cc_max_pool_apart_backward(const cc_pooling *shape, const float *x, const float *gradient, float *result);
void cc_average_pool(const cc_pooling *shape, const float *x, float *y);
void cc_average_pool_backward(const cc_pooling *shape, const float *gradient, float *result);

// ---- convolution over images of few channels ----

typedef struct {
  int64_t batch, in_channels, in_height, in_width;
  int64_t out_channels, out_height, out_width;
  int64_t kernel_height, kernel_width, stride_height, stride_width, pad_top, pad_left;
} cc_few_channels;

// kernel_gradient [out, in, height, width]; bias_gradient [out] may be null.
void cc_few_channels_backward_kernel(const cc_few_channels *shape, const float *x, const float *gradient,
                                     float *kernel_gradient, float *bias_gradient);

// ---- moving data ----

// Copies counts[0] × … × counts[rank − 1] elements; the strides are in elements and may be negative.
void cc_copy(int rank, const int64_t *counts, const float *source, const int64_t *source_strides, float *destination,
             const int64_t *destination_strides);
