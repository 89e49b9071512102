#include "CKernels.h"

void signumPackBits(const float *values, int64_t pixels, int64_t channels, int64_t groups, uint64_t *words) {
  int64_t channelsOfGroup = channels / groups;
  for (int64_t segment = 0; segment < pixels * groups; segment++) {
    for (int64_t first = 0; first < channelsOfGroup; first += 64) {
      int64_t count = channelsOfGroup - first < 64 ? channelsOfGroup - first : 64;
      uint64_t word = 0;
      for (int64_t i = 0; i < count; i++) word |= (uint64_t)(values[first + i] >= 0) << i;
      *words++ = word;
    }
    values += channelsOfGroup;
  }
}

void signumUnpackBits(const uint64_t *words, int64_t pixels, int64_t channels, float *values) {
  int64_t wordsOfPixel = (channels + 63) / 64;
  for (int64_t pixel = 0; pixel < pixels; pixel++) {
    for (int64_t channel = 0; channel < channels; channel++) {
      values[pixel * channels + channel] =
          (words[pixel * wordsOfPixel + channel / 64] >> (channel % 64) & 1) ? 1.0f : -1.0f;
    }
  }
}
