#include "CCFunctions.h"
#include "functions.h"
#include "internal.h"
#include "lanes.h"
#include <stdlib.h>

// ---- layer norm ----

typedef struct {
  int64_t rows, columns;
  float epsilon;
  const float *x, *scale, *shift, *gradient, *mean, *inverse;
  float *y, *means, *inverses, *partial;
} layer;

CC_CLONES static void norm_row(int64_t columns, float epsilon, const float *restrict x, const float *restrict scale,
                               const float *restrict shift, float *restrict y, float *restrict mean,
                               float *restrict inverse) {
  float lanes[LANES] = {0}, rest = 0;
  int64_t c = 0;
  for (; c + LANES <= columns; c += LANES) {
    for (int lane = 0; lane < LANES; lane++) lanes[lane] += x[c + lane];
  }
  for (; c < columns; c++) rest += x[c];
  float middle = (folded(lanes) + rest) / columns;
  for (int lane = 0; lane < LANES; lane++) lanes[lane] = 0;
  rest = 0;
  for (c = 0; c + LANES <= columns; c += LANES) {
    for (int lane = 0; lane < LANES; lane++) {
      float v = x[c + lane] - middle;
      lanes[lane] += v * v;
    }
  }
  for (; c < columns; c++) rest += (x[c] - middle) * (x[c] - middle);
  float factor = 1 / sqrtf((folded(lanes) + rest) / columns + epsilon);
  for (c = 0; c < columns; c++) y[c] = (x[c] - middle) * factor * scale[c] + shift[c];
  *mean = middle;
  *inverse = factor;
}

static void norm_work(void *context, int64_t first, int64_t last) {
  layer *s = context;
  int64_t end = s->rows * last / CC_SUM_PIECES;
  for (int64_t row = s->rows * first / CC_SUM_PIECES; row < end; row++) {
    norm_row(s->columns, s->epsilon, s->x + row * s->columns, s->scale, s->shift, s->y + row * s->columns,
             s->means + row, s->inverses + row);
  }
}

void cc_layer_norm(int64_t rows, int64_t columns, float epsilon, const float *x, const float *scale,
                   const float *shift, float *y, float *mean, float *inverse) {
  layer s = {.rows = rows, .columns = columns, .epsilon = epsilon, .x = x, .scale = scale, .shift = shift, .y = y,
             .means = mean, .inverses = inverse};
  cc_parallel(CC_SUM_PIECES, norm_work, &s);
}

// With x̂ = (x − mean) · inverse and h = gradient · scale: inverse · (h − mean(h) − x̂ · mean(h · x̂)).
CC_CLONES static void norm_backward_row(int64_t columns, const float *restrict gradient, const float *restrict x,
                                        const float *restrict scale, float mean, float inverse,
                                        float *restrict result, float *restrict scales, float *restrict shifts) {
  float sums[LANES] = {0}, products[LANES] = {0}, sum = 0, product = 0;
  int64_t c = 0;
  for (; c + LANES <= columns; c += LANES) {
    for (int lane = 0; lane < LANES; lane++) {
      float g = gradient[c + lane], n = (x[c + lane] - mean) * inverse, h = g * scale[c + lane];
      shifts[c + lane] += g;
      scales[c + lane] += g * n;
      sums[lane] += h;
      products[lane] += h * n;
    }
  }
  for (; c < columns; c++) {
    float g = gradient[c], n = (x[c] - mean) * inverse, h = g * scale[c];
    shifts[c] += g;
    scales[c] += g * n;
    sum += h;
    product += h * n;
  }
  sum = (folded(sums) + sum) / columns;
  product = (folded(products) + product) / columns;
  for (c = 0; c < columns; c++) {
    result[c] = inverse * (gradient[c] * scale[c] - sum - (x[c] - mean) * inverse * product);
  }
}

static void norm_backward_work(void *context, int64_t first, int64_t last) {
  layer *s = context;
  int64_t columns = s->columns;
  for (int64_t piece = first; piece < last; piece++) {
    int64_t end = s->rows * (piece + 1) / CC_SUM_PIECES;
    float *scales = s->partial + piece * 2 * columns;
    for (int64_t row = s->rows * piece / CC_SUM_PIECES; row < end; row++) {
      norm_backward_row(columns, s->gradient + row * columns, s->x + row * columns, s->scale, s->mean[row],
                        s->inverse[row], s->y + row * columns, scales, scales + columns);
    }
  }
}

void cc_layer_norm_backward(int64_t rows, int64_t columns, const float *gradient, const float *x, const float *scale,
                            const float *mean, const float *inverse, float *result, float *scale_gradient,
                            float *shift_gradient) {
  layer s = {.rows = rows, .columns = columns, .x = x, .scale = scale, .gradient = gradient, .mean = mean,
             .inverse = inverse, .y = result};
  s.partial = calloc(cc_max(1, CC_SUM_PIECES * 2 * columns), sizeof(float));
  cc_parallel(CC_SUM_PIECES, norm_backward_work, &s);
  for (int64_t c = 0; c < columns; c++) {
    double scales = 0, shifts = 0;
    for (int64_t piece = 0; piece < CC_SUM_PIECES; piece++) {
      scales += s.partial[piece * 2 * columns + c];
      shifts += s.partial[(piece * 2 + 1) * columns + c];
    }
    scale_gradient[c] = (float)scales;
    shift_gradient[c] = (float)shifts;
  }
  free(s.partial);
}

// ---- softmax ----

typedef struct {
  int64_t length, inner;
  const float *x, *gradient;
  float *result;
} soft;

CC_CLONES static void softmax_row(int64_t length, const float *restrict x, float *restrict y) {
  float largest = -INFINITY;
  for (int64_t i = 0; i < length; i++) largest = x[i] > largest ? x[i] : largest;
  float lanes[LANES] = {0}, rest = 0;
  int64_t i = 0;
  for (; i + LANES <= length; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) {
      float e = cc_exp(x[i + lane] - largest);
      y[i + lane] = e;
      lanes[lane] += e;
    }
  }
  for (; i < length; i++) rest += y[i] = cc_exp(x[i] - largest);
  float factor = 1 / (folded(lanes) + rest);
  for (i = 0; i < length; i++) y[i] *= factor;
}

static void softmax_column(int64_t length, int64_t inner, const float *x, float *y) {
  float largest = -INFINITY, sum = 0;
  for (int64_t i = 0; i < length; i++) largest = x[i * inner] > largest ? x[i * inner] : largest;
  for (int64_t i = 0; i < length; i++) sum += y[i * inner] = cc_exp(x[i * inner] - largest);
  for (int64_t i = 0; i < length; i++) y[i * inner] /= sum;
}

static void softmax_work(void *context, int64_t first, int64_t last) {
  soft *s = context;
  for (int64_t outer = first; outer < last; outer++) {
    int64_t skip = outer * s->length * s->inner;
    if (s->inner == 1) {
      softmax_row(s->length, s->x + skip, s->result + skip);
    } else {
      for (int64_t i = 0; i < s->inner; i++) {
        softmax_column(s->length, s->inner, s->x + skip + i, s->result + skip + i);
      }
    }
  }
}

void cc_softmax(int64_t outer, int64_t length, int64_t inner, const float *x, float *y) {
  soft s = {length, inner, x, NULL, y};
  cc_parallel(outer, softmax_work, &s);
}

CC_CLONES static void softmax_backward_row(int64_t length, const float *restrict y, const float *restrict gradient,
                                           float *restrict result) {
  float lanes[LANES] = {0}, rest = 0;
  int64_t i = 0;
  for (; i + LANES <= length; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) lanes[lane] += y[i + lane] * gradient[i + lane];
  }
  for (; i < length; i++) rest += y[i] * gradient[i];
  float along = folded(lanes) + rest;
  for (i = 0; i < length; i++) result[i] = y[i] * (gradient[i] - along);
}

static void softmax_backward_work(void *context, int64_t first, int64_t last) {
  soft *s = context;
  for (int64_t outer = first; outer < last; outer++) {
    int64_t skip = outer * s->length * s->inner;
    if (s->inner == 1) {
      softmax_backward_row(s->length, s->x + skip, s->gradient + skip, s->result + skip);
      continue;
    }
    for (int64_t i = 0; i < s->inner; i++) {
      const float *y = s->x + skip + i, *gradient = s->gradient + skip + i;
      float along = 0;
      for (int64_t j = 0; j < s->length; j++) along += y[j * s->inner] * gradient[j * s->inner];
      for (int64_t j = 0; j < s->length; j++) {
        s->result[skip + i + j * s->inner] = y[j * s->inner] * (gradient[j * s->inner] - along);
      }
    }
  }
}

void cc_softmax_backward(int64_t outer, int64_t length, int64_t inner, const float *y, const float *gradient,
                         float *result) {
  soft s = {length, inner, y, gradient, result};
  cc_parallel(outer, softmax_backward_work, &s);
}
