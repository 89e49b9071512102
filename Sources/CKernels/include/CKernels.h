/// Convolutions over packed weights, one path for each instruction set. All paths give the same bits.
///
/// The law, for every output element: one chain of additions over the columns of the weight in the order
/// (y, x, channel), starting at +0, then `level · sum`, then `+ bias`; nothing is contracted.
/// Taps outside the image are skipped, which for numbers is the same as adding zeros. Where a symbol stands for levels
/// of its own on both sides, floats are multiplied by them column by column, and bits are summed for each side:
/// `plusLevel · sum of the plus columns − minusLevel · sum of the minus columns`.
#ifndef SIGNUM_KERNELS_H
#define SIGNUM_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Output channels that lie side by side in a block of repacked weights.
#define SIGNUM_LANES 16

/// Planes of bits that a symbol may have.
#define SIGNUM_PLANES 8

/// A convolution over one image whose channels lie last. A dense layer is one of a 1 × 1 kernel over a row of pixels.
///
/// A kernel reads one form of the weight and leaves the others alone; those may be null.
/// A block is 16 output channels of one group; blocks at the end of a group are filled up with zeros.
typedef struct SignumConvolution {
  int64_t height, width, channels;
  int64_t outputHeight, outputWidth, outputChannels;
  int64_t kernelHeight, kernelWidth;
  int64_t strideY, strideX;
  int64_t dilationY, dilationX;
  int64_t top, left;
  int64_t groups;
  /// `[output channel][y][x][channel]`.
  const float *floatRows;
  /// `[output channel][word]`, bit = column (y, x, channel).
  const uint64_t *bitRows;
  /// `[group][block][column][16]`.
  const float *floatBlocks;
  /// `[group][block][column]`, bit = output channel of the block.
  const uint16_t *signBlocks;
  /// `[group][block][y][x][word of channels][16]`.
  const uint64_t *bitBlocks;
  /// Ones in each tap of the weight: `[group][block][y][x][16]`.
  const int32_t *tapOnes;
  /// `[output channel][y][x][channel]`: the symbols of a coded weight.
  const int8_t *symbolRows;
  /// How many planes a coded weight has: a symbol is the sum of what its bits count, one bit in each plane.
  int64_t planes;
  int32_t counts[SIGNUM_PLANES];
  /// Whether symbols stand for half a step more.
  bool isSymmetric;
  /// `[group][block][column][plane]`, bit = output channel of the block.
  const uint16_t *planeBlocks;
  /// `[group][block][plane][y][x][word of channels][16]`.
  const uint64_t *planeBitBlocks;
  /// Ones in each tap of each plane: `[group][block][plane][y][x][16]`.
  const int32_t *planeOnes;
  /// What +1 and, negated, −1 stand for, one for each output channel, where a ternary weight has both; else null.
  const float *plusLevels, *minusLevels;
  /// One for each output channel, or null for 1.
  const float *levels;
  /// One for each output channel, or null for none.
  const float *bias;
} SignumConvolution;

/// One image. Float inputs are `[y][x][channel]`; bits are `[y][x][group][word]`, padding bits 0.
/// The scratch memory is 64-byte aligned and as large as `signumScratchSize` says.
typedef void (*SignumKernel)(const SignumConvolution *, const void *input, float *output, void *scratch);

/// Bytes of scratch memory that any kernel may want.
size_t signumScratchSize(const SignumConvolution *);

/// Bits of `[rows][columns]` of −1 and +1, 1 for +1, to `[row][word]`, each row filled up with 0.
void signumPackSigns(const int8_t *symbols, int64_t rows, int64_t columns, uint64_t *words);

/// Bits of `[pixels][channels]`, 1 where x ≥ 0, to `[pixels][group][word]`.
void signumPackBits(const float *values, int64_t pixels, int64_t channels, int64_t groups, uint64_t *words);

/// The reverse for one group: ±1.
void signumUnpackBits(const uint64_t *words, int64_t pixels, int64_t channels, float *values);

/// `step · min(max(round(x / step), minimum), maximum)`, halves rounded to even; what is no number stays it.
/// The limits are whole numbers up to 2^20 in magnitude.
void signumQuantize(const float *values, int64_t count, float step, float minimum, float maximum, float *result);

/// x where it is above 0, else slope · x: `[outer][channels][inner]`, a slope for each channel.
void signumLeak(const float *values, int64_t outer, int64_t channels, int64_t inner, const float *slopes,
                float *result);

void signumFloatReference(const SignumConvolution *, const void *input, float *output, void *scratch);
void signumBinaryReference(const SignumConvolution *, const void *input, float *output, void *scratch);
void signumBitsReference(const SignumConvolution *, const void *input, float *output, void *scratch);
void signumCodedReference(const SignumConvolution *, const void *input, float *output, void *scratch);
void signumCodedBitsReference(const SignumConvolution *, const void *input, float *output, void *scratch);

void signumFloatPortable(const SignumConvolution *, const void *input, float *output, void *scratch);
void signumBinaryPortable(const SignumConvolution *, const void *input, float *output, void *scratch);
void signumBitsPortable(const SignumConvolution *, const void *input, float *output, void *scratch);
void signumCodedPortable(const SignumConvolution *, const void *input, float *output, void *scratch);
void signumCodedBitsPortable(const SignumConvolution *, const void *input, float *output, void *scratch);

bool signumHasAVX2(void);
bool signumHasAVX512(void);
bool signumHasPopulationCount512(void);

#if defined(__x86_64__)
void signumFloatAVX2(const SignumConvolution *, const void *input, float *output, void *scratch);
void signumBinaryAVX2(const SignumConvolution *, const void *input, float *output, void *scratch);
void signumBitsAVX2(const SignumConvolution *, const void *input, float *output, void *scratch);
void signumCodedAVX2(const SignumConvolution *, const void *input, float *output, void *scratch);
void signumCodedBitsAVX2(const SignumConvolution *, const void *input, float *output, void *scratch);

void signumFloatAVX512(const SignumConvolution *, const void *input, float *output, void *scratch);
void signumBinaryAVX512(const SignumConvolution *, const void *input, float *output, void *scratch);
void signumBitsAVX512(const SignumConvolution *, const void *input, float *output, void *scratch);
void signumCodedAVX512(const SignumConvolution *, const void *input, float *output, void *scratch);
void signumCodedBitsAVX512(const SignumConvolution *, const void *input, float *output, void *scratch);
#endif

#endif
