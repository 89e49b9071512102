// Convolutions of our own, and pixels that are worked out while a convolution reads them.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Images [batch, height, width, channels] as a convolution reads them: as they lie in memory, or worked out from what
// lies there, so that the values before a convolution need not be written and read again. The first that holds:
//
//     values                                                        a and factor are null
//     factor[c] · values + offset[c], then from 0 to ceiling         a is null; the limits where it is rectified
//     a[c] · values + b[c] · x + d[c]                                factor is null
//     the same with 0 for each of the values that such a rectifier of x held back
typedef struct {
  const float *values, *x;
  const float *factor, *offset;
  const float *a, *b, *d;
  float ceiling;
  bool rectified;
} cc_pixels;

// ---- 3 x 3 convolution of stride 1, by Winograd's minimal filtering ----

// Channels of both images are multiples of 16.
typedef struct {
  int64_t batch;
  int64_t in_channels, in_height, in_width;
  int64_t out_channels, out_height, out_width;
  int64_t pad_top, pad_left;
} cc_winograd;

// Whether this processor has what the functions below need.
bool cc_winograd_is_available(void);
// kernel [out, in, 3, 3]; bias may be null.
void cc_winograd_forward(const cc_winograd *shape, const cc_pixels *source, const float *kernel, const float *bias,
                         float *destination);
void cc_winograd_backward_source(const cc_winograd *shape, const cc_pixels *gradient, const float *kernel,
                                 float *source_gradient);
void cc_winograd_backward_kernel(const cc_winograd *shape, const cc_pixels *source, const cc_pixels *gradient,
                                 float *kernel_gradient);

// ---- 1 x 1 convolution of stride 1 ----

// Input channels are a multiple of 8; those of pixels that are worked out, of 16. For processors with AVX-512.
typedef struct {
  int64_t pixels;  // of the whole batch
  int64_t in_channels, out_channels;
} cc_pointwise;

// kernel [out, in].
void cc_pointwise_forward(const cc_pointwise *shape, const cc_pixels *x, const float *kernel, float *y);
// Either of the gradients may be null, and is not computed then; without the second, so may x.
void cc_pointwise_backward(const cc_pointwise *shape, const cc_pixels *x, const cc_pixels *gradient,
                           const float *kernel, float *source_gradient, float *kernel_gradient);

// ---- convolution of each channel alone ----

// Channels are a multiple of 16; kernels are at most 64 high.
typedef struct {
  int64_t batch, channels;
  int64_t in_height, in_width, out_height, out_width;
  int64_t kernel_height, kernel_width, stride_height, stride_width, pad_top, pad_left;
} cc_depthwise;

// kernel [channels, height, width]; bias [channels] may be null.
void cc_depthwise_forward(const cc_depthwise *shape, const cc_pixels *x, const float *kernel, const float *bias,
                          float *y);
void cc_depthwise_backward_source(const cc_depthwise *shape, const cc_pixels *gradient, const float *kernel,
                                  float *source_gradient);
void cc_depthwise_backward_kernel(const cc_depthwise *shape, const cc_pixels *x, const cc_pixels *gradient,
                                  float *kernel_gradient);
