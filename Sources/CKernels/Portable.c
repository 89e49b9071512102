/// Plain C that compilers turn into whatever vectors the machine has for certain.
#include "Driver.h"

#pragma STDC FP_CONTRACT OFF

static void floatTile(const SignumSteps *steps, const void *const *pixels, int count, const void *block, void *sums) {
  for (int pixel = 0; pixel < count; pixel++) {
    const float *weights = block;
    float total[SIGNUM_LANES] = {0};
    for (int64_t row = 0; row < steps->rows; row++) {
      for (int64_t run = 0; run < steps->runs; run++) {
        const float *values = (const float *)pixels[pixel] + row * steps->rowStride + run * steps->runStride;
        for (int64_t i = 0; i < steps->length; i++) {
          float value = values[i];
          for (int lane = 0; lane < SIGNUM_LANES; lane++) total[lane] = total[lane] + weights[lane] * value;
          weights += SIGNUM_LANES;
        }
      }
    }
    for (int lane = 0; lane < SIGNUM_LANES; lane++) ((float *)sums)[pixel * SIGNUM_LANES + lane] = total[lane];
  }
}

static inline __attribute__((always_inline)) void counts(const SignumSteps *steps, const void *const *pixels, int count,
                                                         const bool common, const void *block, void *sums) {
  for (int pixel = 0; pixel < count; pixel++) {
    const uint64_t *weights = block;
    int32_t total[SIGNUM_LANES] = {0};
    for (int64_t row = 0; row < steps->rows; row++) {
      for (int64_t run = 0; run < steps->runs; run++) {
        const uint64_t *words = (const uint64_t *)pixels[pixel] + row * steps->rowStride + run * steps->runStride;
        for (int64_t i = 0; i < steps->length; i++) {
          uint64_t word = words[i];
          for (int lane = 0; lane < SIGNUM_LANES; lane++) {
            total[lane] += __builtin_popcountll(common ? word & weights[lane] : word ^ weights[lane]);
          }
          weights += SIGNUM_LANES;
        }
      }
    }
    for (int lane = 0; lane < SIGNUM_LANES; lane++) ((int32_t *)sums)[pixel * SIGNUM_LANES + lane] = total[lane];
  }
}

static void bitsTile(const SignumSteps *steps, const void *const *pixels, int count, const void *block, void *sums) {
  counts(steps, pixels, count, false, block, sums);
}

static void commonTile(const SignumSteps *steps, const void *const *pixels, int count, const void *block, void *sums) {
  counts(steps, pixels, count, true, block, sums);
}

static void unpackPlanes(const uint16_t *planes, int64_t columns, int64_t count, const float *parts, float offset,
                         float *block) {
  signumUnpackPlanes(planes, columns, count, parts, offset, block);
}

void signumFloatPortable(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  signumDrive(c, input, output, scratch, (SignumPath){signumFloats, 8, floatTile, NULL});
}

void signumBinaryPortable(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  signumDrive(c, input, output, scratch, (SignumPath){signumUnpackedSigns, 8, floatTile, NULL});
}

void signumBitsPortable(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  signumDrive(c, input, output, scratch, (SignumPath){signumBits, 8, bitsTile, NULL});
}

void signumCodedPortable(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  signumDrive(c, input, output, scratch, (SignumPath){signumUnpackedPlanes, 8, floatTile, NULL, NULL, unpackPlanes});
}

void signumCodedBitsPortable(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  signumDrive(c, input, output, scratch, (SignumPath){signumPlanesOfBits, 8, bitsTile, NULL, commonTile, NULL});
}
