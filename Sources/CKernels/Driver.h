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
typedef enum SignumBlocks { signumFloats, signumSigns, signumUnpackedSigns, signumBits } SignumBlocks;

typedef struct SignumPath {
  SignumBlocks blocks;
  int tileSize;
  SignumTile tile;
  /// For two blocks that follow each other, to `[2][8][16]`; or null.
  SignumTile pair;
} SignumPath;

void signumDrive(const SignumConvolution *, const void *input, float *output, void *scratch, SignumPath);

#endif
