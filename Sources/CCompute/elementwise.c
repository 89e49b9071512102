#include "internal.h"
#include <math.h>

// Elements are handed to threads in blocks of this many; fewer are not worth a fork.
enum { BLOCK = 16384 };
static int64_t blocks(int64_t count) { return (count + BLOCK - 1) / BLOCK; }

typedef struct {
  int64_t count;
  const float *a, *b;
  float *result, *other;
  float p, q, r;
  bool flag;
} elements;

// In these loops the result may be an operand itself: each element is read before it is written, which assume_safety
// says.
CC_CLONES static void add_range(const float *a, const float *b, float *result, int64_t count) {
  _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = 0; i < count; i++) result[i] = a[i] + b[i];
}
static void add_work(void *context, int64_t first, int64_t last) {
  elements *e = context;
  int64_t start = first * BLOCK, end = cc_min(last * BLOCK, e->count);
  add_range(e->a + start, e->b + start, e->result + start, end - start);
}
void cc_add(int64_t count, const float *a, const float *b, float *result) {
  elements e = {.count = count, .a = a, .b = b, .result = result};
  cc_parallel(blocks(count), add_work, &e);
}

CC_CLONES static void clip_range(const float *restrict x, float low, float high, float *restrict result,
                                 int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    float v = x[i] < low ? low : x[i];
    result[i] = v > high ? high : v;
  }
}
static void clip_work(void *context, int64_t first, int64_t last) {
  elements *e = context;
  int64_t start = first * BLOCK, end = cc_min(last * BLOCK, e->count);
  clip_range(e->a + start, e->p, e->q, e->result + start, end - start);
}
void cc_clip(int64_t count, float minimum, float maximum, const float *x, float *result) {
  elements e = {.count = count, .a = x, .result = result, .p = minimum, .q = maximum};
  cc_parallel(blocks(count), clip_work, &e);
}

CC_CLONES static void clip_backward_range(const float *x, const float *gradient, float low, float high, float *result,
                                          int64_t count) {
  _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = 0; i < count; i++) {
    result[i] = x[i] > low && x[i] < high ? gradient[i] : 0;
  }
}
static void clip_backward_work(void *context, int64_t first, int64_t last) {
  elements *e = context;
  int64_t start = first * BLOCK, end = cc_min(last * BLOCK, e->count);
  clip_backward_range(e->a + start, e->b + start, e->p, e->q, e->result + start, end - start);
}
void cc_clip_backward(int64_t count, float minimum, float maximum, const float *x, const float *gradient,
                      float *result) {
  elements e = {.count = count, .a = x, .b = gradient, .result = result, .p = minimum, .q = maximum};
  cc_parallel(blocks(count), clip_backward_work, &e);
}

CC_CLONES static void momentum_range(const float *restrict gradient, float *restrict velocity, float *restrict weight,
                                     float rate, float momentum, float decay, bool nesterov, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    float g = gradient[i] + decay * weight[i];
    float v = momentum * velocity[i] + g;
    velocity[i] = v;
    weight[i] -= rate * (nesterov ? g + momentum * v : v);
  }
}
static void momentum_work(void *context, int64_t first, int64_t last) {
  elements *e = context;
  int64_t start = first * BLOCK, end = cc_min(last * BLOCK, e->count);
  momentum_range(e->a + start, e->other + start, e->result + start, e->p, e->q, e->r, e->flag, end - start);
}
void cc_momentum_step(int64_t count, float rate, float momentum, float decay, bool nesterov, const float *gradient,
                      float *velocity, float *weight) {
  elements e = {count, gradient, NULL, weight, velocity, rate, momentum, decay, nesterov};
  cc_parallel(blocks(count), momentum_work, &e);
}
