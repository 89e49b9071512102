#pragma once
#include <stddef.h>
#include <stdint.h>

// Loops over the pixels of images, on the calling thread alone: they run beside training, not in its thread pool.

// Multiplies the brightness, the contrast and the saturation of an image, in this order. `pixels` is
// [area, channels]; after each step a number is kept from 0 to `largest`, or only above nothing where that is infinite.
void ci_jitter(float *pixels, int64_t area, int channels, float brightness, float contrast, float saturation,
               float largest);

// x[c] = (x[c] * scale - mean[c]) / deviation[c], each step rounded. `pixels` is [area, channels].
void ci_normalize(float *pixels, int64_t area, int channels, float scale, const float *mean, const float *deviation);

// target = share * target + (1 - share) * other
void ci_mix(float *target, const float *other, int64_t count, float share);

// A 64-bit number that differs, but for chance, where the bytes differ.
uint64_t ci_hash(const void *bytes, size_t count, uint64_t seed);
