// oneDNN behind functions that take plain pointers. Nothing else in the house includes its headers.
//
// Images lie in memory as [batch, height, width, channels]; kernels as [out, in, height, width].
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Version of the oneDNN that is loaded, as major, minor, patch.
void od_onednn_version(int version[3]);

// ---- convolution ----

typedef struct {
  int64_t batch, groups;
  int64_t in_channels, in_height, in_width;
  int64_t out_channels, out_height, out_width;
  int64_t kernel_height, kernel_width;
  int64_t stride_height, stride_width;
  int64_t dilation_height, dilation_width;
  int64_t pad_top, pad_left, pad_bottom, pad_right;
} od_convolution;

// Each returns 0, or the status of the oneDNN call that failed. bias and bias_gradient may be null.
int od_convolution_forward(const od_convolution *shape, const float *source, const float *kernel, const float *bias,
                           float *destination);
int od_convolution_backward_source(const od_convolution *shape, const float *gradient, const float *kernel,
                                   float *source_gradient);
int od_convolution_backward_kernel(const od_convolution *shape, const float *source, const float *gradient,
                                   float *kernel_gradient, float *bias_gradient);

// ---- matrix product ----

// result[rows, columns] = a · b, with a [rows, inner] (or [inner, rows] where transposed) and b [inner, columns] (or
// [columns, inner]).
int od_matrix_product(bool transpose_a, bool transpose_b, int64_t rows, int64_t columns, int64_t inner, const float *a,
                      const float *b, float *result);

// ---- what oneDNN would run ----

typedef enum { OD_FORWARD, OD_BACKWARD_SOURCE, OD_BACKWARD_KERNEL } od_direction;

// The name of the implementation that oneDNN chooses for a convolution, empty where it has none.
int od_convolution_implementation(const od_convolution *shape, od_direction direction, char name[64]);
