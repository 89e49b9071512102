// Convolution of each channel alone, over images with their channels last, in any window without dilation.
//
//     y[n, i, j, c] = Σ kernel[c, u, v] · x[n, i · stride + u − top, j · stride + v − left, c]
//
// Such layers wait for memory: rows are read and written from their first number to their last, and what the next row
// reads again is still in the cache. Kernels of 3 x 3 have loops of their own, which do four pixels at a time. Lanes are
// channels, so that no sum depends on how many threads there are.
#include "internal.h"
#include <stdlib.h>
#include <string.h>

#define CC_LOCAL __attribute__((always_inline)) static inline

enum { LANES = 16, PIXELS = 4 };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));

typedef struct {
  const cc_depthwise *s;
  const float *x, *gradient;
  // [channels / 16, kernel height, kernel width, 16]
  const float *kernel;
  const float *bias;
  // A row of an image without anything in it.
  const float *nothing;
  float *result;
} depthwise;

static int64_t taps_of(const cc_depthwise *s) { return s->kernel_height * s->kernel_width; }

// Turned round, the last tap comes first.
static float *packed_kernel(const cc_depthwise *s, const float *kernel, bool round) {
  int64_t taps = taps_of(s);
  float *packed = malloc(taps * s->channels * sizeof(float));
  for (int64_t c = 0; c < s->channels; c++) {
    for (int64_t tap = 0; tap < taps; tap++) {
      packed[(c / LANES * taps + tap) * LANES + c % LANES] = kernel[c * taps + (round ? taps - 1 - tap : tap)];
    }
  }
  return packed;
}

// The outputs of a row that see all columns of the kernel: from first to before last.
typedef struct {
  int64_t first, last;
} inner;

static inner inner_outputs(const cc_depthwise *s) {
  int64_t first = cc_min((s->pad_left + s->stride_width - 1) / s->stride_width, s->out_width);
  int64_t room = s->in_width + s->pad_left - s->kernel_width;
  int64_t last = room < 0 ? 0 : cc_min(room / s->stride_width + 1, s->out_width);
  return (inner){first, cc_max(first, last)};
}

static bool is_three_by_three(const cc_depthwise *s) {
  return s->kernel_height == 3 && s->kernel_width == 3 && (s->stride_width == 1 || s->stride_width == 2);
}

// The three rows of an image that a row of outputs sees, from the column of its first inner output on.
static void three_rows(const depthwise *d, const float *image, int64_t top, int64_t left, const float **rows) {
  const cc_depthwise *s = d->s;
  for (int64_t u = 0; u < 3; u++) {
    bool isInside = top + u >= 0 && top + u < s->in_height;
    rows[u] = (isInside ? image + (top + u) * s->in_width * s->channels : d->nothing) + left * s->channels;
  }
}

// ---- forward ----

// One pixel of the outputs: the taps that lie inside the image.
CC_LOCAL void one_pixel(const depthwise *d, const float *image, int64_t top, int64_t left, float *y) {
  const cc_depthwise *s = d->s;
  int64_t u0 = cc_max(0, -top), u1 = cc_min(s->kernel_height, s->in_height - top);
  int64_t v0 = cc_max(0, -left), v1 = cc_min(s->kernel_width, s->in_width - left);
  const float *kernel = d->kernel;
  for (int64_t c = 0; c < s->channels; c += LANES, kernel += taps_of(s) * LANES) {
    lanes sum = d->bias ? *(const lanes *)(d->bias + c) : (lanes){0};
    for (int64_t u = u0; u < u1; u++) {
      const float *x = image + ((top + u) * s->in_width + left) * s->channels + c;
      for (int64_t v = v0; v < v1; v++) {
        sum += *(const lanes *)(x + v * s->channels) * *(const lanes *)(kernel + (u * s->kernel_width + v) * LANES);
      }
    }
    *(lanes *)(y + c) = sum;
  }
}

// With a constant stride the taps of four pixels stand in a row.
CC_LOCAL void four_pixels(const depthwise *d, int stride, const float *const *rows, int64_t offset, float *y) {
  int64_t channels = d->s->channels;
  const float *kernel = d->kernel, *r0 = rows[0] + offset, *r1 = rows[1] + offset, *r2 = rows[2] + offset;
  for (int64_t c = 0; c < channels; c += LANES, kernel += 9 * LANES) {
    lanes sum[PIXELS];
    for (int p = 0; p < PIXELS; p++) sum[p] = d->bias ? *(const lanes *)(d->bias + c) : (lanes){0};
    for (int u = 0; u < 3; u++) {
      const float *x = (u == 0 ? r0 : u == 1 ? r1 : r2) + c;
      for (int v = 0; v < 3; v++) {
        lanes weight = *(const lanes *)(kernel + (u * 3 + v) * LANES);
        for (int p = 0; p < PIXELS; p++) sum[p] += *(const lanes *)(x + (p * stride + v) * channels) * weight;
      }
    }
    for (int p = 0; p < PIXELS; p++) *(lanes *)(y + p * channels + c) = sum[p];
  }
}

CC_CLONES static void forward_row(const depthwise *d, const float *image, int64_t i, float *y) {
  const cc_depthwise *s = d->s;
  int64_t top = i * s->stride_height - s->pad_top, channels = s->channels;
  inner in = inner_outputs(s);
  const float *rows[3];
  bool isThree = is_three_by_three(s);
  if (isThree) three_rows(d, image, top, in.first * s->stride_width - s->pad_left, rows);
  for (int64_t j = 0; j < s->out_width;) {
    if (isThree && j >= in.first && j + PIXELS <= in.last) {
      int64_t offset = (j - in.first) * s->stride_width * channels;
      if (s->stride_width == 1) four_pixels(d, 1, rows, offset, y + j * channels);
      if (s->stride_width == 2) four_pixels(d, 2, rows, offset, y + j * channels);
      j += PIXELS;
    } else {
      one_pixel(d, image, top, j * s->stride_width - s->pad_left, y + j * channels);
      j += 1;
    }
  }
}

static void forward_work(void *context, int64_t first, int64_t last) {
  const depthwise *d = context;
  const cc_depthwise *s = d->s;
  for (int64_t row = first; row < last; row++) {
    const float *image = d->x + row / s->out_height * s->in_height * s->in_width * s->channels;
    forward_row(d, image, row % s->out_height, d->result + row * s->out_width * s->channels);
  }
}

static void convolve(const cc_depthwise *s, const float *x, const float *kernel, bool round, const float *bias,
                     float *y) {
  float *packed = packed_kernel(s, kernel, round), *nothing = calloc(s->in_width * s->channels, sizeof(float));
  depthwise d = {.s = s, .x = x, .kernel = packed, .bias = bias, .nothing = nothing, .result = y};
  cc_parallel(s->batch * s->out_height, forward_work, &d);
  free(nothing);
  free(packed);
}

void cc_depthwise_forward(const cc_depthwise *s, const float *x, const float *kernel, const float *bias, float *y) {
  convolve(s, x, kernel, false, bias, y);
}

// ---- for the image's gradient ----

// The taps of a kernel that reach a pixel: tap + k · stride for k below count, which read the gradients at place − k.
typedef struct {
  int64_t tap, place, count;
} reach;

static inline reach reaching(int64_t pixel, int64_t pad, int64_t stride, int64_t size, int64_t outputs) {
  int64_t from = pixel + pad;
  // The last output that may read the pixel, and the first tap for it.
  int64_t place = cc_min(from / stride, outputs - 1), tap = from - place * stride;
  int64_t count = tap >= size ? 0 : cc_min((size - 1 - tap) / stride + 1, place + 1);
  return (reach){tap, place, cc_max(count, 0)};
}

// The image's row i gathers what its pixels gave to the outputs.
CC_CLONES static void source_row(const depthwise *d, const float *gradient, int64_t i, float *result) {
  const cc_depthwise *s = d->s;
  int64_t channels = s->channels;
  reach rows = reaching(i, s->pad_top, s->stride_height, s->kernel_height, s->out_height);
  for (int64_t j = 0; j < s->in_width; j++) {
    reach columns = reaching(j, s->pad_left, s->stride_width, s->kernel_width, s->out_width);
    const float *kernel = d->kernel + (rows.tap * s->kernel_width + columns.tap) * LANES;
    const float *corner = gradient + (rows.place * s->out_width + columns.place) * channels;
    for (int64_t c = 0; c < channels; c += LANES, kernel += taps_of(s) * LANES) {
      lanes sum = {0};
      for (int64_t u = 0; u < rows.count; u++) {
        for (int64_t v = 0; v < columns.count; v++) {
          sum += *(const lanes *)(corner - (u * s->out_width + v) * channels + c)
                 * *(const lanes *)(kernel + (u * s->stride_height * s->kernel_width + v * s->stride_width) * LANES);
        }
      }
      *(lanes *)(result + j * channels + c) = sum;
    }
  }
}

static void source_work(void *context, int64_t first, int64_t last) {
  const depthwise *d = context;
  const cc_depthwise *s = d->s;
  for (int64_t row = first; row < last; row++) {
    const float *gradient = d->gradient + row / s->in_height * s->out_height * s->out_width * s->channels;
    source_row(d, gradient, row % s->in_height, d->result + row * s->in_width * s->channels);
  }
}

void cc_depthwise_backward_source(const cc_depthwise *s, const float *gradient, const float *kernel, float *result) {
  // Of stride 1 it is a convolution of the gradient with the kernel turned round.
  if (s->stride_height == 1 && s->stride_width == 1 && s->pad_top < s->kernel_height
      && s->pad_left < s->kernel_width) {
    cc_depthwise back = {s->batch, s->channels, s->out_height, s->out_width, s->in_height, s->in_width,
                         s->kernel_height, s->kernel_width, 1, 1, s->kernel_height - 1 - s->pad_top,
                         s->kernel_width - 1 - s->pad_left};
    return convolve(&back, gradient, kernel, true, NULL, result);
  }
  float *packed = packed_kernel(s, kernel, false);
  depthwise d = {.s = s, .gradient = gradient, .kernel = packed, .result = result};
  cc_parallel(s->batch * s->in_height, source_work, &d);
  free(packed);
}

// ---- for the kernel's gradient ----

// sums += what one pixel of the outputs gives to the taps that lie inside the image.
CC_LOCAL void one_pixel_sums(const cc_depthwise *s, const float *image, int64_t top, int64_t left, const float *gradient,
                             float *sums) {
  int64_t u0 = cc_max(0, -top), u1 = cc_min(s->kernel_height, s->in_height - top);
  int64_t v0 = cc_max(0, -left), v1 = cc_min(s->kernel_width, s->in_width - left);
  for (int64_t c = 0; c < s->channels; c += LANES, sums += taps_of(s) * LANES) {
    lanes g = *(const lanes *)(gradient + c);
    for (int64_t u = u0; u < u1; u++) {
      const float *x = image + ((top + u) * s->in_width + left) * s->channels + c;
      for (int64_t v = v0; v < v1; v++) {
        *(lanes *)(sums + (u * s->kernel_width + v) * LANES) += g * *(const lanes *)(x + v * s->channels);
      }
    }
  }
}

CC_LOCAL void four_pixels_sums(int64_t channels, int stride, const float *const *rows, int64_t offset,
                               const float *gradient, float *sums) {
  const float *r0 = rows[0] + offset, *r1 = rows[1] + offset, *r2 = rows[2] + offset;
  for (int64_t c = 0; c < channels; c += LANES, sums += 9 * LANES) {
    lanes g[PIXELS];
    for (int p = 0; p < PIXELS; p++) g[p] = *(const lanes *)(gradient + p * channels + c);
    for (int u = 0; u < 3; u++) {
      const float *x = (u == 0 ? r0 : u == 1 ? r1 : r2) + c;
      for (int v = 0; v < 3; v++) {
        lanes sum = *(lanes *)(sums + (u * 3 + v) * LANES);
        for (int p = 0; p < PIXELS; p++) sum += g[p] * *(const lanes *)(x + (p * stride + v) * channels);
        *(lanes *)(sums + (u * 3 + v) * LANES) = sum;
      }
    }
  }
}

CC_CLONES static void add_row(const depthwise *d, const float *image, int64_t i, const float *gradient, float *sums) {
  const cc_depthwise *s = d->s;
  int64_t top = i * s->stride_height - s->pad_top, channels = s->channels;
  inner in = inner_outputs(s);
  const float *rows[3];
  bool isThree = is_three_by_three(s);
  if (isThree) three_rows(d, image, top, in.first * s->stride_width - s->pad_left, rows);
  for (int64_t j = 0; j < s->out_width;) {
    if (isThree && j >= in.first && j + PIXELS <= in.last) {
      int64_t offset = (j - in.first) * s->stride_width * channels;
      if (s->stride_width == 1) four_pixels_sums(channels, 1, rows, offset, gradient + j * channels, sums);
      if (s->stride_width == 2) four_pixels_sums(channels, 2, rows, offset, gradient + j * channels, sums);
      j += PIXELS;
    } else {
      one_pixel_sums(s, image, top, j * s->stride_width - s->pad_left, gradient + j * channels, sums);
      j += 1;
    }
  }
}

static void kernel_work(void *context, int64_t first, int64_t last) {
  const depthwise *d = context;
  const cc_depthwise *s = d->s;
  for (int64_t piece = first; piece < last; piece++) {
    float *sums = d->result + piece * taps_of(s) * s->channels;
    // Pieces of the rows of outputs of the whole batch.
    int64_t rows = s->batch * s->out_height;
    int64_t start = rows * piece / CC_SUM_PIECES, end = rows * (piece + 1) / CC_SUM_PIECES;
    for (int64_t row = start; row < end; row++) {
      const float *image = d->x + row / s->out_height * s->in_height * s->in_width * s->channels;
      add_row(d, image, row % s->out_height, d->gradient + row * s->out_width * s->channels, sums);
    }
  }
}

void cc_depthwise_backward_kernel(const cc_depthwise *s, const float *x, const float *gradient,
                                  float *kernel_gradient) {
  int64_t taps = taps_of(s), size = taps * s->channels;
  float *partial = calloc(CC_SUM_PIECES * size, sizeof(float)), *nothing = calloc(s->in_width * s->channels, sizeof(float));
  depthwise d = {.s = s, .x = x, .gradient = gradient, .nothing = nothing, .result = partial};
  cc_parallel(CC_SUM_PIECES, kernel_work, &d);
  free(nothing);
  // The pieces added up in order, whoever made them.
  for (int64_t piece = 1; piece < CC_SUM_PIECES; piece++) {
    for (int64_t place = 0; place < size; place++) partial[place] += partial[piece * size + place];
  }
  for (int64_t c = 0; c < s->channels; c++) {
    for (int64_t tap = 0; tap < taps; tap++) {
      kernel_gradient[c * taps + tap] = partial[(c / LANES * taps + tap) * LANES + c % LANES];
    }
  }
  free(partial);
}
