#include "Driver.h"

#pragma STDC FP_CONTRACT OFF

#if defined(__x86_64__)
#include <immintrin.h>

#define FOR_AVX2 __attribute__((target("avx2,fma")))
#define INLINE_AVX2 static inline __attribute__((always_inline, target("avx2,fma")))

bool signumHasAVX2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

/// With `fuses`, weights are ±1: their products are exact, so that fusing gives the same bits.
INLINE_AVX2 void floats(const SignumSteps *steps, const void *const *pixels, const int count, const bool fuses,
                        const float *weights, float *sums) {
  __m256 low[6], high[6];
  for (int p = 0; p < count; p++) low[p] = high[p] = _mm256_setzero_ps();
  for (int64_t row = 0; row < steps->rows; row++) {
    for (int64_t run = 0; run < steps->runs; run++) {
      int64_t offset = row * steps->rowStride + run * steps->runStride;
      for (int64_t i = 0; i < steps->length; i++, weights += SIGNUM_LANES) {
        __m256 first = _mm256_loadu_ps(weights), second = _mm256_loadu_ps(weights + 8);
#pragma clang loop unroll(full)
        for (int p = 0; p < count; p++) {
          __m256 value = _mm256_broadcast_ss((const float *)pixels[p] + offset + i);
          if (fuses) {
            low[p] = _mm256_fmadd_ps(first, value, low[p]);
            high[p] = _mm256_fmadd_ps(second, value, high[p]);
          } else {
            low[p] = _mm256_add_ps(low[p], _mm256_mul_ps(first, value));
            high[p] = _mm256_add_ps(high[p], _mm256_mul_ps(second, value));
          }
        }
      }
    }
  }
  for (int p = 0; p < count; p++) {
    _mm256_storeu_ps(sums + p * SIGNUM_LANES, low[p]);
    _mm256_storeu_ps(sums + p * SIGNUM_LANES + 8, high[p]);
  }
}

INLINE_AVX2 void floatsOfCount(const SignumSteps *steps, const void *const *pixels, int count, const bool fuses,
                               const void *block, void *sums) {
  switch (count) {
    case 1: floats(steps, pixels, 1, fuses, block, sums); break;
    case 2: floats(steps, pixels, 2, fuses, block, sums); break;
    case 3: floats(steps, pixels, 3, fuses, block, sums); break;
    case 4: floats(steps, pixels, 4, fuses, block, sums); break;
    case 5: floats(steps, pixels, 5, fuses, block, sums); break;
    default: floats(steps, pixels, 6, fuses, block, sums); break;
  }
}

FOR_AVX2 static void floatTile(const SignumSteps *steps, const void *const *pixels, int count, const void *block,
                               void *sums) {
  floatsOfCount(steps, pixels, count, false, block, sums);
}

FOR_AVX2 static void signTile(const SignumSteps *steps, const void *const *pixels, int count, const void *block,
                              void *sums) {
  floatsOfCount(steps, pixels, count, true, block, sums);
}

/// Ones in each 64-bit lane, by a table of the ones in four bits (Muła, Kurz and Lemire, 2018, arXiv:1611.07612).
INLINE_AVX2 __m256i ones(__m256i words) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                         0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i four = _mm256_set1_epi8(15);
  __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(words, four));
  __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi64(words, 4), four));
  return _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256());
}

INLINE_AVX2 void counts(const SignumSteps *steps, const void *const *pixels, int count, const bool common,
                        const void *block, void *sums) {
  for (int p = 0; p < count; p++) {
    const uint64_t *weights = block;
    __m256i total[4];
    for (int part = 0; part < 4; part++) total[part] = _mm256_setzero_si256();
    for (int64_t row = 0; row < steps->rows; row++) {
      for (int64_t run = 0; run < steps->runs; run++) {
        const uint64_t *words = (const uint64_t *)pixels[p] + row * steps->rowStride + run * steps->runStride;
        for (int64_t i = 0; i < steps->length; i++, weights += SIGNUM_LANES) {
          __m256i word = _mm256_set1_epi64x((long long)words[i]);
#pragma clang loop unroll(full)
          for (int part = 0; part < 4; part++) {
            __m256i weight = _mm256_loadu_si256((const __m256i *)(weights + part * 4));
            __m256i found = common ? _mm256_and_si256(word, weight) : _mm256_xor_si256(word, weight);
            total[part] = _mm256_add_epi64(total[part], ones(found));
          }
        }
      }
    }
    _Alignas(32) uint64_t wide[SIGNUM_LANES];
    for (int part = 0; part < 4; part++) _mm256_store_si256((__m256i *)(wide + part * 4), total[part]);
    for (int lane = 0; lane < SIGNUM_LANES; lane++) ((int32_t *)sums)[p * SIGNUM_LANES + lane] = (int32_t)wide[lane];
  }
}

FOR_AVX2 static void bitsTile(const SignumSteps *steps, const void *const *pixels, int count, const void *block,
                              void *sums) {
  counts(steps, pixels, count, false, block, sums);
}

FOR_AVX2 static void commonTile(const SignumSteps *steps, const void *const *pixels, int count, const void *block,
                                void *sums) {
  counts(steps, pixels, count, true, block, sums);
}

FOR_AVX2 static void unpackPlanes(const uint16_t *planes, int64_t columns, int64_t count, const float *parts,
                                  float offset, float *block) {
  signumUnpackPlanes(planes, columns, count, parts, offset, block);
}

void signumFloatAVX2(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  signumDrive(c, input, output, scratch, (SignumPath){signumFloats, 6, floatTile, NULL});
}

void signumBinaryAVX2(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  signumDrive(c, input, output, scratch, (SignumPath){signumUnpackedSigns, 6, signTile, NULL});
}

void signumBitsAVX2(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  signumDrive(c, input, output, scratch, (SignumPath){signumBits, 8, bitsTile, NULL});
}

void signumCodedAVX2(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  signumDrive(c, input, output, scratch, (SignumPath){signumUnpackedPlanes, 6, floatTile, NULL, NULL, unpackPlanes});
}

void signumCodedBitsAVX2(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  signumDrive(c, input, output, scratch, (SignumPath){signumPlanesOfBits, 8, bitsTile, NULL, commonTile, NULL});
}

#else
bool signumHasAVX2(void) { return false; }
#endif
