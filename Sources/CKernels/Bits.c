#include "CKernels.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF

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

void signumPackSigns(const int8_t *symbols, int64_t rows, int64_t columns, uint64_t *words) {
  for (int64_t row = 0; row < rows; row++, symbols += columns) {
    int64_t first = 0;
    for (; first + 64 <= columns; first += 64) {
      uint64_t word = 0;
      // Eight signs at once: the product gathers the highest bits of eight bytes in the highest byte.
      for (int64_t i = 0; i < 64; i += 8) {
        uint64_t bytes;
        memcpy(&bytes, symbols + first + i, 8);
        uint64_t ones = ~bytes >> 7 & 0x0101010101010101u;
        word |= (ones * 0x0102040810204080u >> 56) << i;
      }
      *words++ = word;
    }
    if (first < columns) {
      uint64_t word = 0;
      for (int64_t i = first; i < columns; i++) word |= (uint64_t)(symbols[i] > 0) << (i - first);
      *words++ = word;
    }
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

void signumQuantize(const float *values, int64_t count, float step, float minimum, float maximum, float *result) {
  for (int64_t i = 0; i < count; i++) {
    float steps = values[i] / step;
    steps = steps < minimum ? minimum : steps > maximum ? maximum : steps;
    // From 2^23 on floats are whole: the sum is rounded to one, halves to even.
    float whole = (steps + 0x1.8p23f) - 0x1.8p23f;
    result[i] = step * whole;
  }
}

void signumLeak(const float *values, int64_t outer, int64_t channels, int64_t inner, const float *slopes,
                float *result) {
  if (inner == 1) {
    // Channels that lie side by side have their slopes side by side, too.
    for (int64_t line = 0; line < outer; line++, values += channels, result += channels) {
      for (int64_t i = 0; i < channels; i++) result[i] = values[i] > 0 ? values[i] : values[i] * slopes[i];
    }
    return;
  }
  for (int64_t line = 0; line < outer; line++) {
    for (int64_t channel = 0; channel < channels; channel++) {
      float slope = slopes[channel];
      for (int64_t i = 0; i < inner; i++, values++, result++) *result = *values > 0 ? *values : *values * slope;
    }
  }
}
