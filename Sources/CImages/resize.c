#include "internal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Weights have 22 bits behind the point: 8 bits of a pixel and their sum stay within 32.
enum { bits = 22 };

// For each of `count` results from `start`: which inputs count, and how much.
typedef struct {
  int32_t widest, *first, *used, *weights;
} filter;

static void release(filter *f) {
  free(f->first);
  free(f->used);
  free(f->weights);
}

// A triangle round the place that a result has in the input, as wide as an input pixel or, reduced, as a result.
static int make_filter(filter *f, int32_t from, int32_t to, int32_t start, int32_t count) {
  double scale = (double)from / to, reach = scale < 1 ? 1 : scale;
  f->widest = (int32_t)ceil(reach) * 2 + 1;
  f->first = malloc(count * sizeof(int32_t));
  f->used = malloc(count * sizeof(int32_t));
  f->weights = malloc((size_t)count * f->widest * sizeof(int32_t));
  double *exact = malloc(f->widest * sizeof(double));
  if (f->first == NULL || f->used == NULL || f->weights == NULL || exact == NULL) {
    free(exact);
    return 1;
  }
  for (int32_t i = 0; i < count; i++) {
    double centre = (start + i + 0.5) * scale, sum = 0;
    int32_t first = (int32_t)fmax(centre - reach + 0.5, 0), last = (int32_t)fmin(centre + reach + 0.5, from);
    for (int32_t x = first; x < last; x++) {
      double distance = fabs((x + 0.5 - centre) / reach);
      exact[x - first] = distance < 1 ? 1 - distance : 0;
      sum += exact[x - first];
    }
    f->first[i] = first;
    f->used[i] = last - first;
    for (int32_t x = 0; x < last - first; x++) {
      f->weights[(size_t)i * f->widest + x] = (int32_t)(exact[x] / sum * (1 << bits) + 0.5);
    }
  }
  free(exact);
  return 0;
}

static inline uint8_t rounded(int32_t sum) {
  int32_t value = sum >> bits;
  return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

// Rows of pixels to rows of `count` pixels.
static void resize_columns(const filter *f, const uint8_t *source, int64_t source_step, int32_t rows, uint8_t *target,
                           int32_t count, int channels) {
  for (int32_t y = 0; y < rows; y++) {
    for (int32_t i = 0; i < count; i++) {
      const uint8_t *pixels = source + y * source_step + (int64_t)f->first[i] * channels;
      const int32_t *weights = f->weights + (size_t)i * f->widest;
      for (int c = 0; c < channels; c++) {
        int32_t sum = 1 << (bits - 1);
        for (int32_t x = 0; x < f->used[i]; x++) sum += weights[x] * pixels[x * channels + c];
        *target++ = rounded(sum);
      }
    }
  }
}

// Rows of `step` numbers to `count` rows of as many. `skipped` rows of the input are not there.
static int resize_rows(const filter *f, const uint8_t *source, int64_t step, int32_t skipped, uint8_t *target,
                       int32_t count) {
  int32_t *sums = malloc(step * sizeof(int32_t));
  if (sums == NULL) return 1;
  for (int32_t i = 0; i < count; i++) {
    for (int64_t x = 0; x < step; x++) sums[x] = 1 << (bits - 1);
    for (int32_t y = 0; y < f->used[i]; y++) {
      const uint8_t *row = source + (f->first[i] + y - skipped) * step;
      int32_t weight = f->weights[(size_t)i * f->widest + y];
      for (int64_t x = 0; x < step; x++) sums[x] += weight * row[x];
    }
    for (int64_t x = 0; x < step; x++) target[i * step + x] = rounded(sums[x]);
  }
  free(sums);
  return 0;
}

// The weights of ITU-R 601-2 in 16 bits.
static void make_grey(ci_image *image) {
  int64_t area = (int64_t)image->width * image->height;
  for (int64_t p = 0; p < area; p++) {
    const uint8_t *colour = image->pixels + 3 * p;
    image->pixels[p] = (uint8_t)((colour[0] * 19595u + colour[1] * 38470u + colour[2] * 7471u + 0x8000u) >> 16);
  }
  image->channels = 1;
}

// [height, width, from] to [to, height, width]; one channel becomes as many as are wanted.
static void spread(const uint8_t *source, int64_t source_step, int from, int32_t width, int32_t height, int to,
                   uint8_t *target) {
  for (int c = 0; c < to; c++) {
    for (int32_t y = 0; y < height; y++) {
      const uint8_t *row = source + y * source_step + (from == 1 ? 0 : c);
      for (int32_t x = 0; x < width; x++) *target++ = row[(int64_t)x * from];
    }
  }
}

// The window of the image in another size: `narrow` holds the rows that count with their columns done, `window` all.
static int resample(const ci_image *image, const filter *columns, const filter *rows, int32_t width, int32_t height,
                    uint8_t **narrow, uint8_t **window) {
  int channels = image->channels;
  int32_t first = rows->first[0], last = rows->first[height - 1] + rows->used[height - 1];
  int64_t source_step = (int64_t)image->width * channels, step = (int64_t)width * channels;
  *narrow = malloc((last - first) * step);
  *window = malloc(height * step);
  if (*narrow == NULL || *window == NULL) return 1;
  resize_columns(columns, image->pixels + first * source_step, source_step, last - first, *narrow, width, channels);
  return resize_rows(rows, *narrow, step, first, *window, height);
}

int ci_prepare(ci_image *image, int32_t resized_width, int32_t resized_height, int32_t left, int32_t top,
               int32_t width, int32_t height, int32_t channels, uint8_t *target) {
  if (image->channels == 3 && channels == 1) make_grey(image);
  int64_t step = (int64_t)image->width * image->channels;
  if (resized_width == image->width && resized_height == image->height) {
    spread(image->pixels + top * step + (int64_t)left * image->channels, step, image->channels, width, height,
           channels, target);
    return 0;
  }
  filter columns = {0}, rows = {0};
  uint8_t *narrow = NULL, *window = NULL;
  int failed = make_filter(&columns, image->width, resized_width, left, width) != 0 ||
               make_filter(&rows, image->height, resized_height, top, height) != 0 ||
               resample(image, &columns, &rows, width, height, &narrow, &window) != 0;
  if (!failed) {
    spread(window, (int64_t)width * image->channels, image->channels, width, height, channels, target);
  }
  release(&columns);
  release(&rows);
  free(narrow);
  free(window);
  return failed;
}
