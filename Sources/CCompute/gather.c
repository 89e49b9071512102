#include "CCFunctions.h"
#include "internal.h"
#include <math.h>
#include <string.h>

typedef struct {
  int64_t size, inner, count;
  const float *source, *places;
  float *result;
} gathering;

// The place as a number of a row, or −1 where it is none.
static int64_t row_of(const gathering *s, int64_t i) {
  float place = s->places[i];
  if (place < 0) place += s->size;
  return place >= 0 && place < s->size && place == floorf(place) ? (int64_t)place : -1;
}

static void gather_work(void *context, int64_t first, int64_t last) {
  gathering *s = context;
  for (int64_t piece = first; piece < last; piece++) {
    int64_t outer = piece / s->count, i = piece % s->count, row = row_of(s, i);
    float *to = s->result + piece * s->inner;
    if (row >= 0) {
      memcpy(to, s->source + (outer * s->size + row) * s->inner, s->inner * sizeof(float));
    } else {
      for (int64_t c = 0; c < s->inner; c++) to[c] = NAN;
    }
  }
}

void cc_gather(int64_t outer, int64_t size, int64_t inner, int64_t count, const float *table, const float *places,
               float *y) {
  gathering s = {size, inner, count, table, places, y};
  cc_parallel(outer * count, gather_work, &s);
}

// Rows may be taken more than once, so one thread adds up each outer part, in order.
static void gather_backward_work(void *context, int64_t first, int64_t last) {
  gathering *s = context;
  memset(s->result + first * s->size * s->inner, 0, (last - first) * s->size * s->inner * sizeof(float));
  for (int64_t outer = first; outer < last; outer++) {
    for (int64_t i = 0; i < s->count; i++) {
      int64_t row = row_of(s, i);
      if (row < 0) continue;
      const float *from = s->source + (outer * s->count + i) * s->inner;
      float *to = s->result + (outer * s->size + row) * s->inner;
      for (int64_t c = 0; c < s->inner; c++) to[c] += from[c];
    }
  }
}

void cc_gather_backward(int64_t outer, int64_t size, int64_t inner, int64_t count, const float *gradient,
                        const float *places, float *result) {
  gathering s = {size, inner, count, gradient, places, result};
  cc_parallel(outer, gather_backward_work, &s);
}
