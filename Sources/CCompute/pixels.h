#pragma once
// Pixels as convolutions of ours read them, with zeros around the image, and worked out on the way.
#include "internal.h"
#include <stdlib.h>

static inline int64_t cc_round_up(int64_t a, int64_t b) { return (a + b - 1) / b * b; }
static inline float *cc_memory(int64_t floats) { return aligned_alloc(64, cc_round_up(floats * sizeof(float), 64)); }

// Whether pixels are worked out, or lie in memory as they are.
static inline bool cc_are_deferred(const cc_pixels *pixels) { return pixels->a || pixels->factor; }
// Pixels that follow each other in memory, from number `start` of its floats on.
void cc_work_out(const cc_pixels *pixels, int64_t start, int64_t count, int64_t channels, float *target);

// Lines of pixels with zeros around the image, as a convolution reads them, a few at a time: line i of an image lies at
// lines[i mod count], and keeps lying there until line i + count is filled.
typedef struct {
  const cc_pixels *pixels;
  int64_t height, width, channels;
  int64_t top, left;       // lines and columns of zeros before the image
  int64_t count, columns;  // count is a power of two
  int64_t image, filled;   // lines of the image that were filled: those before `filled`
  float *lines;
} cc_lines;

// At least so many lines at a time. The caller frees `lines`.
cc_lines cc_lines_make(const cc_pixels *pixels, int64_t height, int64_t width, int64_t channels, int64_t top,
                       int64_t left, int64_t count, int64_t columns);
// Makes lines first ..< end of an image lie there.
void cc_lines_fill(cc_lines *lines, int64_t image, int64_t first, int64_t end);

static inline const float *cc_line(const cc_lines *l, int64_t line) {
  return l->lines + (line & (l->count - 1)) * l->columns * l->channels;
}

// A piece of memory that is fetched bit by bit while the processor multiplies, so that nobody waits for it afterwards.
typedef struct {
  const float *start;
  int64_t floats;
} cc_ahead;

// What lies in memory for pixels.
typedef struct {
  cc_ahead values, x;
} cc_pixels_ahead;

static inline cc_pixels_ahead cc_look_ahead(const cc_pixels *pixels, int64_t start, int64_t floats) {
  cc_pixels_ahead ahead = {{pixels->values + start, floats}, {NULL, 0}};
  if (pixels->x) ahead.x = (cc_ahead){pixels->x + start, floats};
  return ahead;
}

// Fetches one of so many parts into the second-level cache; or into the first, to be written.
__attribute__((always_inline)) static inline void cc_fetch(cc_ahead piece, int64_t part, int64_t parts,
                                                           const bool writes) {
  int64_t lines = (piece.floats + 15) / 16, end = lines * (part + 1) / parts;
  for (int64_t line = lines * part / parts; line < end; line++) {
    if (writes) {
      __builtin_prefetch(piece.start + line * 16, 1, 3);
    } else {
      __builtin_prefetch(piece.start + line * 16, 0, 2);
    }
  }
}
