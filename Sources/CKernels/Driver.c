#include "Driver.h"
#include <string.h>

#pragma STDC FP_CONTRACT OFF

/// A view of the input in which every tap of every output pixel exists.
typedef struct Image {
  const char *start;
  int64_t width;
  int64_t pixelSize;
} Image;

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t neededHeight(const SignumConvolution *c) {
  return (c->outputHeight - 1) * c->strideY + (c->kernelHeight - 1) * c->dilationY + 1;
}

static int64_t neededWidth(const SignumConvolution *c) {
  return (c->outputWidth - 1) * c->strideX + (c->kernelWidth - 1) * c->dilationX + 1;
}

static int64_t wordsOfGroup(const SignumConvolution *c) { return (c->channels / c->groups + 63) / 64; }

static int64_t pixelSize(const SignumConvolution *c, bool bits) {
  return bits ? c->groups * wordsOfGroup(c) * 8 : c->channels * 4;
}

/// Bytes of an unpacked block of signs.
static size_t blockSize(const SignumConvolution *c) {
  return (size_t)(c->kernelHeight * c->kernelWidth * (c->channels / c->groups)) * SIGNUM_LANES * sizeof(float);
}

size_t signumScratchSize(const SignumConvolution *c) {
  int64_t pixel = larger(pixelSize(c, false), pixelSize(c, true));
  return blockSize(c) + (size_t)(neededHeight(c) * larger(neededWidth(c), c->width) * pixel) + 64;
}

/// The input itself where no tap leaves it, else a copy in `scratch` with zeros around.
static Image padded(const SignumConvolution *c, const void *input, bool bits, char *scratch) {
  int64_t size = pixelSize(c, bits), height = neededHeight(c), width = neededWidth(c);
  if (c->top == 0 && c->left == 0 && height <= c->height && width <= c->width) {
    return (Image){input, c->width, size};
  }
  int64_t first = smaller(c->left, width), count = smaller(c->width, width - first);
  for (int64_t y = 0; y < height; y++) {
    char *row = scratch + y * width * size;
    int64_t from = y - c->top;
    if (from < 0 || from >= c->height || count <= 0) {
      memset(row, 0, (size_t)(width * size));
      continue;
    }
    memset(row, 0, (size_t)(first * size));
    memcpy(row + first * size, (const char *)input + from * c->width * size, (size_t)(count * size));
    memset(row + (first + count) * size, 0, (size_t)((width - first - count) * size));
  }
  return (Image){scratch, width, size};
}

static SignumSteps steps(const SignumConvolution *c, int64_t width, bool bits) {
  int64_t pixel = bits ? c->groups * wordsOfGroup(c) : c->channels;
  int64_t length = bits ? wordsOfGroup(c) : c->channels / c->groups;
  int64_t rowStride = c->dilationY * width * pixel;
  if (c->groups == 1 && c->dilationX == 1) {
    return (SignumSteps){c->kernelHeight, 1, c->kernelWidth * length, rowStride, 0};
  }
  return (SignumSteps){c->kernelHeight, c->kernelWidth, length, rowStride, c->dilationX * pixel};
}

/// ±1 for each column and output channel of a block.
static void unpack(const uint16_t *signs, int64_t columns, float *block) {
  for (int64_t column = 0; column < columns; column++) {
    unsigned bits = signs[column];
    for (int lane = 0; lane < SIGNUM_LANES; lane++) {
      block[column * SIGNUM_LANES + lane] = (bits >> lane & 1) ? 1.0f : -1.0f;
    }
  }
}

/// The taps `from ..< to` of an axis that fall inside of it.
typedef struct Taps {
  int64_t from, to;
} Taps;

static Taps tapsInside(int64_t start, int64_t dilation, int64_t taps, int64_t size) {
  int64_t from = start < 0 ? (-start + dilation - 1) / dilation : 0;
  int64_t to = start < size ? (size - 1 - start) / dilation + 1 : 0;
  return (Taps){smaller(from, taps), larger(smaller(to, taps), smaller(from, taps))};
}

/// Where a tile writes to, and the levels and biases of its block, filled up.
typedef struct Target {
  float *output;
  int64_t channel;
  int lanes;
  bool hasBias;
  float levels[SIGNUM_LANES];
  float bias[SIGNUM_LANES];
} Target;

/// The block of a group that begins at output channel `first` and has `count` of them.
static Target targetOf(const SignumConvolution *c, float *output, int64_t first, int64_t block, int64_t count) {
  int lanes = (int)smaller(SIGNUM_LANES, count - block * SIGNUM_LANES);
  int64_t channel = first + block * SIGNUM_LANES;
  Target target = {output, channel, lanes, c->bias != NULL, {0}, {0}};
  for (int lane = 0; lane < lanes; lane++) {
    // 1 · sum is the sum, to the bit; but − 0 + 0 is not − 0, so that a missing bias is not added.
    target.levels[lane] = c->levels ? c->levels[channel + lane] : 1;
    target.bias[lane] = c->bias ? c->bias[channel + lane] : 0;
  }
  return target;
}

/// `level · sum`, then `+ bias` where there is one, for 16 output channels of a pixel.
static void finish(const SignumConvolution *c, const Target *target, int64_t pixel, const float *sums) {
  float values[SIGNUM_LANES];
  for (int lane = 0; lane < SIGNUM_LANES; lane++) values[lane] = target->levels[lane] * sums[lane];
  if (target->hasBias) {
    for (int lane = 0; lane < SIGNUM_LANES; lane++) values[lane] = values[lane] + target->bias[lane];
  }
  float *output = target->output + pixel * c->outputChannels + target->channel;
  if (target->lanes == SIGNUM_LANES) {
    memcpy(output, values, sizeof values);
  } else {
    memcpy(output, values, (size_t)target->lanes * sizeof(float));
  }
}

/// The taps of an output pixel that fall inside the image.
typedef struct Inside {
  Taps rows, columns;
} Inside;

static Inside insideOf(const SignumConvolution *c, int64_t pixel) {
  int64_t y = pixel / c->outputWidth, x = pixel % c->outputWidth;
  return (Inside){tapsInside(y * c->strideY - c->top, c->dilationY, c->kernelHeight, c->height),
                  tapsInside(x * c->strideX - c->left, c->dilationX, c->kernelWidth, c->width)};
}

/// Ones of a plane of weights, in each of its taps and in all of them, and the channels of a tap.
typedef struct Ones {
  int64_t channels;
  const int32_t *taps;
  int32_t all[SIGNUM_LANES];
} Ones;

static Ones onesOf(const SignumConvolution *c, const int32_t *taps) {
  int64_t count = c->kernelHeight * c->kernelWidth;
  Ones ones = {c->channels / c->groups, taps, {0}};
  for (int64_t i = 0; i < count * SIGNUM_LANES; i++) ones.all[i % SIGNUM_LANES] += taps[i];
  return ones;
}

/// Numbers of bits to sums over the taps inside the image, where all bits of the input outside of it are 0.
///
/// Of differing bits: ±1 · ±1, `columns inside − 2 · differing`, less the ones that the taps outside counted.
/// Of common bits: {0, 1} · ±1, `2 · common − ones inside`.
static inline __attribute__((always_inline)) void dots(const SignumConvolution *c, Inside inside, const bool common,
                                                       const Ones *ones, const int32_t *counted, int32_t *sums) {
  int64_t valid = (inside.rows.to - inside.rows.from) * (inside.columns.to - inside.columns.from);
  int64_t taps = c->kernelHeight * c->kernelWidth;
  int32_t columns = (int32_t)(valid * ones->channels);
  for (int lane = 0; lane < SIGNUM_LANES; lane++) {
    sums[lane] = common ? 2 * counted[lane] - ones->all[lane] : columns - 2 * counted[lane];
  }
  for (int64_t tap = 0; valid < taps && tap < taps; tap++) {
    int64_t row = tap / c->kernelWidth, column = tap % c->kernelWidth;
    bool isInside = row >= inside.rows.from && row < inside.rows.to && column >= inside.columns.from
        && column < inside.columns.to;
    if (isInside) continue;
    for (int lane = 0; lane < SIGNUM_LANES; lane++) {
      sums[lane] += (common ? 1 : 2) * ones->taps[tap * SIGNUM_LANES + lane];
    }
  }
}

static const void *blockAt(const SignumConvolution *c, SignumBlocks kind, int64_t block, float *unpacked) {
  int64_t taps = c->kernelHeight * c->kernelWidth;
  int64_t columns = taps * (c->channels / c->groups);
  switch (kind) {
    case signumFloats: return c->floatBlocks + block * columns * SIGNUM_LANES;
    case signumSigns: return c->signBlocks + block * columns;
    case signumBits: return c->bitBlocks + block * taps * wordsOfGroup(c) * SIGNUM_LANES;
    case signumUnpackedSigns: unpack(c->signBlocks + block * columns, columns, unpacked); return unpacked;
    case signumPlanesOfBits: return c->planeBitBlocks + block * c->planes * taps * wordsOfGroup(c) * SIGNUM_LANES;
    default: return NULL;
  }
}

/// What the symbols of a block stand for, as floats.
static const void *unpackedPlanes(const SignumConvolution *c, SignumPath path, int64_t block, const Target *target,
                                  float *unpacked) {
  int64_t columns = c->kernelHeight * c->kernelWidth * (c->channels / c->groups);
  float parts[SIGNUM_PLANES * SIGNUM_LANES], offset = 0;
  for (int64_t plane = 0; plane < c->planes; plane++) {
    for (int lane = 0; lane < SIGNUM_LANES; lane++) {
      float part = (float)c->counts[plane];
      if (c->plusLevels) {
        int64_t channel = target->channel + (lane < target->lanes ? lane : 0);
        part = plane == 0 ? c->plusLevels[channel] : -c->minusLevels[channel];
      }
      parts[plane * SIGNUM_LANES + lane] = part;
    }
  }
  // The planes of a symmetric weight count from its lowest symbol.
  if (c->isSymmetric) offset = 0.5f - (float)(1 << (c->planes - 1));
  path.unpack(c->planeBlocks + block * columns * c->planes, columns, c->planes, parts, offset, unpacked);
  return unpacked;
}

/// The first pixels of the windows of a tile.
static void startsOf(const SignumConvolution *c, const Image *image, int64_t groupOffset, int64_t first, int count,
                     const void **starts) {
  for (int pixel = 0; pixel < count; pixel++) {
    int64_t y = (first + pixel) / c->outputWidth * c->strideY, x = (first + pixel) % c->outputWidth * c->strideX;
    starts[pixel] = image->start + (y * image->width + x) * image->pixelSize + groupOffset;
  }
}

static void driveBlock(const SignumConvolution *c, const Image *image, const SignumSteps *steps, SignumPath path,
                       int64_t groupOffset, const void *block, const Target *target, const Target *second) {
  enum { tileSums = signumLargestTile * SIGNUM_LANES };
  _Alignas(64) float sums[2 * tileSums];
  int64_t pixels = c->outputHeight * c->outputWidth;
  for (int64_t first = 0; first < pixels; first += path.tileSize) {
    int count = (int)smaller(path.tileSize, pixels - first);
    const void *starts[signumLargestTile];
    startsOf(c, image, groupOffset, first, count, starts);
    (second ? path.pair : path.tile)(steps, starts, count, block, sums);
    for (int pixel = 0; second && pixel < count; pixel++) {
      finish(c, second, first + pixel, sums + tileSums + pixel * SIGNUM_LANES);
    }
    for (int pixel = 0; pixel < count; pixel++) finish(c, target, first + pixel, sums + pixel * SIGNUM_LANES);
  }
}

static void driveBits(const SignumConvolution *c, const Image *image, const SignumSteps *steps, SignumPath path,
                      int64_t groupOffset, const void *block, const int32_t *taps, const Target *target) {
  _Alignas(64) int32_t counts[signumLargestTile * SIGNUM_LANES];
  int64_t pixels = c->outputHeight * c->outputWidth;
  Ones ones = onesOf(c, taps);
  for (int64_t first = 0; first < pixels; first += path.tileSize) {
    int count = (int)smaller(path.tileSize, pixels - first);
    const void *starts[signumLargestTile];
    startsOf(c, image, groupOffset, first, count, starts);
    path.tile(steps, starts, count, block, counts);
    for (int pixel = 0; pixel < count; pixel++) {
      int32_t whole[SIGNUM_LANES];
      float sums[SIGNUM_LANES];
      dots(c, insideOf(c, first + pixel), false, &ones, counts + pixel * SIGNUM_LANES, whole);
      for (int lane = 0; lane < SIGNUM_LANES; lane++) sums[lane] = (float)whole[lane];
      finish(c, target, first + pixel, sums);
    }
  }
}

/// `plus level · sum of the plus columns − minus level · sum of the minus columns`, for 16 output channels.
static void combineSides(const SignumConvolution *c, const Target *target, const int32_t *plus, const int32_t *minus,
                         float *sums) {
  for (int lane = 0; lane < target->lanes; lane++) {
    float above = c->plusLevels[target->channel + lane] * (float)plus[lane];
    float below = c->minusLevels[target->channel + lane] * (float)minus[lane];
    sums[lane] = above - below;
  }
}

/// A symbol is the sum of what its bits count, so that a sum of symbols is one of sums of bits.
static void drivePlanes(const SignumConvolution *c, const Image *image, const SignumSteps *steps, SignumPath path,
                        int64_t groupOffset, const uint64_t *block, const int32_t *taps, const Target *target) {
  enum { tileSums = signumLargestTile * SIGNUM_LANES };
  _Alignas(64) int32_t counts[SIGNUM_PLANES][tileSums];
  int64_t pixels = c->outputHeight * c->outputWidth, tapCount = c->kernelHeight * c->kernelWidth;
  int64_t planeSize = tapCount * wordsOfGroup(c) * SIGNUM_LANES;
  // Bits of ±1 make symbols of half a step more than a whole number, all of them: 2 s + 1 = Σ 2ᵖ · ±1.
  bool common = !c->isSymmetric;
  Ones ones[SIGNUM_PLANES];
  for (int64_t plane = 0; plane < c->planes; plane++) {
    ones[plane] = onesOf(c, taps + plane * tapCount * SIGNUM_LANES);
  }
  for (int64_t first = 0; first < pixels; first += path.tileSize) {
    int count = (int)smaller(path.tileSize, pixels - first);
    const void *starts[signumLargestTile];
    startsOf(c, image, groupOffset, first, count, starts);
    for (int64_t plane = 0; plane < c->planes; plane++) {
      (common ? path.common : path.tile)(steps, starts, count, block + plane * planeSize, counts[plane]);
    }
    for (int pixel = 0; pixel < count; pixel++) {
      Inside inside = insideOf(c, first + pixel);
      int32_t whole[SIGNUM_PLANES][SIGNUM_LANES], total[SIGNUM_LANES] = {0};
      float sums[SIGNUM_LANES] = {0};
      for (int64_t plane = 0; plane < c->planes; plane++) {
        dots(c, inside, common, &ones[plane], counts[plane] + pixel * SIGNUM_LANES, whole[plane]);
        for (int lane = 0; lane < SIGNUM_LANES; lane++) total[lane] += c->counts[plane] * whole[plane][lane];
      }
      float unit = c->isSymmetric ? 0.5f : 1;
      for (int lane = 0; lane < SIGNUM_LANES; lane++) sums[lane] = (float)total[lane] * unit;
      if (c->plusLevels) combineSides(c, target, whole[0], whole[1], sums);
      finish(c, target, first + pixel, sums);
    }
  }
}

void signumDrive(const SignumConvolution *c, const void *input, float *output, void *scratch, SignumPath path) {
  bool planes = path.blocks == signumPlanesOfBits, bits = planes || path.blocks == signumBits;
  Image image = padded(c, input, bits, (char *)scratch + blockSize(c));
  SignumSteps walk = steps(c, image.width, bits);
  int64_t outputsOfGroup = c->outputChannels / c->groups;
  int64_t blocks = (outputsOfGroup + SIGNUM_LANES - 1) / SIGNUM_LANES;
  int64_t tapLanes = c->kernelHeight * c->kernelWidth * SIGNUM_LANES;
  for (int64_t group = 0; group < c->groups; group++) {
    int64_t groupOffset = group * (image.pixelSize / c->groups);
    for (int64_t i = 0; i < blocks; i++) {
      int64_t index = group * blocks + i;
      Target target = targetOf(c, output, group * outputsOfGroup, i, outputsOfGroup), second;
      const void *block = path.blocks == signumUnpackedPlanes ? unpackedPlanes(c, path, index, &target, scratch)
                                                              : blockAt(c, path.blocks, index, scratch);
      if (planes) {
        drivePlanes(c, &image, &walk, path, groupOffset, block, c->planeOnes + index * c->planes * tapLanes, &target);
      } else if (bits) {
        driveBits(c, &image, &walk, path, groupOffset, block, c->tapOnes + index * tapLanes, &target);
      } else {
        bool paired = path.pair && i + 1 < blocks;
        if (paired) second = targetOf(c, output, group * outputsOfGroup, ++i, outputsOfGroup);
        driveBlock(c, &image, &walk, path, groupOffset, block, &target, paired ? &second : NULL);
      }
    }
  }
}
