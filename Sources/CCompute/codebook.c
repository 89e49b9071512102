#include "CCCodings.h"
#include "internal.h"

enum { KERNEL = 9, MOST = 512 };

typedef struct {
  int64_t columns, count, kernels;
  const float *x, *signs;
  uint16_t *indices;
} search;

CC_CLONES static void nearest_in_row(int64_t columns, int64_t count, const float *restrict x,
                                     const float *restrict signs, uint16_t *restrict indices) {
  float scores[MOST];
  for (int64_t start = 0; start < columns; start += KERNEL) {
    int64_t length = cc_min(KERNEL, columns - start);
    for (int64_t k = 0; k < count; k++) scores[k] = x[start] * signs[k];
    for (int64_t i = 1; i < length; i++) {
      float weight = x[start + i];
      for (int64_t k = 0; k < count; k++) scores[k] += weight * signs[i * count + k];
    }
    float best = scores[0];
    for (int64_t k = 1; k < count; k++) best = scores[k] > best ? scores[k] : best;
    int64_t index = 0;
    while (index < count - 1 && scores[index] != best) index++;
    *indices++ = (uint16_t)index;
  }
}

static void nearest_work(void *context, int64_t first, int64_t last) {
  search *s = context;
  for (int64_t row = first; row < last; row++) {
    nearest_in_row(s->columns, s->count, s->x + row * s->columns, s->signs, s->indices + row * s->kernels);
  }
}

void cc_nearest_kernels(int64_t rows, int64_t columns, int64_t count, const float *x, const float *signs,
                        uint16_t *indices) {
  search s = {columns, count, (columns + KERNEL - 1) / KERNEL, x, signs, indices};
  cc_parallel(rows, nearest_work, &s);
}

void cc_kernel_sums(int64_t rows, int64_t columns, int64_t count, const float *gradient, const float *levels,
                    const uint16_t *indices, double *sums) {
  for (int64_t i = 0; i < count * KERNEL; i++) sums[i] = 0;
  for (int64_t row = 0; row < rows; row++) {
    for (int64_t start = 0; start < columns; start += KERNEL, indices++) {
      int64_t length = cc_min(KERNEL, columns - start);
      for (int64_t i = 0; i < length; i++) sums[*indices * KERNEL + i] += levels[row] * gradient[start + i];
    }
    gradient += columns;
  }
}
