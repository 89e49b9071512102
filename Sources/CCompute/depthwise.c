// Convolution of each channel alone, over images with their channels last, in any window without dilation.
//
//     y[n, i, j, c] = Σ kernel[c, u, v] · x[n, i · stride + u − top, j · stride + v − left, c]
//
// Such layers wait for memory: lines are read and written from their first number to their last, and what the next row
// reads again is still in the cache, with zeros around the image and with what stands before the convolution worked out
// (pixels.c). Kernels of 3 x 3 have loops of their own, which do four pixels at a time. Lanes are channels, so that no
// sum depends on how many threads there are.
#include "pixels.h"
#include "vectors.h"

enum { PIXELS = 4, TALLEST = 64 };

typedef struct {
  const cc_depthwise *s;
  const cc_pixels *x, *gradient;
  // [channels / 16, kernel height, kernel width, 16]
  const float *kernel;
  const float *bias;
  float *result;
} depthwise;

static int64_t taps_of(const cc_depthwise *s) { return s->kernel_height * s->kernel_width; }

// Turned round, the last tap comes first.
static float *packed_kernel(const cc_depthwise *s, const float *kernel, bool round) {
  int64_t taps = taps_of(s);
  float *packed = cc_memory(taps * s->channels);
  for (int64_t c = 0; c < s->channels; c++) {
    for (int64_t tap = 0; tap < taps; tap++) {
      packed[(c / CC_LANES * taps + tap) * CC_LANES + c % CC_LANES] = kernel[c * taps + (round ? taps - 1 - tap : tap)];
    }
  }
  return packed;
}

// The lines of the images that the rows of outputs read, with the columns that the outputs see.
static cc_lines image_lines(const depthwise *d) {
  const cc_depthwise *s = d->s;
  int64_t columns = (s->out_width - 1) * s->stride_width + s->kernel_width;
  return cc_lines_make(d->x, s->in_height, s->in_width, s->channels, s->pad_top, s->pad_left, s->kernel_height, columns);
}

// The lines that row i of an image's outputs reads.
static void lines_of_row(const depthwise *d, cc_lines *lines, int64_t image, int64_t i, const float **rows) {
  int64_t first = i * d->s->stride_height;
  cc_lines_fill(lines, image, first, first + d->s->kernel_height);
  for (int64_t u = 0; u < d->s->kernel_height; u++) rows[u] = cc_line(lines, first + u);
}

static bool is_three_by_three(const cc_depthwise *s) {
  return s->kernel_height == 3 && s->kernel_width == 3 && (s->stride_width == 1 || s->stride_width == 2);
}

// ---- forward ----

// One pixel of the outputs, from the place in its lines where its taps begin.
CC_LOCAL void one_pixel(const depthwise *d, const float *const *rows, int64_t offset, float *y) {
  const cc_depthwise *s = d->s;
  const float *kernel = d->kernel;
  for (int64_t c = 0; c < s->channels; c += CC_LANES, kernel += taps_of(s) * CC_LANES) {
    cc_lanes sum = d->bias ? cc_load(d->bias + c) : (cc_lanes){0};
    for (int64_t u = 0; u < s->kernel_height; u++) {
      const float *x = rows[u] + offset + c;
      for (int64_t v = 0; v < s->kernel_width; v++) {
        sum += cc_load(x + v * s->channels) * cc_load(kernel + (u * s->kernel_width + v) * CC_LANES);
      }
    }
    cc_store(y + c, sum);
  }
}

// With a constant stride the taps of four pixels stand in a row.
CC_LOCAL void four_pixels(const depthwise *d, int stride, const float *const *rows, int64_t offset, float *y) {
  int64_t channels = d->s->channels;
  const float *kernel = d->kernel, *r0 = rows[0] + offset, *r1 = rows[1] + offset, *r2 = rows[2] + offset;
  for (int64_t c = 0; c < channels; c += CC_LANES, kernel += 9 * CC_LANES) {
    cc_lanes sum[PIXELS];
    for (int p = 0; p < PIXELS; p++) sum[p] = d->bias ? cc_load(d->bias + c) : (cc_lanes){0};
    for (int u = 0; u < 3; u++) {
      const float *x = (u == 0 ? r0 : u == 1 ? r1 : r2) + c;
      for (int v = 0; v < 3; v++) {
        cc_lanes weight = cc_load(kernel + (u * 3 + v) * CC_LANES);
        for (int p = 0; p < PIXELS; p++) sum[p] += cc_load(x + (p * stride + v) * channels) * weight;
      }
    }
    for (int p = 0; p < PIXELS; p++) cc_store(y + p * channels + c, sum[p]);
  }
}

CC_CLONES static void forward_row(const depthwise *d, const float *const *rows, float *y) {
  const cc_depthwise *s = d->s;
  int64_t channels = s->channels, step = s->stride_width * channels, j = 0;
  if (is_three_by_three(s)) {
    for (; j + PIXELS <= s->out_width; j += PIXELS) {
      if (s->stride_width == 1) four_pixels(d, 1, rows, j * step, y + j * channels);
      if (s->stride_width == 2) four_pixels(d, 2, rows, j * step, y + j * channels);
    }
  }
  for (; j < s->out_width; j++) one_pixel(d, rows, j * step, y + j * channels);
}

static void forward_work(void *context, int64_t first, int64_t last) {
  const depthwise *d = context;
  const cc_depthwise *s = d->s;
  const float *rows[TALLEST];
  cc_lines lines = image_lines(d);
  for (int64_t row = first; row < last; row++) {
    lines_of_row(d, &lines, row / s->out_height, row % s->out_height, rows);
    forward_row(d, rows, d->result + row * s->out_width * s->channels);
  }
  free(lines.lines);
}

static void convolve(const cc_depthwise *s, const cc_pixels *x, const float *kernel, bool round, const float *bias,
                     float *y) {
  float *packed = packed_kernel(s, kernel, round);
  depthwise d = {.s = s, .x = x, .kernel = packed, .bias = bias, .result = y};
  cc_parallel(s->batch * s->out_height, forward_work, &d);
  free(packed);
}

void cc_depthwise_forward(const cc_depthwise *s, const cc_pixels *x, const float *kernel, const float *bias, float *y) {
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

// A row of the image gathers what its pixels gave to the outputs: rows[u] is the line of gradients at place − u.
CC_CLONES static void source_row(const depthwise *d, const float *const *rows, reach down, float *result) {
  const cc_depthwise *s = d->s;
  int64_t channels = s->channels;
  for (int64_t j = 0; j < s->in_width; j++) {
    reach across = reaching(j, s->pad_left, s->stride_width, s->kernel_width, s->out_width);
    const float *kernel = d->kernel + (down.tap * s->kernel_width + across.tap) * CC_LANES;
    for (int64_t c = 0; c < channels; c += CC_LANES, kernel += taps_of(s) * CC_LANES) {
      cc_lanes sum = {0};
      for (int64_t u = 0; u < down.count; u++) {
        for (int64_t v = 0; v < across.count; v++) {
          int64_t tap = u * s->stride_height * s->kernel_width + v * s->stride_width;
          sum += cc_load(rows[u] + (across.place - v) * channels + c) * cc_load(kernel + tap * CC_LANES);
        }
      }
      cc_store(result + j * channels + c, sum);
    }
  }
}

static void source_work(void *context, int64_t first, int64_t last) {
  const depthwise *d = context;
  const cc_depthwise *s = d->s;
  const float *rows[TALLEST];
  cc_lines lines = cc_lines_make(d->gradient, s->out_height, s->out_width, s->channels, 0, 0,
                                 (s->kernel_height - 1) / s->stride_height + 1, s->out_width);
  for (int64_t row = first; row < last; row++) {
    reach down = reaching(row % s->in_height, s->pad_top, s->stride_height, s->kernel_height, s->out_height);
    if (down.count > 0) cc_lines_fill(&lines, row / s->in_height, down.place - down.count + 1, down.place + 1);
    for (int64_t u = 0; u < down.count; u++) rows[u] = cc_line(&lines, down.place - u);
    source_row(d, rows, down, d->result + row * s->in_width * s->channels);
  }
  free(lines.lines);
}

void cc_depthwise_backward_source(const cc_depthwise *s, const cc_pixels *gradient, const float *kernel,
                                  float *result) {
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

// sums += what one pixel of the outputs gives to the taps.
CC_LOCAL void one_pixel_sums(const cc_depthwise *s, const float *const *rows, int64_t offset, const float *gradient,
                             float *sums) {
  for (int64_t c = 0; c < s->channels; c += CC_LANES, sums += taps_of(s) * CC_LANES) {
    cc_lanes g = cc_load(gradient + c);
    for (int64_t u = 0; u < s->kernel_height; u++) {
      const float *x = rows[u] + offset + c;
      for (int64_t v = 0; v < s->kernel_width; v++) {
        float *sum = sums + (u * s->kernel_width + v) * CC_LANES;
        cc_store(sum, cc_load(sum) + g * cc_load(x + v * s->channels));
      }
    }
  }
}

CC_LOCAL void four_pixels_sums(int64_t channels, int stride, const float *const *rows, int64_t offset,
                               const float *gradient, float *sums) {
  const float *r0 = rows[0] + offset, *r1 = rows[1] + offset, *r2 = rows[2] + offset;
  for (int64_t c = 0; c < channels; c += CC_LANES, sums += 9 * CC_LANES) {
    cc_lanes g[PIXELS];
    for (int p = 0; p < PIXELS; p++) g[p] = cc_load(gradient + p * channels + c);
    for (int u = 0; u < 3; u++) {
      const float *x = (u == 0 ? r0 : u == 1 ? r1 : r2) + c;
      for (int v = 0; v < 3; v++) {
        cc_lanes sum = cc_load(sums + (u * 3 + v) * CC_LANES);
        for (int p = 0; p < PIXELS; p++) sum += g[p] * cc_load(x + (p * stride + v) * channels);
        cc_store(sums + (u * 3 + v) * CC_LANES, sum);
      }
    }
  }
}

CC_CLONES static void add_row(const depthwise *d, const float *const *rows, const float *gradient, float *sums) {
  const cc_depthwise *s = d->s;
  int64_t channels = s->channels, step = s->stride_width * channels, j = 0;
  if (is_three_by_three(s)) {
    for (; j + PIXELS <= s->out_width; j += PIXELS) {
      if (s->stride_width == 1) four_pixels_sums(channels, 1, rows, j * step, gradient + j * channels, sums);
      if (s->stride_width == 2) four_pixels_sums(channels, 2, rows, j * step, gradient + j * channels, sums);
    }
  }
  for (; j < s->out_width; j++) one_pixel_sums(s, rows, j * step, gradient + j * channels, sums);
}

static void kernel_work(void *context, int64_t first, int64_t last) {
  const depthwise *d = context;
  const cc_depthwise *s = d->s;
  const float *rows[TALLEST];
  cc_lines lines = image_lines(d);
  cc_lines gradients = cc_lines_make(d->gradient, s->out_height, s->out_width, s->channels, 0, 0, 1, s->out_width);
  for (int64_t piece = first; piece < last; piece++) {
    float *sums = d->result + piece * taps_of(s) * s->channels;
    // Pieces of the rows of outputs of the whole batch.
    int64_t all = s->batch * s->out_height, end = all * (piece + 1) / CC_SUM_PIECES;
    for (int64_t row = all * piece / CC_SUM_PIECES; row < end; row++) {
      int64_t image = row / s->out_height, i = row % s->out_height;
      lines_of_row(d, &lines, image, i, rows);
      cc_lines_fill(&gradients, image, i, i + 1);
      add_row(d, rows, cc_line(&gradients, i), sums);
    }
  }
  free(gradients.lines);
  free(lines.lines);
}

void cc_depthwise_backward_kernel(const cc_depthwise *s, const cc_pixels *x, const cc_pixels *gradient,
                                  float *kernel_gradient) {
  int64_t taps = taps_of(s), size = taps * s->channels;
  float *partial = calloc(CC_SUM_PIECES * size, sizeof(float));
  depthwise d = {.s = s, .x = x, .gradient = gradient, .result = partial};
  cc_parallel(CC_SUM_PIECES, kernel_work, &d);
  // The pieces added up in order, whoever made them.
  for (int64_t piece = 1; piece < CC_SUM_PIECES; piece++) {
    for (int64_t place = 0; place < size; place++) partial[place] += partial[piece * size + place];
  }
  for (int64_t c = 0; c < s->channels; c++) {
    for (int64_t tap = 0; tap < taps; tap++) {
      kernel_gradient[c * taps + tap] = partial[(c / CC_LANES * taps + tap) * CC_LANES + c % CC_LANES];
    }
  }
  free(partial);
}
