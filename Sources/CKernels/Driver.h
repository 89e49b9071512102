/// What the fast paths share: the walk over groups, blocks and tiles of pixels, and what becomes of their sums.
#ifndef SIGNUM_DRIVER_H
#define SIGNUM_DRIVER_H

#include "CKernels.h"

enum { signumLargestTile = 8 };

/// How a kernel walks over the input from the first tap of a pixel, in elements (floats or words).
/// Runs of `length` elements lie side by side; weights are read one column after the other.
typedef struct SignumSteps {
  int64_t rows, runs, length;
  int64_t rowStride, runStride;
} SignumSteps;

/// Sums of `count` pixels × 16 output channels, to `[count][16]`: floats, or for bits the numbers of differing bits.
typedef void (*SignumTile)(const SignumSteps *, const void *const *pixels, int count, const void *block, void *sums);

/// What a block of weights looks like to a tile.
typedef enum SignumBlocks {
  signumFloats,
  signumSigns,
  signumUnpackedSigns,
  signumUnpackedPlanes,
  signumBits,
  signumPlanesOfBits,
} SignumBlocks;

/// What the symbols of a block stand for, to `[column][16]`: the offset, and for each bit that is set its part,
/// `[plane][16]`.
typedef void (*SignumUnpacking)(const uint16_t *planes, int64_t columns, int64_t count, const float *parts,
                                float offset, float *block);

typedef struct SignumPath {
  SignumBlocks blocks;
  int tileSize;
  SignumTile tile;
  /// For two blocks that follow each other, to `[2][8][16]`; or null.
  SignumTile pair;
  /// The numbers of bits that both have, where `tile` gives those of bits that differ; or null.
  SignumTile common;
  /// For planes; or null.
  SignumUnpacking unpack;
} SignumPath;

/// Plain C, for functions that are compiled for one instruction set each. The sums are exact in any order.
static inline __attribute__((always_inline)) void signumUnpackPlanes(const uint16_t *planes, int64_t columns,
                                                                     int64_t count, const float *parts, float offset,
                                                                     float *block) {
  for (int64_t column = 0; column < columns; column++) {
    float values[SIGNUM_LANES];
    for (int lane = 0; lane < SIGNUM_LANES; lane++) values[lane] = offset;
    for (int64_t plane = 0; plane < count; plane++) {
      uint32_t bits = *planes++;
      for (int lane = 0; lane < SIGNUM_LANES; lane++) {
        values[lane] += (bits >> lane & 1) ? parts[plane * SIGNUM_LANES + lane] : 0;
      }
    }
    for (int lane = 0; lane < SIGNUM_LANES; lane++) block[column * SIGNUM_LANES + lane] = values[lane];
  }
}

void signumDrive(const SignumConvolution *, const void *input, float *output, void *scratch, SignumPath);

#endif
