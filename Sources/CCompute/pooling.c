#include "internal.h"
#include <math.h>
#include <string.h>

enum { LANES = 16 };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));
typedef int32_t bits __attribute__((vector_size(LANES * sizeof(int32_t)), aligned(4)));

typedef struct {
  const cc_pooling *p;
  const float *x;
  float *y;
  const int32_t *read_places;
  int32_t *places;
} pool;

static int64_t first_inside(int64_t start, int64_t step) { return start >= 0 ? 0 : (-start + step - 1) / step; }
static int64_t last_inside(int64_t start, int64_t step, int64_t size, int64_t limit) {
  return start >= limit ? 0 : cc_min(size, (limit - start + step - 1) / step);
}

// Pixels of the image and of the declared padding that the window covers: what an average divides by.
static int64_t covered(int64_t start, int64_t step, int64_t size, int64_t low, int64_t high) {
  int64_t count = 0;
  for (int64_t i = 0; i < size; i++) count += start + i * step >= low && start + i * step < high;
  return count;
}

static int64_t divisor(const cc_pooling *p, int64_t oy, int64_t ox) {
  int64_t y = oy * p->stride_height - p->pad_top, x = ox * p->stride_width - p->pad_left;
  int64_t top = p->counts_padding ? -p->pad_top : 0, left = p->counts_padding ? -p->pad_left : 0;
  int64_t bottom = p->in_height + (p->counts_padding ? p->pad_bottom : 0);
  int64_t right = p->in_width + (p->counts_padding ? p->pad_right : 0);
  int64_t pixels = covered(y, p->dilation_height, p->size_height, top, bottom)
                   * covered(x, p->dilation_width, p->size_width, left, right);
  return cc_max(pixels, 1);
}

#define EACH_WINDOW_PIXEL                                                                                             \
  int64_t sy = oy * p->stride_height - p->pad_top, sx = ox * p->stride_width - p->pad_left;                           \
  int64_t y0 = first_inside(sy, p->dilation_height), x0 = first_inside(sx, p->dilation_width);                        \
  int64_t y1 = last_inside(sy, p->dilation_height, p->size_height, p->in_height);                                     \
  int64_t x1 = last_inside(sx, p->dilation_width, p->size_width, p->in_width);                                        \
  for (int64_t ky = y0; ky < y1; ky++)                                                                                \
    for (int64_t kx = x0; kx < x1; kx++)

#define PIXEL ((sy + ky * p->dilation_height) * p->in_width + sx + kx * p->dilation_width)

// A number that is not one wins, so that divergence is seen. Without branches: which pixel wins cannot be foreseen.
static inline __attribute__((always_inline)) void larger(int64_t channels, const float *restrict pixel, float *restrict best) {
  for (int64_t c = 0; c < channels; c++) {
    int wins = (pixel[c] > best[c]) | (pixel[c] != pixel[c]);
    best[c] = wins ? pixel[c] : best[c];
  }
}

static inline __attribute__((always_inline)) void larger_with_place(
    int64_t channels, const float *restrict pixel, int32_t at, float *restrict best, int32_t *restrict place) {
  for (int64_t c = 0; c < channels; c++) {
    int wins = (pixel[c] > best[c]) | (pixel[c] != pixel[c]);
    best[c] = wins ? pixel[c] : best[c];
    place[c] = wins ? at : place[c];
  }
}

// Whether windows lie side by side and leave nothing of an image between them.
static bool covers(const cc_pooling *p) {
  return p->stride_height == p->size_height && p->stride_width == p->size_width && p->dilation_height == 1
         && p->dilation_width == 1 && p->pad_top == 0 && p->pad_left == 0
         && p->size_height * p->out_height == p->in_height && p->size_width * p->out_width == p->in_width;
}

// With few channels, sixteen numbers of a window are done all the same, as long as the row has them: what is written
// too much belongs to pixels that come later. How many windows of a row have them, where windows cover the image.
static int64_t wide_windows(const cc_pooling *p) {
  int64_t room = p->channels < LANES ? p->out_width * p->channels - LANES : -1;
  return room < 0 ? 0 : room / p->channels + 1;
}

// The largest numbers of a window inside the image, in sixteen lanes.
static inline __attribute__((always_inline)) void largest_of_window(const cc_pooling *p, const float *x, float *y) {
  lanes best = (lanes){0} - INFINITY;
  for (int64_t ky = 0; ky < p->size_height; ky++) {
    for (int64_t kx = 0; kx < p->size_width; kx++) {
      lanes pixel = *(const lanes *)(x + (ky * p->in_width + kx) * p->channels);
      bits wins = (bits)(pixel > best) | (bits)(pixel != pixel);
      best = (lanes)(((bits)pixel & wins) | ((bits)best & ~wins));
    }
  }
  *(lanes *)y = best;
}

// Cloned as a whole: a call for each pixel would cost more than its few channels.
CC_CLONES static void max_image(const cc_pooling *p, const float *x, float *y, int32_t *places) {
  int64_t channels = p->channels, windows = !places && covers(p) ? wide_windows(p) : 0;
  for (int64_t oy = 0; oy < p->out_height; oy++) {
    for (int64_t ox = 0; ox < p->out_width; ox++) {
      if (ox < windows) {
        int64_t corner = (oy * p->size_height * p->in_width + ox * p->size_width) * channels;
        largest_of_window(p, x + corner, y + (oy * p->out_width + ox) * channels);
        continue;
      }
      float *best = y + (oy * p->out_width + ox) * channels;
      int32_t *place = places ? places + (oy * p->out_width + ox) * channels : NULL;
      for (int64_t c = 0; c < channels; c++) best[c] = -INFINITY;
      if (place) memset(place, 0xff, channels * sizeof(*place));
      EACH_WINDOW_PIXEL {
        const float *pixel = x + PIXEL * channels;
        if (place) {
          larger_with_place(channels, pixel, (int32_t)PIXEL, best, place);
        } else {
          larger(channels, pixel, best);
        }
      }
    }
  }
}

static void max_work(void *context, int64_t first, int64_t last) {
  pool *s = context;
  const cc_pooling *p = s->p;
  int64_t in = p->in_height * p->in_width * p->channels, out = p->out_height * p->out_width * p->channels;
  for (int64_t image = first; image < last; image++) {
    max_image(p, s->x + image * in, s->y + image * out, s->places ? s->places + image * out : NULL);
  }
}

void cc_max_pool(const cc_pooling *shape, const float *x, float *y, int32_t *places) {
  pool s = {shape, x, y, NULL, places};
  cc_parallel(shape->batch, max_work, &s);
}

static void max_backward_work(void *context, int64_t first, int64_t last) {
  pool *s = context;
  const cc_pooling *p = s->p;
  int64_t in = p->in_height * p->in_width * p->channels, out = p->out_height * p->out_width * p->channels;
  memset(s->y + first * in, 0, (last - first) * in * sizeof(float));
  for (int64_t image = first; image < last; image++) {
    float *result = s->y + image * in;
    for (int64_t pixel = 0; pixel < p->out_height * p->out_width; pixel++) {
      int64_t start = image * out + pixel * p->channels;
      for (int64_t c = 0; c < p->channels; c++) {
        int32_t place = s->read_places[start + c];
        if (place >= 0) result[place * p->channels + c] += s->x[start + c];
      }
    }
  }
}

void cc_max_pool_backward(const cc_pooling *shape, const float *gradient, const int32_t *places, float *result) {
  pool s = {shape, gradient, result, places, NULL};
  cc_parallel(shape->batch, max_backward_work, &s);
}

// The gradient of a window for sixteen channels, to the pixels that win as in larger_with_place.
static inline __attribute__((always_inline)) void share_window(
    const cc_pooling *p, const float *x, const float *gradient, float *result) {
  lanes best = (lanes){0} - INFINITY;
  bits won = (bits){0} - 1, slope = *(const bits *)gradient;
  int32_t tap = 0;
  for (int64_t ky = 0; ky < p->size_height; ky++) {
    for (int64_t kx = 0; kx < p->size_width; kx++, tap++) {
      lanes pixel = *(const lanes *)(x + (ky * p->in_width + kx) * p->channels);
      bits wins = (bits)(pixel > best) | (bits)(pixel != pixel);
      best = (lanes)(((bits)pixel & wins) | ((bits)best & ~wins));
      won = (wins & tap) | (won & ~wins);
    }
  }
  tap = 0;
  for (int64_t ky = 0; ky < p->size_height; ky++) {
    for (int64_t kx = 0; kx < p->size_width; kx++, tap++) {
      *(bits *)(result + (ky * p->in_width + kx) * p->channels) = slope & (bits)(won == tap);
    }
  }
}

// The same for one channel.
static void share_channel(const cc_pooling *p, const float *x, const float *gradient, float *result) {
  float best = -INFINITY;
  int64_t won = -1;
  for (int64_t ky = 0; ky < p->size_height; ky++) {
    for (int64_t kx = 0; kx < p->size_width; kx++) {
      int64_t place = (ky * p->in_width + kx) * p->channels;
      result[place] = 0;
      if (x[place] > best || x[place] != x[place]) best = x[place], won = place;
    }
  }
  if (won >= 0) result[won] = *gradient;
}

CC_CLONES static void apart_image(const cc_pooling *p, const float *x, const float *gradient, float *result) {
  int64_t channels = p->channels;
  int64_t windows = covers(p) ? wide_windows(p) : 0;
  for (int64_t oy = 0; oy < p->out_height; oy++) {
    for (int64_t ox = 0; ox < p->out_width; ox++) {
      int64_t corner = (oy * p->stride_height * p->in_width + ox * p->stride_width) * channels;
      const float *slope = gradient + (oy * p->out_width + ox) * channels;
      int64_t c = 0;
      if (ox < windows) {
        share_window(p, x + corner, slope, result + corner);
        continue;
      }
      for (; c + LANES <= channels; c += LANES) share_window(p, x + corner + c, slope + c, result + corner + c);
      for (; c < channels; c++) share_channel(p, x + corner + c, slope + c, result + corner + c);
    }
  }
}

typedef struct {
  const cc_pooling *p;
  const float *x, *gradient;
  float *result;
} apart;

static void apart_work(void *context, int64_t first, int64_t last) {
  const apart *a = context;
  const cc_pooling *p = a->p;
  int64_t in = p->in_height * p->in_width * p->channels, out = p->out_height * p->out_width * p->channels;
  // What lies between windows, or behind the last, gets nothing.
  if (!covers(p)) memset(a->result + first * in, 0, (last - first) * in * sizeof(float));
  for (int64_t image = first; image < last; image++) {
    apart_image(p, a->x + image * in, a->gradient + image * out, a->result + image * in);
  }
}

void cc_max_pool_apart_backward(const cc_pooling *shape, const float *x, const float *gradient, float *result) {
  apart a = {shape, x, gradient, result};
  cc_parallel(shape->batch, apart_work, &a);
}

static void average_work(void *context, int64_t first, int64_t last) {
  pool *s = context;
  const cc_pooling *p = s->p;
  int64_t channels = p->channels, in = p->in_height * p->in_width * channels;
  int64_t out = p->out_height * p->out_width * channels;
  for (int64_t image = first; image < last; image++) {
    for (int64_t oy = 0; oy < p->out_height; oy++) {
      for (int64_t ox = 0; ox < p->out_width; ox++) {
        float *mean = s->y + image * out + (oy * p->out_width + ox) * channels;
        for (int64_t c = 0; c < channels; c++) mean[c] = 0;
        EACH_WINDOW_PIXEL {
          const float *pixel = s->x + image * in + PIXEL * channels;
          for (int64_t c = 0; c < channels; c++) mean[c] += pixel[c];
        }
        float count = (float)divisor(p, oy, ox);
        for (int64_t c = 0; c < channels; c++) mean[c] /= count;
      }
    }
  }
}

void cc_average_pool(const cc_pooling *shape, const float *x, float *y) {
  pool s = {shape, x, y, NULL, NULL};
  cc_parallel(shape->batch, average_work, &s);
}

static void average_backward_work(void *context, int64_t first, int64_t last) {
  pool *s = context;
  const cc_pooling *p = s->p;
  int64_t channels = p->channels, in = p->in_height * p->in_width * channels;
  int64_t out = p->out_height * p->out_width * channels;
  memset(s->y + first * in, 0, (last - first) * in * sizeof(float));
  for (int64_t image = first; image < last; image++) {
    for (int64_t oy = 0; oy < p->out_height; oy++) {
      for (int64_t ox = 0; ox < p->out_width; ox++) {
        const float *gradient = s->x + image * out + (oy * p->out_width + ox) * channels;
        float share = 1 / (float)divisor(p, oy, ox);
        EACH_WINDOW_PIXEL {
          float *pixel = s->y + image * in + PIXEL * channels;
          for (int64_t c = 0; c < channels; c++) pixel[c] += gradient[c] * share;
        }
      }
    }
  }
}

void cc_average_pool_backward(const cc_pooling *shape, const float *gradient, float *result) {
  pool s = {shape, gradient, result, NULL, NULL};
  cc_parallel(shape->batch, average_backward_work, &s);
}
