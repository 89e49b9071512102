// The gradient of a convolution kernel over images of few channels: first layers, where kernels that want sixteen input
// channels at a time leave most of their lanes empty. Here the lanes are the output channels.
//
//     dk[o, c, u, v] = Σ dy[n, o, i, j] · x[n, c, i · stride + u − top, j · stride + v − left]
//
// The taps v, c of a row u lie one after the other in memory: each is multiplied with the sixteen gradients of a pixel.
#include "internal.h"
#include <stdlib.h>
#include <string.h>

enum { LANES = 16, TAPS = 8 };

typedef struct {
  const cc_few_channels *s;
  const float *x, *gradient;
  // Of each piece of the batch: [out blocks, kernel height, taps of a row, lanes] and then [out blocks, lanes] of bias.
  float *partial;
  int64_t taps, blocks, size;
} kernel_sum;

typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));

// sums[taps] += the sums over a row of pixels: gradient [pixels, lanes], x at every step of `step` floats.
#define ROW_OF(count)                                                                                \
  case count: {                                                                                      \
    lanes sum[count];                                                                                \
    for (int t = 0; t < count; t++) sum[t] = ((lanes *)sums)[t];                                     \
    for (int64_t pixel = 0; pixel < pixels; pixel++) {                                               \
      lanes g = ((const lanes *)gradient)[pixel];                                                    \
      for (int t = 0; t < count; t++) sum[t] += g * x[pixel * step + t];                             \
    }                                                                                                \
    for (int t = 0; t < count; t++) ((lanes *)sums)[t] = sum[t];                                     \
    break;                                                                                           \
  }

CC_CLONES static void add_row(int taps, int64_t pixels, int64_t step, const float *x, const float *gradient,
                              float *sums) {
  switch (taps) {
    ROW_OF(1)
    ROW_OF(2)
    ROW_OF(3)
    ROW_OF(4)
    ROW_OF(5)
    ROW_OF(6)
    ROW_OF(7)
    ROW_OF(8)
  }
}

CC_CLONES static void add_bias_row(int64_t pixels, const float *gradient, float *sums) {
  lanes sum = *(lanes *)sums;
  for (int64_t pixel = 0; pixel < pixels; pixel++) sum += ((const lanes *)gradient)[pixel];
  *(lanes *)sums = sum;
}

// An image with zeros around it, so that no tap lies outside.
static void pad_image(const cc_few_channels *s, const float *x, int64_t width, float *padded) {
  for (int64_t row = 0; row < s->in_height; row++) {
    memcpy(padded + ((row + s->pad_top) * width + s->pad_left) * s->in_channels,
           x + row * s->in_width * s->in_channels, s->in_width * s->in_channels * sizeof(float));
  }
}

// Sixteen output channels of a row of gradients, zeros where there are no more.
static void spread_row(const cc_few_channels *s, const float *gradient, int64_t block, float *spread) {
  int64_t count = cc_min(LANES, s->out_channels - block * LANES);
  for (int64_t pixel = 0; pixel < s->out_width; pixel++) {
    memcpy(spread + pixel * LANES, gradient + pixel * s->out_channels + block * LANES, count * sizeof(float));
  }
}

static void add_image(const kernel_sum *k, const float *padded, int64_t width, const float *gradient, float *spread,
                      float *sums) {
  const cc_few_channels *s = k->s;
  float *bias = sums + k->blocks * s->kernel_height * k->taps * LANES;
  for (int64_t block = 0; block < k->blocks; block++) {
    for (int64_t row = 0; row < s->out_height; row++) {
      spread_row(s, gradient + row * s->out_width * s->out_channels, block, spread);
      add_bias_row(s->out_width, spread, bias + block * LANES);
      for (int64_t u = 0; u < s->kernel_height; u++) {
        const float *x = padded + (row * s->stride_height + u) * width * s->in_channels;
        float *target = sums + (block * s->kernel_height + u) * k->taps * LANES;
        for (int64_t tap = 0; tap < k->taps; tap += TAPS) {
          add_row((int)cc_min(TAPS, k->taps - tap), s->out_width, s->stride_width * s->in_channels, x + tap, spread,
                  target + tap * LANES);
        }
      }
    }
    // The last block may be narrower: its empty lanes must be zero again.
    memset(spread, 0, s->out_width * LANES * sizeof(float));
  }
}

static void kernel_work(void *context, int64_t first, int64_t last) {
  const kernel_sum *k = context;
  const cc_few_channels *s = k->s;
  // Wide and high enough for the last tap of the last pixel.
  int64_t width = cc_max(s->in_width + s->pad_left, (s->out_width - 1) * s->stride_width + s->kernel_width);
  int64_t height = cc_max(s->in_height + s->pad_top, (s->out_height - 1) * s->stride_height + s->kernel_height);
  float *padded = calloc(width * height * s->in_channels, sizeof(float));
  float *spread = calloc(s->out_width * LANES, sizeof(float));
  for (int64_t piece = first; piece < last; piece++) {
    int64_t start = s->batch * piece / CC_SUM_PIECES, end = s->batch * (piece + 1) / CC_SUM_PIECES;
    for (int64_t image = start; image < end; image++) {
      pad_image(s, k->x + image * s->in_height * s->in_width * s->in_channels, width, padded);
      add_image(k, padded, width, k->gradient + image * s->out_height * s->out_width * s->out_channels, spread,
                k->partial + piece * k->size);
    }
  }
  free(padded);
  free(spread);
}

// The pieces added up in order.
static float folded(const kernel_sum *k, int64_t place) {
  double sum = 0;
  for (int64_t piece = 0; piece < CC_SUM_PIECES; piece++) sum += k->partial[piece * k->size + place];
  return (float)sum;
}

void cc_few_channels_backward_kernel(const cc_few_channels *s, const float *x, const float *gradient,
                                     float *kernel_gradient, float *bias_gradient) {
  int64_t taps = s->kernel_width * s->in_channels, blocks = (s->out_channels + LANES - 1) / LANES;
  int64_t size = blocks * (s->kernel_height * taps + 1) * LANES;
  kernel_sum k = {s, x, gradient, NULL, taps, blocks, size};
  k.partial = calloc(CC_SUM_PIECES * size, sizeof(float));
  cc_parallel(CC_SUM_PIECES, kernel_work, &k);
  int64_t pixels = s->kernel_height * s->kernel_width;
  for (int64_t o = 0; o < s->out_channels; o++) {
    int64_t block = o / LANES, lane = o % LANES;
    for (int64_t c = 0; c < s->in_channels; c++) {
      for (int64_t u = 0; u < s->kernel_height; u++) {
        for (int64_t v = 0; v < s->kernel_width; v++) {
          int64_t tap = (block * s->kernel_height + u) * taps + v * s->in_channels + c;
          kernel_gradient[(o * s->in_channels + c) * pixels + u * s->kernel_width + v] =
              folded(&k, tap * LANES + lane);
        }
      }
    }
    if (bias_gradient) bias_gradient[o] = folded(&k, (blocks * s->kernel_height * taps + block) * LANES + lane);
  }
  free(k.partial);
}
