// Pixels that are worked out as a convolution reads them: what stands before it, such as a batch norm with its
// rectifier, or behind it on the way back, is computed in the cache and never lies in memory.
#include "pixels.h"
#include "vectors.h"
#include <string.h>

// ---- working out ----

// Memory is read from its first number to its last. What belongs to the channels stays in registers where there are
// few.

CC_LOCAL void affine_block(const cc_pixels *p, int64_t c, const float *values, int64_t end, int64_t step,
                           float *target) {
  // By the expression of cc_affine, to the last bit.
  cc_lanes factor = cc_load(p->factor + c), offset = cc_load(p->offset + c);
  cc_lanes floor = cc_all(0), ceiling = cc_all(p->ceiling);
  if (p->rectified) {
    for (int64_t i = c; i < end; i += step) {
      cc_lanes v = cc_load(values + i) * factor + offset;
      v = cc_pick(v < floor, floor, v);
      cc_store(target + i, cc_pick(v > ceiling, ceiling, v));
    }
  } else {
    for (int64_t i = c; i < end; i += step) cc_store(target + i, cc_load(values + i) * factor + offset);
  }
}

CC_CLONES static void affine_pixels(const cc_pixels *p, const float *values, int64_t count, int64_t channels,
                                    float *target) {
  if (channels == CC_LANES) return affine_block(p, 0, values, count * channels, channels, target);
  for (int64_t i = 0; i < count * channels; i += channels) {
    for (int64_t c = 0; c < channels; c += CC_LANES) affine_block(p, c, values + i, channels, channels, target + i);
  }
}

CC_LOCAL void gradient_block(const cc_pixels *p, int64_t c, const float *values, const float *x, int64_t end,
                             int64_t step, float *target) {
  cc_lanes a = cc_load(p->a + c), b = cc_load(p->b + c), d = cc_load(p->d + c);
  if (p->factor) {
    cc_lanes factor = cc_load(p->factor + c), offset = cc_load(p->offset + c);
    cc_lanes floor = cc_all(0), ceiling = cc_all(p->ceiling);
    for (int64_t i = c; i < end; i += step) {
      cc_lanes q = cc_load(x + i), y = q * factor + offset;
      cc_lanes v = cc_pick((y > floor) & (y < ceiling), cc_load(values + i), floor);
      cc_store(target + i, a * v + (b * q + d));
    }
  } else {
    for (int64_t i = c; i < end; i += step) {
      cc_store(target + i, a * cc_load(values + i) + (b * cc_load(x + i) + d));
    }
  }
}

CC_CLONES static void gradient_pixels(const cc_pixels *p, const float *values, const float *x, int64_t count,
                                      int64_t channels, float *target) {
  if (channels == CC_LANES) return gradient_block(p, 0, values, x, count * channels, channels, target);
  for (int64_t i = 0; i < count * channels; i += channels) {
    for (int64_t c = 0; c < channels; c += CC_LANES) {
      gradient_block(p, c, values + i, x + i, channels, channels, target + i);
    }
  }
}

void cc_work_out(const cc_pixels *p, int64_t start, int64_t count, int64_t channels, float *target) {
  if (p->a) {
    gradient_pixels(p, p->values + start, p->x + start, count, channels, target);
  } else if (p->factor) {
    affine_pixels(p, p->values + start, count, channels, target);
  } else {
    memcpy(target, p->values + start, count * channels * sizeof(float));
  }
}

// ---- lines ----

cc_lines cc_lines_make(const cc_pixels *pixels, int64_t height, int64_t width, int64_t channels, int64_t top,
                       int64_t left, int64_t count, int64_t columns) {
  cc_lines l = {.pixels = pixels, .height = height, .width = width, .channels = channels, .top = top, .left = left,
                .count = 1, .columns = columns, .image = -1};
  while (l.count < count) l.count *= 2;
  int64_t floats = l.count * columns * channels;
  l.lines = cc_memory(floats);
  // The columns beside the image stay zeros.
  memset(l.lines, 0, floats * sizeof(float));
  return l;
}

static void fill_line(cc_lines *l, int64_t image, int64_t line) {
  float *target = l->lines + (line & (l->count - 1)) * l->columns * l->channels;
  int64_t row = line - l->top;
  if (row < 0 || row >= l->height) {
    memset(target, 0, l->columns * l->channels * sizeof(float));
  } else {
    int64_t pixels = cc_max(0, cc_min(l->width, l->columns - l->left));
    int64_t start = (image * l->height + row) * l->width * l->channels;
    cc_work_out(l->pixels, start, pixels, l->channels, target + l->left * l->channels);
  }
}

void cc_lines_fill(cc_lines *l, int64_t image, int64_t first, int64_t end) {
  // Whoever goes back finds other lines in the place of those that he wants.
  bool isForward = l->image == image && l->filled > first && l->filled <= end;
  int64_t line = isForward ? l->filled : first;
  for (; line < end; line++) fill_line(l, image, line);
  l->image = image;
  l->filled = line;
}
