#include "CImages.h"
#include <math.h>
#include <string.h>

static inline float bounded(float value, float largest) {
  // What has no known upper end has no known lower end either.
  if (isinf(largest)) return value;
  return value < 0 ? 0 : value > largest ? largest : value;
}

static inline float luminance(const float *pixel, int channels) {
  return channels == 3 ? 0.2989f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2] : pixel[0];
}

void ci_jitter(float *pixels, int64_t area, int channels, float brightness, float contrast, float saturation,
               float largest) {
  int64_t count = area * channels;
  if (brightness != 1) {
    for (int64_t i = 0; i < count; i++) pixels[i] = bounded(pixels[i] * brightness, largest);
  }
  if (contrast != 1) {
    double sum = 0;
    for (int64_t p = 0; p < area; p++) sum += luminance(pixels + p * channels, channels);
    float mean = (float)(sum / (double)area) * (1 - contrast);
    for (int64_t i = 0; i < count; i++) pixels[i] = bounded(pixels[i] * contrast + mean, largest);
  }
  if (saturation != 1 && channels == 3) {
    for (int64_t p = 0; p < area; p++) {
      float *pixel = pixels + p * 3;
      float grey = luminance(pixel, 3) * (1 - saturation);
      for (int c = 0; c < 3; c++) pixel[c] = bounded(pixel[c] * saturation + grey, largest);
    }
  }
}

void ci_normalize(float *pixels, int64_t area, int channels, float scale, const float *mean, const float *deviation) {
  for (int64_t p = 0; p < area; p++) {
    for (int c = 0; c < channels; c++) {
      float *x = pixels + p * channels + c;
      *x = (*x * scale - mean[c]) / deviation[c];
    }
  }
}

void ci_mix(float *target, const float *other, int64_t count, float share) {
  float rest = 1 - share;
  for (int64_t i = 0; i < count; i++) target[i] = share * target[i] + rest * other[i];
}

// Eight bytes at a time: multiply to 128 bits and fold, as in wyhash (Wang Yi, 2019).
static inline uint64_t folded(uint64_t a, uint64_t b) {
  unsigned __int128 product = (unsigned __int128)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t ci_hash(const void *bytes, size_t count, uint64_t seed) {
  const unsigned char *place = bytes;
  uint64_t hash = seed ^ 0x9E3779B97F4A7C15u;
  size_t rest = count;
  for (; rest >= 8; rest -= 8, place += 8) {
    uint64_t word;
    memcpy(&word, place, 8);
    hash = folded(hash ^ word, 0xBF58476D1CE4E5B9u) + 0x94D049BB133111EBu;
  }
  uint64_t last = 0;
  memcpy(&last, place, rest);
  return folded(hash ^ last, 0xBF58476D1CE4E5B9u) ^ folded(count + 0x94D049BB133111EBu, 0x9E3779B97F4A7C15u);
}
