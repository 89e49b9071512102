// What a dense layer does besides its matrix product: a bias on each row, and the sums of the columns for its gradient.
#include "internal.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
  int64_t rows, columns;
  const float *bias;
  float *matrix;
  float *partial;  // [pieces, columns]
} matrix;

// Less is not worth a fork, and is summed from top to bottom.
enum { SMALL = 1 << 14 };

CC_CLONES static void add_rows(int64_t rows, int64_t columns, const float *restrict a, float *restrict sums) {
  int64_t row = 0;
  for (; row + 4 <= rows; row += 4) {
    const float *p = a + row * columns;
    for (int64_t c = 0; c < columns; c++) {
      sums[c] += (p[c] + p[c + columns]) + (p[c + 2 * columns] + p[c + 3 * columns]);
    }
  }
  for (; row < rows; row++) {
    for (int64_t c = 0; c < columns; c++) sums[c] += a[row * columns + c];
  }
}

static void sums_work(void *context, int64_t first, int64_t last) {
  const matrix *m = context;
  for (int64_t piece = first; piece < last; piece++) {
    int64_t start = m->rows * piece / CC_SUM_PIECES, end = m->rows * (piece + 1) / CC_SUM_PIECES;
    add_rows(end - start, m->columns, m->matrix + start * m->columns, m->partial + piece * m->columns);
  }
}

void cc_column_sums(int64_t rows, int64_t columns, const float *a, float *sums) {
  memset(sums, 0, columns * sizeof(float));
  if (rows * columns < SMALL || rows < CC_SUM_PIECES) {
    add_rows(rows, columns, a, sums);
    return;
  }
  matrix m = {rows, columns, NULL, (float *)a, calloc(CC_SUM_PIECES * columns, sizeof(float))};
  cc_parallel(CC_SUM_PIECES, sums_work, &m);
  for (int64_t piece = 0; piece < CC_SUM_PIECES; piece++) {
    for (int64_t c = 0; c < columns; c++) sums[c] += m.partial[piece * columns + c];
  }
  free(m.partial);
}

CC_CLONES static void bias_rows(int64_t rows, int64_t columns, const float *restrict bias, float *restrict a) {
  for (int64_t row = 0; row < rows; row++) {
    for (int64_t c = 0; c < columns; c++) a[row * columns + c] += bias[c];
  }
}

static void bias_work(void *context, int64_t first, int64_t last) {
  const matrix *m = context;
  int64_t start = m->rows * first / CC_SUM_PIECES, end = m->rows * last / CC_SUM_PIECES;
  bias_rows(end - start, m->columns, m->bias, m->matrix + start * m->columns);
}

void cc_add_bias(int64_t rows, int64_t columns, const float *bias, float *a) {
  if (rows * columns < SMALL) {
    bias_rows(rows, columns, bias, a);
    return;
  }
  matrix m = {rows, columns, bias, a, NULL};
  cc_parallel(CC_SUM_PIECES, bias_work, &m);
}
