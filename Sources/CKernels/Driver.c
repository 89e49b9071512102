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

/// Numbers of differing bits to `columns inside the image − 2 · differing`; what the taps outside counted, where all
/// bits of the input are 0, is taken off again.
static void finishBits(const SignumConvolution *c, const Target *target, int64_t first, int count, const int32_t *ones,
                       const int32_t *sums) {
  int64_t channels = c->channels / c->groups;
  for (int pixel = 0; pixel < count; pixel++) {
    int64_t y = (first + pixel) / c->outputWidth, x = (first + pixel) % c->outputWidth;
    Taps rows = tapsInside(y * c->strideY - c->top, c->dilationY, c->kernelHeight, c->height);
    Taps columns = tapsInside(x * c->strideX - c->left, c->dilationX, c->kernelWidth, c->width);
    int64_t valid = (rows.to - rows.from) * (columns.to - columns.from);
    int32_t differing[SIGNUM_LANES];
    memcpy(differing, sums + pixel * SIGNUM_LANES, sizeof differing);
    for (int64_t tap = 0; valid < c->kernelHeight * c->kernelWidth && tap < c->kernelHeight * c->kernelWidth; tap++) {
      int64_t row = tap / c->kernelWidth, column = tap % c->kernelWidth;
      bool inside = row >= rows.from && row < rows.to && column >= columns.from && column < columns.to;
      if (inside) continue;
      for (int lane = 0; lane < SIGNUM_LANES; lane++) differing[lane] -= ones[tap * SIGNUM_LANES + lane];
    }
    float dots[SIGNUM_LANES];
    for (int lane = 0; lane < SIGNUM_LANES; lane++) {
      dots[lane] = (float)((int32_t)(valid * channels) - 2 * differing[lane]);
    }
    finish(c, target, first + pixel, dots);
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
  }
}

static void driveBlock(const SignumConvolution *c, const Image *image, const SignumSteps *steps, SignumPath path,
                       int64_t groupOffset, const void *block, const int32_t *ones, const Target *target,
                       const Target *second) {
  enum { tileSums = signumLargestTile * SIGNUM_LANES };
  _Alignas(64) float sums[2 * tileSums];
  _Alignas(64) int32_t counts[signumLargestTile * SIGNUM_LANES];
  int64_t pixels = c->outputHeight * c->outputWidth;
  for (int64_t first = 0; first < pixels; first += path.tileSize) {
    int count = (int)smaller(path.tileSize, pixels - first);
    const void *starts[signumLargestTile];
    for (int pixel = 0; pixel < count; pixel++) {
      int64_t y = (first + pixel) / c->outputWidth * c->strideY, x = (first + pixel) % c->outputWidth * c->strideX;
      starts[pixel] = image->start + (y * image->width + x) * image->pixelSize + groupOffset;
    }
    if (path.blocks == signumBits) {
      path.tile(steps, starts, count, block, counts);
      finishBits(c, target, first, count, ones, counts);
    } else {
      (second ? path.pair : path.tile)(steps, starts, count, block, sums);
      for (int pixel = 0; second && pixel < count; pixel++) {
        finish(c, second, first + pixel, sums + tileSums + pixel * SIGNUM_LANES);
      }
      for (int pixel = 0; pixel < count; pixel++) finish(c, target, first + pixel, sums + pixel * SIGNUM_LANES);
    }
  }
}

void signumDrive(const SignumConvolution *c, const void *input, float *output, void *scratch, SignumPath path) {
  bool bits = path.blocks == signumBits;
  Image image = padded(c, input, bits, (char *)scratch + blockSize(c));
  SignumSteps walk = steps(c, image.width, bits);
  int64_t outputsOfGroup = c->outputChannels / c->groups;
  int64_t blocks = (outputsOfGroup + SIGNUM_LANES - 1) / SIGNUM_LANES;
  int64_t taps = c->kernelHeight * c->kernelWidth;
  for (int64_t group = 0; group < c->groups; group++) {
    int64_t groupOffset = group * (image.pixelSize / c->groups);
    for (int64_t i = 0; i < blocks; i++) {
      int64_t index = group * blocks + i;
      const void *block = blockAt(c, path.blocks, index, scratch);
      const int32_t *ones = bits ? c->tapOnes + index * taps * SIGNUM_LANES : NULL;
      Target target = targetOf(c, output, group * outputsOfGroup, i, outputsOfGroup), second;
      bool paired = path.pair && i + 1 < blocks;
      if (paired) second = targetOf(c, output, group * outputsOfGroup, ++i, outputsOfGroup);
      driveBlock(c, &image, &walk, path, groupOffset, block, ones, &target, paired ? &second : NULL);
    }
  }
}
