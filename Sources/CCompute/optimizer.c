#include "internal.h"
#include <math.h>
#include <stdlib.h>

// Elements are handed to threads in blocks of this many, and sums are taken block by block: they never depend on the
// number of threads.
enum { BLOCK = 16384, LANES = 16 };
static int64_t blocks(int64_t count) { return (count + BLOCK - 1) / BLOCK; }

typedef struct {
  int64_t count;
  const cc_adam *rule;
  const float *gradient;
  float *first, *second, *weight;
  float p;
  double *sums;
} update;

CC_CLONES static void adam_range(const cc_adam *rule, const float *restrict gradient, float *restrict first,
                                 float *restrict second, float *restrict weight, int64_t count) {
  const float b1 = rule->first_momentum, b2 = rule->second_momentum, epsilon = rule->epsilon;
  const float decay = rule->decoupled ? 0 : rule->decay, keep = rule->decoupled ? 1 - rule->rate * rule->decay : 1;
  const float rate = rule->rate / rule->first_correction, root = sqrtf(rule->second_correction);
  for (int64_t i = 0; i < count; i++) {
    float w = weight[i] * keep;
    float g = gradient[i] + decay * w;
    float m = first[i] + (g - first[i]) * (1 - b1);
    float v = second[i] * b2 + g * g * (1 - b2);
    first[i] = m;
    second[i] = v;
    weight[i] = w - rate * m / (sqrtf(v) / root + epsilon);
  }
}
static void adam_work(void *context, int64_t first, int64_t last) {
  update *u = context;
  int64_t start = first * BLOCK, end = cc_min(last * BLOCK, u->count);
  adam_range(u->rule, u->gradient + start, u->first + start, u->second + start, u->weight + start, end - start);
}
void cc_adam_step(int64_t count, const cc_adam *rule, const float *gradient, float *first, float *second,
                  float *weight) {
  update u = {.count = count, .rule = rule, .gradient = gradient, .first = first, .second = second, .weight = weight};
  cc_parallel(blocks(count), adam_work, &u);
}

CC_CLONES static void average_range(const float *restrict value, float *restrict average, float share, int64_t count) {
  for (int64_t i = 0; i < count; i++) average[i] += (value[i] - average[i]) * share;
}
static void average_work(void *context, int64_t first, int64_t last) {
  update *u = context;
  int64_t start = first * BLOCK, end = cc_min(last * BLOCK, u->count);
  average_range(u->gradient + start, u->weight + start, u->p, end - start);
}
void cc_move_average(int64_t count, float share, const float *value, float *average) {
  update u = {.count = count, .gradient = value, .weight = average, .p = share};
  cc_parallel(blocks(count), average_work, &u);
}

// The square of a float is exact in a double, so the same lanes give the same sum on every instruction set.
CC_CLONES static double square_range(const float *restrict x, int64_t count) {
  double lanes[LANES] = {0}, sum = 0;
  int64_t whole = count / LANES * LANES;
  for (int64_t i = 0; i < whole; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) lanes[lane] += (double)x[i + lane] * (double)x[i + lane];
  }
  for (int64_t i = whole; i < count; i++) lanes[i - whole] += (double)x[i] * (double)x[i];
  for (int lane = 0; lane < LANES; lane++) sum += lanes[lane];
  return sum;
}
static void square_work(void *context, int64_t first, int64_t last) {
  update *u = context;
  for (int64_t block = first; block < last; block++) {
    int64_t start = block * BLOCK;
    u->sums[block] = square_range(u->gradient + start, cc_min(BLOCK, u->count - start));
  }
}
double cc_square_sum(int64_t count, const float *x) {
  double *sums = malloc(sizeof(double) * (size_t)cc_max(blocks(count), 1)), sum = 0;
  if (!sums) abort();
  update u = {.count = count, .gradient = x, .sums = sums};
  cc_parallel(blocks(count), square_work, &u);
  for (int64_t block = 0; block < blocks(count); block++) sum += sums[block];
  free(sums);
  return sum;
}
