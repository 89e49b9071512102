/// The law that the other paths are measured by: one output element after the other, one column after the other.
#include "CKernels.h"

#pragma STDC FP_CONTRACT OFF

/// One output element and the taps it reads.
typedef struct Element {
  int64_t y, x, channel;
} Element;

/// The start of the input pixel below a tap, or −1 where that is outside of the image.
static int64_t pixelBelow(const SignumConvolution *c, Element at, int64_t tapY, int64_t tapX) {
  int64_t y = at.y * c->strideY - c->top + tapY * c->dilationY;
  int64_t x = at.x * c->strideX - c->left + tapX * c->dilationX;
  bool inside = y >= 0 && y < c->height && x >= 0 && x < c->width;
  return inside ? y * c->width + x : -1;
}

static bool bitAt(const uint64_t *words, int64_t index) { return words[index / 64] >> (index % 64) & 1; }

static float floatElement(const SignumConvolution *c, const float *input, Element at) {
  int64_t channels = c->channels / c->groups, group = at.channel / (c->outputChannels / c->groups);
  const float *row = c->floatRows + at.channel * c->kernelHeight * c->kernelWidth * channels;
  float sum = 0;
  for (int64_t y = 0; y < c->kernelHeight; y++) {
    for (int64_t x = 0; x < c->kernelWidth; x++) {
      int64_t pixel = pixelBelow(c, at, y, x);
      for (int64_t i = 0; pixel >= 0 && i < channels; i++) {
        float value = input[pixel * c->channels + group * channels + i];
        float product = row[(y * c->kernelWidth + x) * channels + i] * value;
        sum = sum + product;
      }
    }
  }
  return sum;
}

static float binaryElement(const SignumConvolution *c, const float *input, Element at) {
  int64_t channels = c->channels / c->groups, group = at.channel / (c->outputChannels / c->groups);
  int64_t words = (c->kernelHeight * c->kernelWidth * channels + 63) / 64;
  const uint64_t *row = c->bitRows + at.channel * words;
  float sum = 0;
  for (int64_t y = 0; y < c->kernelHeight; y++) {
    for (int64_t x = 0; x < c->kernelWidth; x++) {
      int64_t pixel = pixelBelow(c, at, y, x);
      for (int64_t i = 0; pixel >= 0 && i < channels; i++) {
        float value = input[pixel * c->channels + group * channels + i];
        sum = bitAt(row, (y * c->kernelWidth + x) * channels + i) ? sum + value : sum - value;
      }
    }
  }
  return sum;
}

static int32_t bitsElement(const SignumConvolution *c, const uint64_t *input, Element at) {
  int64_t channels = c->channels / c->groups, group = at.channel / (c->outputChannels / c->groups);
  int64_t words = (c->kernelHeight * c->kernelWidth * channels + 63) / 64, wordsOfGroup = (channels + 63) / 64;
  const uint64_t *row = c->bitRows + at.channel * words;
  int32_t sum = 0;
  for (int64_t y = 0; y < c->kernelHeight; y++) {
    for (int64_t x = 0; x < c->kernelWidth; x++) {
      int64_t pixel = pixelBelow(c, at, y, x);
      for (int64_t i = 0; pixel >= 0 && i < channels; i++) {
        bool weight = bitAt(row, (y * c->kernelWidth + x) * channels + i);
        bool value = bitAt(input + (pixel * c->groups + group) * wordsOfGroup, i);
        sum += weight == value ? 1 : -1;
      }
    }
  }
  return sum;
}

/// What a symbol stands for, but for the level of its channel.
static float valueOf(const SignumConvolution *c, int64_t channel, int8_t symbol) {
  if (c->plusLevels) return symbol > 0 ? c->plusLevels[channel] : symbol < 0 ? -c->minusLevels[channel] : 0;
  return (float)symbol + (c->isSymmetric ? 0.5f : 0);
}

static float codedElement(const SignumConvolution *c, const float *input, Element at) {
  int64_t channels = c->channels / c->groups, group = at.channel / (c->outputChannels / c->groups);
  const int8_t *row = c->symbolRows + at.channel * c->kernelHeight * c->kernelWidth * channels;
  float sum = 0;
  for (int64_t y = 0; y < c->kernelHeight; y++) {
    for (int64_t x = 0; x < c->kernelWidth; x++) {
      int64_t pixel = pixelBelow(c, at, y, x);
      for (int64_t i = 0; pixel >= 0 && i < channels; i++) {
        float value = valueOf(c, at.channel, row[(y * c->kernelWidth + x) * channels + i]);
        float product = value * input[pixel * c->channels + group * channels + i];
        sum = sum + product;
      }
    }
  }
  return sum;
}

/// The sums below the symbols above 0 and below those below 0; of a symmetric weight, of half steps.
typedef struct Sides {
  int32_t plus, minus;
} Sides;

static Sides codedBitsElement(const SignumConvolution *c, const uint64_t *input, Element at) {
  int64_t channels = c->channels / c->groups, group = at.channel / (c->outputChannels / c->groups);
  int64_t wordsOfGroup = (channels + 63) / 64;
  const int8_t *row = c->symbolRows + at.channel * c->kernelHeight * c->kernelWidth * channels;
  Sides sides = {0, 0};
  for (int64_t y = 0; y < c->kernelHeight; y++) {
    for (int64_t x = 0; x < c->kernelWidth; x++) {
      int64_t pixel = pixelBelow(c, at, y, x);
      for (int64_t i = 0; pixel >= 0 && i < channels; i++) {
        int32_t symbol = row[(y * c->kernelWidth + x) * channels + i];
        int32_t steps = c->isSymmetric ? 2 * symbol + 1 : symbol;
        bool isPlus = bitAt(input + (pixel * c->groups + group) * wordsOfGroup, i);
        *(steps < 0 ? &sides.minus : &sides.plus) += isPlus ? steps : -steps;
      }
    }
  }
  return sides;
}

static void finish(const SignumConvolution *c, Element at, float sum, float *output) {
  float value = c->levels ? c->levels[at.channel] * sum : sum;
  if (c->bias) value = value + c->bias[at.channel];
  output[(at.y * c->outputWidth + at.x) * c->outputChannels + at.channel] = value;
}

static bool advance(const SignumConvolution *c, Element *at) {
  if (++at->channel < c->outputChannels) return true;
  at->channel = 0;
  if (++at->x < c->outputWidth) return true;
  at->x = 0;
  return ++at->y < c->outputHeight;
}

void signumFloatReference(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  (void)scratch;
  Element at = {0, 0, 0};
  do finish(c, at, floatElement(c, input, at), output); while (advance(c, &at));
}

void signumBinaryReference(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  (void)scratch;
  Element at = {0, 0, 0};
  do finish(c, at, binaryElement(c, input, at), output); while (advance(c, &at));
}

void signumBitsReference(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  (void)scratch;
  Element at = {0, 0, 0};
  do finish(c, at, (float)bitsElement(c, input, at), output); while (advance(c, &at));
}

void signumCodedReference(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  (void)scratch;
  Element at = {0, 0, 0};
  do finish(c, at, codedElement(c, input, at), output); while (advance(c, &at));
}

void signumCodedBitsReference(const SignumConvolution *c, const void *input, float *output, void *scratch) {
  (void)scratch;
  Element at = {0, 0, 0};
  do {
    Sides sides = codedBitsElement(c, input, at);
    float sum = (float)(sides.plus + sides.minus) * (c->isSymmetric ? 0.5f : 1);
    if (c->plusLevels) {
      float plus = c->plusLevels[at.channel] * (float)sides.plus;
      float minus = c->minusLevels[at.channel] * (float)-sides.minus;
      sum = plus - minus;
    }
    finish(c, at, sum, output);
  } while (advance(c, &at));
}
