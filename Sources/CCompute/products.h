#pragma once
// Small products of matrices that are held in registers, in AVX-512.
#include "vectors.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define CC_AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma")))
#define CC_INLINE CC_AVX512 __attribute__((always_inline)) static inline

enum { CC_EVERY_LANE = 0xFFFF };

// m[row, columns] = Σ v[row, k] · u[k, columns], for `tall` rows and `wide` vectors of columns, held in registers; of
// the last vector the lanes that `last` has are written.
CC_INLINE void cc_product_block(const int tall, const int wide, int64_t inner, const float *v, int64_t v_row,
                                const float *u, float *m, int64_t m_row, __mmask16 last) {
  __m512 sums[24];
#pragma clang loop unroll(full)
  for (int i = 0; i < tall * wide; i++) sums[i] = _mm512_setzero_ps();
  for (int64_t k = 0; k < inner; k++) {
    __m512 line[2];
#pragma clang loop unroll(full)
    for (int j = 0; j < wide; j++) line[j] = _mm512_loadu_ps(u + (k * wide + j) * CC_LANES);
#pragma clang loop unroll(full)
    for (int i = 0; i < tall; i++) {
      __m512 a = _mm512_set1_ps(v[i * v_row + k]);
#pragma clang loop unroll(full)
      for (int j = 0; j < wide; j++) sums[i * wide + j] = _mm512_fmadd_ps(a, line[j], sums[i * wide + j]);
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < tall; i++) {
#pragma clang loop unroll(full)
    for (int j = 0; j + 1 < wide; j++) _mm512_storeu_ps(m + i * m_row + j * CC_LANES, sums[i * wide + j]);
    _mm512_mask_storeu_ps(m + i * m_row + (wide - 1) * CC_LANES, last, sums[i * wide + wide - 1]);
  }
}

// m[row, columns] += Σ v[t, row] · d[t, columns]: the sum over tiles of outer products. Of the last vector of d the
// lanes that `last` has are read.
CC_INLINE void cc_outer_block(const int tall, const int wide, int64_t tiles, const float *v, int64_t v_tile,
                              const float *d, int64_t d_tile, float *m, int64_t m_row, __mmask16 last) {
  __m512 sums[16];
#pragma clang loop unroll(full)
  for (int i = 0; i < tall; i++) {
#pragma clang loop unroll(full)
    for (int j = 0; j < wide; j++) sums[i * wide + j] = _mm512_loadu_ps(m + i * m_row + j * CC_LANES);
  }
  for (int64_t t = 0; t < tiles; t++) {
    __m512 line[2];
#pragma clang loop unroll(full)
    for (int j = 0; j + 1 < wide; j++) line[j] = _mm512_loadu_ps(d + t * d_tile + j * CC_LANES);
    line[wide - 1] = _mm512_maskz_loadu_ps(last, d + t * d_tile + (wide - 1) * CC_LANES);
#pragma clang loop unroll(full)
    for (int i = 0; i < tall; i++) {
      __m512 a = _mm512_set1_ps(v[t * v_tile + i]);
#pragma clang loop unroll(full)
      for (int j = 0; j < wide; j++) sums[i * wide + j] = _mm512_fmadd_ps(a, line[j], sums[i * wide + j]);
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < tall; i++) {
#pragma clang loop unroll(full)
    for (int j = 0; j < wide; j++) _mm512_storeu_ps(m + i * m_row + j * CC_LANES, sums[i * wide + j]);
  }
}
#endif
