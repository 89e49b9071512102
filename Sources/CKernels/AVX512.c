#include "Driver.h"

#pragma STDC FP_CONTRACT OFF

#if defined(__x86_64__)
#include <immintrin.h>

#define FOR_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma")))
#define INLINE_AVX512 static inline __attribute__((always_inline, target("avx512f,avx512bw,avx512vl,avx512dq,fma")))
#define FOR_COUNTS __attribute__((target("avx512f,avx512vpopcntdq")))
#define INLINE_COUNTS static inline __attribute__((always_inline, target("avx512f,avx512vpopcntdq")))

bool signumHasAVX512(void) {
  return signumHasAVX2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
      && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

bool signumHasPopulationCount512(void) { return signumHasAVX512() && __builtin_cpu_supports("avx512vpopcntdq"); }

INLINE_AVX512 void floats(const SignumSteps *steps, const void *const *pixels, const int count, const float *weights,
                          float *sums) {
  __m512 total[8];
  for (int p = 0; p < count; p++) total[p] = _mm512_setzero_ps();
  for (int64_t row = 0; row < steps->rows; row++) {
    for (int64_t run = 0; run < steps->runs; run++) {
      int64_t offset = row * steps->rowStride + run * steps->runStride;
      for (int64_t i = 0; i < steps->length; i++, weights += SIGNUM_LANES) {
        __m512 weight = _mm512_loadu_ps(weights);
#pragma clang loop unroll(full)
        for (int p = 0; p < count; p++) {
          __m512 value = _mm512_set1_ps(((const float *)pixels[p])[offset + i]);
          total[p] = _mm512_add_ps(total[p], _mm512_mul_ps(weight, value));
        }
      }
    }
  }
  for (int p = 0; p < count; p++) _mm512_storeu_ps(sums + p * SIGNUM_LANES, total[p]);
}

/// The bits of a column choose between −1 and +1; such products are exact, so that fusing gives the same bits.
INLINE_AVX512 void signs(const SignumSteps *steps, const void *const *pixels, const int count, const uint16_t *bits,
                         float *sums) {
  __m512 plus = _mm512_set1_ps(1), minus = _mm512_set1_ps(-1);
  // Keeps the two in registers: as known constants they would be loaded again for every column.
  __asm__("" : "+v"(plus), "+v"(minus));
  __m512 total[8];
  for (int p = 0; p < count; p++) total[p] = _mm512_setzero_ps();
  for (int64_t row = 0; row < steps->rows; row++) {
    for (int64_t run = 0; run < steps->runs; run++) {
      int64_t offset = row * steps->rowStride + run * steps->runStride;
      for (int64_t i = 0; i < steps->length; i++, bits++) {
        __m512 weight = _mm512_mask_blend_ps((__mmask16)*bits, minus, plus);
#pragma clang loop unroll(full)
        for (int p = 0; p < count; p++) {
          __m512 value = _mm512_set1_ps(((const float *)pixels[p])[offset + i]);
          total[p] = _mm512_fmadd_ps(weight, value, total[p]);
        }
      }
    }
  }
  for (int p = 0; p < count; p++) _mm512_storeu_ps(sums + p * SIGNUM_LANES, total[p]);
}

/// Two blocks at once, so that every input is loaded once for 32 output channels.
INLINE_AVX512 void signPairs(const SignumSteps *steps, const void *const *pixels, const int count, const uint16_t *bits,
                             float *sums) {
  __m512 plus = _mm512_set1_ps(1), minus = _mm512_set1_ps(-1);
  __asm__("" : "+v"(plus), "+v"(minus));
  const uint16_t *others = bits + steps->rows * steps->runs * steps->length;
  __m512 low[8], high[8];
  for (int p = 0; p < count; p++) low[p] = high[p] = _mm512_setzero_ps();
  for (int64_t row = 0; row < steps->rows; row++) {
    for (int64_t run = 0; run < steps->runs; run++) {
      int64_t offset = row * steps->rowStride + run * steps->runStride;
      for (int64_t i = 0; i < steps->length; i++, bits++, others++) {
        __m512 first = _mm512_mask_blend_ps((__mmask16)*bits, minus, plus);
        __m512 second = _mm512_mask_blend_ps((__mmask16)*others, minus, plus);
#pragma clang loop unroll(full)
        for (int p = 0; p < count; p++) {
          __m512 value = _mm512_set1_ps(((const float *)pixels[p])[offset + i]);
          low[p] = _mm512_fmadd_ps(first, value, low[p]);
          high[p] = _mm512_fmadd_ps(second, value, high[p]);
        }
      }
    }
  }
  for (int p = 0; p < count; p++) {
    _mm512_storeu_ps(sums + p * SIGNUM_LANES, low[p]);
    _mm512_storeu_ps(sums + (signumLargestTile + p) * SIGNUM_LANES, high[p]);
  }
}

INLINE_COUNTS void counts(const SignumSteps *steps, const void *const *pixels, const int count, const bool common,
                          const uint64_t *weights, int32_t *sums) {
  __m512i low[8], high[8];
  for (int p = 0; p < count; p++) low[p] = high[p] = _mm512_setzero_si512();
  for (int64_t row = 0; row < steps->rows; row++) {
    for (int64_t run = 0; run < steps->runs; run++) {
      int64_t offset = row * steps->rowStride + run * steps->runStride;
      for (int64_t i = 0; i < steps->length; i++, weights += SIGNUM_LANES) {
        __m512i first = _mm512_loadu_si512(weights), second = _mm512_loadu_si512(weights + 8);
#pragma clang loop unroll(full)
        for (int p = 0; p < count; p++) {
          __m512i word = _mm512_set1_epi64(((const long long *)pixels[p])[offset + i]);
          __m512i left = common ? _mm512_and_si512(first, word) : _mm512_xor_si512(first, word);
          __m512i right = common ? _mm512_and_si512(second, word) : _mm512_xor_si512(second, word);
          low[p] = _mm512_add_epi64(low[p], _mm512_popcnt_epi64(left));
          high[p] = _mm512_add_epi64(high[p], _mm512_popcnt_epi64(right));
        }
      }
    }
  }
  for (int p = 0; p < count; p++) {
    _mm256_storeu_si256((__m256i *)(sums + p * SIGNUM_LANES), _mm512_cvtepi64_epi32(low[p]));
    _mm256_storeu_si256((__m256i *)(sums + p * SIGNUM_LANES + 8), _mm512_cvtepi64_epi32(high[p]));
  }
}

INLINE_COUNTS void differing(const SignumSteps *steps, const void *const *pixels, const int count,
                             const uint64_t *weights, int32_t *sums) {
  counts(steps, pixels, count, false, weights, sums);
}

INLINE_COUNTS void shared(const SignumSteps *steps, const void *const *pixels, const int count,
                          const uint64_t *weights, int32_t *sums) {
  counts(steps, pixels, count, true, weights, sums);
}

#define TILE_OF_COUNT(tile, count) \
  switch (count) { \
    case 1: tile(steps, pixels, 1, block, sums); break; \
    case 2: tile(steps, pixels, 2, block, sums); break; \
    case 3: tile(steps, pixels, 3, block, sums); break; \
    case 4: tile(steps, pixels, 4, block, sums); break; \
    case 5: tile(steps, pixels, 5, block, sums); break; \
    case 6: tile(steps, pixels, 6, block, sums); break; \
    case 7: tile(steps, pixels, 7, block, sums); break; \
    default: tile(steps, pixels, 8, block, sums); break; \
  }

FOR_AVX512 static void floatTile(const SignumSteps *steps, const void *const *pixels, int count, const void *block,
                                 void *sums) {
  TILE_OF_COUNT(floats, count)
}

FOR_AVX512 static void signTile(const SignumSteps *steps, const void *const *pixels, int count, const void *block,
                                void *sums) {
  TILE_OF_COUNT(signs, count)
}

FOR_AVX512 static void signPair(const SignumSteps *steps, const void *const *pixels, int count, const void *block,
                                void *sums) {
  TILE_OF_COUNT(signPairs, count)
}

FOR_COUNTS static void bitsTile(const SignumSteps *steps, const void *const *pixels, int count, const void *block,
                                void *sums) {
  TILE_OF_COUNT(differing, count)
}

FOR_COUNTS static void commonTile(const SignumSteps *steps, const void *const *pixels, int count, const void *block,
                                  void *sums) {
  TILE_OF_COUNT(shared, count)
}

FOR_AVX512 static void unpackPlanes(const uint16_t *planes, int64_t columns, int64_t count, const float *parts,
                                    float offset, float *block) {
  __m512 part[SIGNUM_PLANES], base = _mm512_set1_ps(offset);
  for (int64_t plane = 0; plane < count; plane++) part[plane] = _mm512_loadu_ps(parts + plane * SIGNUM_LANES);
  for (int64_t column = 0; column < columns; column++) {
    __m512 values = base;
    for (int64_t plane = 0; plane < count; plane++, planes++) {
      values = _mm512_mask_add_ps(values, (__mmask16)*planes, values, part[plane]);
    }
    _mm512_storeu_ps(block + column * SIGNUM_LANES, values);
  }
}

void signumFloatAVX512(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  signumDrive(c, input, output, scratch, (SignumPath){signumFloats, 8, floatTile, NULL});
}

void signumBinaryAVX512(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  signumDrive(c, input, output, scratch, (SignumPath){signumSigns, 8, signTile, signPair});
}

void signumBitsAVX512(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  signumDrive(c, input, output, scratch, (SignumPath){signumBits, 8, bitsTile, NULL});
}

void signumCodedAVX512(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  signumDrive(c, input, output, scratch, (SignumPath){signumUnpackedPlanes, 8, floatTile, NULL, NULL, unpackPlanes});
}

void signumCodedBitsAVX512(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  signumDrive(c, input, output, scratch, (SignumPath){signumPlanesOfBits, 8, bitsTile, NULL, commonTile, NULL});
}

#else
bool signumHasAVX512(void) { return false; }
bool signumHasPopulationCount512(void) { return false; }
#endif
