#include "CCFunctions.h"
#include "functions.h"
#include "internal.h"
#include <stdlib.h>
#include <string.h>

// ---- combining ----

CC_INLINE float modulo(float a, float b) {
  float rest = fmodf(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

// What no integer can hold becomes 0: converting it would not be defined.
CC_INLINE int64_t whole(float x) { return x > -9e18f && x < 9e18f ? (int64_t)x : 0; }

// Shifted to the left, or to the right where `by` is below 0; 0 where nothing is left.
CC_INLINE int64_t shifted(int64_t x, int64_t by) {
  if (by <= -63 || by >= 63) return 0;
  return by >= 0 ? (int64_t)((uint64_t)x << by) : x >> -by;
}

typedef void (*row_loop)(int64_t, const float *, int64_t, const float *, int64_t, float *restrict);

// A row of a combination: strides of 1 and 0 have loops of their own, for those become vector code.
#define COMBINATION(NAME, VALUE)                                                                                      \
  CC_CLONES static void NAME##_row(int64_t count, const float *p, int64_t ps, const float *q, int64_t qs,            \
                                   float *restrict result) {                                                          \
    if (ps == 1 && qs == 1) {                                                                                         \
      for (int64_t i = 0; i < count; i++) {                                                                           \
        float a = p[i], b = q[i];                                                                                     \
        result[i] = VALUE;                                                                                            \
      }                                                                                                               \
    } else if (ps == 1 && qs == 0) {                                                                                  \
      float b = *q;                                                                                                   \
      for (int64_t i = 0; i < count; i++) {                                                                           \
        float a = p[i];                                                                                               \
        result[i] = VALUE;                                                                                            \
      }                                                                                                               \
    } else {                                                                                                          \
      for (int64_t i = 0; i < count; i++) {                                                                           \
        float a = p[i * ps], b = q[i * qs];                                                                           \
        result[i] = VALUE;                                                                                            \
      }                                                                                                               \
    }                                                                                                                 \
  }

COMBINATION(plus, a + b)
COMBINATION(minus, a - b)
COMBINATION(times, a * b)
COMBINATION(over, a / b)
COMBINATION(leak, a > 0 ? a : a * b)
COMBINATION(negative_part, a > 0 ? 0 : a * b)
COMBINATION(leak_slope, a > 0 ? 1 : b)
COMBINATION(larger, a > b || a != a ? a : b)
COMBINATION(smaller, a < b || a != a ? a : b)
COMBINATION(raised, powf(a, b))
COMBINATION(quotient, truncf(a / b))
COMBINATION(modulo, modulo(a, b))
COMBINATION(remainder, fmodf(a, b))
COMBINATION(equal, a == b)
COMBINATION(less, a < b)
COMBINATION(less_or_equal, a <= b)
COMBINATION(and, a != 0 && b != 0)
COMBINATION(or, a != 0 || b != 0)
COMBINATION(xor, (a != 0) != (b != 0))
COMBINATION(bits_and, (float)(whole(a) & whole(b)))
COMBINATION(bits_or, (float)(whole(a) | whole(b)))
COMBINATION(bits_xor, (float)(whole(a) ^ whole(b)))
COMBINATION(shifted_left, (float)shifted(whole(a), whole(b)))
COMBINATION(shifted_right, (float)shifted(whole(a), -whole(b)))

static const row_loop rows[CC_COMBINATION_COUNT] = {
    [CC_PLUS] = plus_row, [CC_MINUS] = minus_row, [CC_TIMES] = times_row, [CC_OVER] = over_row,
    [CC_LEAK] = leak_row, [CC_NEGATIVE_PART] = negative_part_row, [CC_LEAK_SLOPE] = leak_slope_row,
    [CC_LARGER] = larger_row, [CC_SMALLER] = smaller_row, [CC_RAISED] = raised_row, [CC_QUOTIENT] = quotient_row,
    [CC_MODULO] = modulo_row, [CC_REMAINDER] = remainder_row, [CC_EQUAL] = equal_row, [CC_LESS] = less_row,
    [CC_LESS_OR_EQUAL] = less_or_equal_row, [CC_AND] = and_row, [CC_OR] = or_row, [CC_XOR] = xor_row,
    [CC_BITS_AND] = bits_and_row, [CC_BITS_OR] = bits_or_row, [CC_BITS_XOR] = bits_xor_row,
    [CC_SHIFTED_LEFT] = shifted_left_row, [CC_SHIFTED_RIGHT] = shifted_right_row,
};

// Numbers are handed to threads in pieces of about this many.
enum { PIECE = 8192 };

typedef struct {
  cc_combination combination;
  int rank;
  const int64_t *counts, *strides[3];
  const float *sources[3];
  float *result;
  // The innermost axis is cut into `cuts` parts where it is long; whole rows go together in groups where it is short.
  int64_t columns, cuts, outer, group;
} combining;

// Where a row begins in each source.
static void row_places(const combining *c, int64_t row, const float *places[3]) {
  memcpy(places, c->sources, sizeof c->sources);
  for (int axis = c->rank - 2; axis >= 0; axis--) {
    int64_t index = row % c->counts[axis];
    row /= c->counts[axis];
    for (int i = 0; i < 3; i++) {
      if (c->sources[i]) places[i] += index * c->strides[i][axis];
    }
  }
}

static void choose_row(int64_t count, const float *chooser, int64_t cs, const float *p, int64_t ps, const float *q,
                       int64_t qs, float *restrict result) {
  for (int64_t i = 0; i < count; i++) result[i] = chooser[i * cs] != 0 ? p[i * ps] : q[i * qs];
}

static void combine_part(const combining *c, int64_t row, int64_t start, int64_t count) {
  const float *places[3];
  row_places(c, row, places);
  int64_t step[3];
  for (int i = 0; i < 3; i++) {
    step[i] = c->sources[i] ? c->strides[i][c->rank - 1] : 0;
    if (places[i]) places[i] += start * step[i];
  }
  float *result = c->result + row * c->columns + start;
  if (c->sources[2]) {
    choose_row(count, places[2], step[2], places[0], step[0], places[1], step[1], result);
  } else {
    rows[c->combination](count, places[0], step[0], places[1], step[1], result);
  }
}

static void combine_work(void *context, int64_t first, int64_t last) {
  const combining *c = context;
  for (int64_t piece = first; piece < last; piece++) {
    if (c->cuts > 1) {
      int64_t row = piece / c->cuts, start = piece % c->cuts * PIECE;
      combine_part(c, row, start, cc_min(PIECE, c->columns - start));
    } else {
      int64_t end = cc_min((piece + 1) * c->group, c->outer);
      for (int64_t row = piece * c->group; row < end; row++) combine_part(c, row, 0, c->columns);
    }
  }
}

static void combine(combining c) {
  int64_t one = 1, none = 0;
  if (c.rank == 0) {
    c.rank = 1;
    c.counts = &one;
    for (int i = 0; i < 3; i++) c.strides[i] = &none;
  }
  c.columns = c.counts[c.rank - 1];
  c.outer = 1;
  for (int axis = 0; axis < c.rank - 1; axis++) c.outer *= c.counts[axis];
  if (c.columns == 0 || c.outer == 0) return;
  c.cuts = (c.columns + PIECE - 1) / PIECE;
  c.group = cc_max(1, PIECE / c.columns);
  cc_parallel(c.cuts > 1 ? c.outer * c.cuts : (c.outer + c.group - 1) / c.group, combine_work, &c);
}

void cc_combine(cc_combination combination, int rank, const int64_t *counts, const float *a, const int64_t *a_strides,
                const float *b, const int64_t *b_strides, float *result) {
  combine((combining){.combination = combination, .rank = rank, .counts = counts, .strides = {a_strides, b_strides},
                      .sources = {a, b}, .result = result});
}

void cc_choose(int rank, const int64_t *counts, const float *chooser, const int64_t *chooser_strides, const float *a,
               const int64_t *a_strides, const float *b, const int64_t *b_strides, float *result) {
  combine((combining){.rank = rank, .counts = counts, .strides = {a_strides, b_strides, chooser_strides},
                      .sources = {a, b, chooser}, .result = result});
}

// ---- summing ----

typedef struct {
  int rank;
  const int64_t *counts, *strides;
  int64_t *packed;
  const float *x;
  float *sums;
  int64_t pieces, size;
  float *partial;
} summing;

CC_CLONES static void add_rows(int64_t count, const float *restrict x, float *restrict sums) {
  for (int64_t i = 0; i < count; i++) sums[i] += x[i];
}

// Sixteen sums side by side, then one: the same on every machine and for every thread.
CC_CLONES static float sum_row(int64_t count, const float *restrict x) {
  float lanes[16] = {0}, rest = 0;
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (int lane = 0; lane < 16; lane++) lanes[lane] += x[i + lane];
  }
  for (; i < count; i++) rest += x[i];
  for (int width = 8; width > 0; width /= 2) {
    for (int lane = 0; lane < width; lane++) lanes[lane] += lanes[lane + width];
  }
  return lanes[0] + rest;
}

static void sum_axis(const summing *s, int axis, int64_t first, int64_t last, const float *x, float *sums) {
  if (axis == s->rank - 1) {
    if (s->strides[axis] == 0) {
      *sums += sum_row(last - first, x + first);
    } else if (s->strides[axis] == 1) {
      add_rows(last - first, x + first, sums + first);
    } else {
      for (int64_t i = first; i < last; i++) sums[i * s->strides[axis]] += x[i];
    }
    return;
  }
  for (int64_t i = first; i < last; i++) {
    sum_axis(s, axis + 1, 0, s->counts[axis + 1], x + i * s->packed[axis], sums + i * s->strides[axis]);
  }
}

// The outermost axis is kept: its parts never meet.
static void sum_apart_work(void *context, int64_t first, int64_t last) {
  const summing *s = context;
  sum_axis(s, 0, first, last, s->x, s->sums);
}

static void sum_pieces_work(void *context, int64_t first, int64_t last) {
  const summing *s = context;
  for (int64_t piece = first; piece < last; piece++) {
    int64_t start = s->counts[0] * piece / s->pieces, end = s->counts[0] * (piece + 1) / s->pieces;
    sum_axis(s, 0, start, end, s->x, s->partial + piece * s->size);
  }
}

static void sum_fold_work(void *context, int64_t first, int64_t last) {
  const summing *s = context;
  for (int64_t piece = 0; piece < s->pieces; piece++) {
    add_rows(last - first, s->partial + piece * s->size + first, s->sums + first);
  }
}

void cc_sum(int rank, const int64_t *counts, const float *x, const int64_t *strides, int64_t size, float *sums) {
  memset(sums, 0, size * sizeof(float));
  if (rank == 0) {
    *sums = *x;
    return;
  }
  int64_t packed[CC_LARGEST_RANK];
  packed[rank - 1] = 1;
  for (int axis = rank - 1; axis > 0; axis--) packed[axis - 1] = packed[axis] * counts[axis];
  summing s = {rank, counts, strides, packed, x, sums, 0, size, NULL};
  if (strides[0] != 0) {
    cc_parallel(counts[0], sum_apart_work, &s);
    return;
  }
  s.pieces = cc_min(counts[0], size > 16384 ? 8 : CC_SUM_PIECES);
  s.partial = calloc(cc_max(1, s.pieces * size), sizeof(float));
  cc_parallel(s.pieces, sum_pieces_work, &s);
  cc_parallel(size, sum_fold_work, &s);
  free(s.partial);
}
