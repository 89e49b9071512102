#include "CCFunctions.h"
#include "functions.h"
#include "internal.h"
#include <stdlib.h>
#include <string.h>

// Along the middle axis of [outer, length, inner].
typedef struct {
  int64_t length, inner, count;
  int kind;
  const float *source, *places, *values;
  float *result;
} walking;

// ---- reducing ----

CC_INLINE float reduced(int kind, float a, float b) {
  if (kind == CC_REDUCE_PRODUCT) return a * b;
  if (a != a || b != b) return NAN;
  return kind == CC_REDUCE_LARGEST ? (a > b ? a : b) : (a < b ? a : b);
}

static void reduce_work(void *context, int64_t first, int64_t last) {
  const walking *s = context;
  float beginning = s->kind == CC_REDUCE_PRODUCT ? 1 : s->kind == CC_REDUCE_LARGEST ? -INFINITY : INFINITY;
  for (int64_t outer = first; outer < last; outer++) {
    float *to = s->result + outer * s->inner;
    for (int64_t c = 0; c < s->inner; c++) to[c] = beginning;
    for (int64_t i = 0; i < s->length; i++) {
      const float *from = s->source + (outer * s->length + i) * s->inner;
      for (int64_t c = 0; c < s->inner; c++) to[c] = reduced(s->kind, to[c], from[c]);
    }
  }
}

void cc_reduce(cc_reduction kind, int64_t outer, int64_t length, int64_t inner, const float *x, float *y) {
  walking s = {.length = length, .inner = inner, .kind = (int)kind, .source = x, .result = y};
  cc_parallel(outer, reduce_work, &s);
}

// ---- ordering ----

typedef struct {
  float value;
  int32_t place;
} candidate;

// What is not a number comes last; equal ones keep their order.
static int rising(const void *p, const void *q) {
  const candidate *a = p, *b = q;
  int odd_a = a->value != a->value, odd_b = b->value != b->value;
  if (odd_a || odd_b) return odd_a != odd_b ? odd_a - odd_b : a->place - b->place;
  if (a->value != b->value) return a->value < b->value ? -1 : 1;
  return a->place - b->place;
}

static int falling(const void *p, const void *q) {
  const candidate *a = p, *b = q;
  int odd_a = a->value != a->value, odd_b = b->value != b->value;
  if (odd_a || odd_b) return odd_a != odd_b ? odd_a - odd_b : a->place - b->place;
  if (a->value != b->value) return a->value > b->value ? -1 : 1;
  return a->place - b->place;
}

static void order_work(void *context, int64_t first, int64_t last) {
  const walking *s = context;
  candidate *row = malloc(cc_max(1, s->length) * sizeof(candidate));
  for (int64_t index = first; index < last; index++) {
    int64_t start = index / s->inner * s->length * s->inner + index % s->inner;
    for (int64_t i = 0; i < s->length; i++) row[i] = (candidate){s->source[start + i * s->inner], (int32_t)i};
    qsort(row, s->length, sizeof(candidate), s->kind ? falling : rising);
    for (int64_t i = 0; i < s->length; i++) s->result[start + i * s->inner] = (float)row[i].place;
  }
  free(row);
}

void cc_order(bool descending, int64_t outer, int64_t length, int64_t inner, const float *x, float *places) {
  walking s = {.length = length, .inner = inner, .kind = descending, .source = x, .result = places};
  cc_parallel(outer * inner, order_work, &s);
}

// ---- element by element ----

// The place as a number below `length`, or −1 where it is none.
CC_INLINE int64_t place_of(const walking *s, float place) {
  if (place < 0) place += s->length;
  return place >= 0 && place < s->length && place == floorf(place) ? (int64_t)place : -1;
}

static void gather_elements_work(void *context, int64_t first, int64_t last) {
  const walking *s = context;
  for (int64_t outer = first; outer < last; outer++) {
    for (int64_t i = 0; i < s->count * s->inner; i++) {
      int64_t at = outer * s->count * s->inner + i, place = place_of(s, s->places[at]);
      s->result[at] = place < 0 ? NAN : s->source[(outer * s->length + place) * s->inner + i % s->inner];
    }
  }
}

void cc_gather_elements(int64_t outer, int64_t length, int64_t inner, int64_t count, const float *x,
                        const float *places, float *y) {
  walking s = {.length = length, .inner = inner, .count = count, .source = x, .places = places, .result = y};
  cc_parallel(outer, gather_elements_work, &s);
}

static void scatter_elements_work(void *context, int64_t first, int64_t last) {
  const walking *s = context;
  int64_t size = s->length * s->inner;
  memcpy(s->result + first * size, s->source + first * size, (last - first) * size * sizeof(float));
  for (int64_t outer = first; outer < last; outer++) {
    for (int64_t i = 0; i < s->count * s->inner; i++) {
      int64_t at = outer * s->count * s->inner + i, place = place_of(s, s->places[at]);
      if (place < 0) continue;
      float *to = s->result + (outer * s->length + place) * s->inner + i % s->inner, value = s->values[at];
      switch (s->kind) {
        case CC_SCATTER_REPLACING: *to = value; break;
        case CC_SCATTER_ADDING: *to += value; break;
        default: *to = reduced(s->kind - CC_SCATTER_MULTIPLYING, *to, value);
      }
    }
  }
}

void cc_scatter_elements(cc_scatter kind, int64_t outer, int64_t length, int64_t inner, int64_t count, const float *x,
                         const float *places, const float *values, float *y) {
  walking s = {.length = length, .inner = inner, .count = count, .kind = (int)kind, .source = x, .places = places,
               .values = values, .result = y};
  cc_parallel(outer, scatter_elements_work, &s);
}

// ---- resampling ----

typedef struct {
  int64_t size, count, taps, inner;
  const float *source, *places, *weights;
  float *result;
} resampling;

CC_INLINE void add_scaled(int64_t count, float factor, const float *x, float *y) {
  for (int64_t c = 0; c < count; c++) y[c] += factor * x[c];
}

// Places may come from a file: what is none has no part in the sum.
CC_INLINE bool tap(const resampling *s, int64_t i, int64_t *place) {
  float at = s->places[i];
  if (!(at >= 0 && at < s->size)) return false;
  *place = (int64_t)at;
  return true;
}

CC_CLONES static void resample_piece(const resampling *s, int64_t piece) {
  int64_t outer = piece / s->count, i = piece % s->count, place;
  float *to = s->result + piece * s->inner;
  memset(to, 0, s->inner * sizeof(float));
  for (int64_t t = i * s->taps; t < (i + 1) * s->taps; t++) {
    if (tap(s, t, &place)) {
      add_scaled(s->inner, s->weights[t], s->source + (outer * s->size + place) * s->inner, to);
    }
  }
}

static void resample_work(void *context, int64_t first, int64_t last) {
  for (int64_t piece = first; piece < last; piece++) resample_piece(context, piece);
}

CC_CLONES static void resample_backward_piece(const resampling *s, int64_t outer) {
  int64_t place;
  memset(s->result + outer * s->size * s->inner, 0, s->size * s->inner * sizeof(float));
  for (int64_t t = 0; t < s->count * s->taps; t++) {
    if (tap(s, t, &place)) {
      add_scaled(s->inner, s->weights[t], s->source + (outer * s->count + t / s->taps) * s->inner,
                 s->result + (outer * s->size + place) * s->inner);
    }
  }
}

static void resample_backward_work(void *context, int64_t first, int64_t last) {
  for (int64_t outer = first; outer < last; outer++) resample_backward_piece(context, outer);
}

void cc_resample(int64_t outer, int64_t size, int64_t inner, int64_t count, int64_t taps, const float *places,
                 const float *weights, const float *x, float *y) {
  resampling s = {size, count, taps, inner, x, places, weights, y};
  cc_parallel(outer * count, resample_work, &s);
}

void cc_resample_backward(int64_t outer, int64_t size, int64_t inner, int64_t count, int64_t taps, const float *places,
                          const float *weights, const float *gradient, float *result) {
  resampling s = {size, count, taps, inner, gradient, places, weights, result};
  cc_parallel(outer, resample_backward_work, &s);
}
