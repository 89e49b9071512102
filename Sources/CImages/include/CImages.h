#pragma once
#include <stddef.h>
#include <stdint.h>

// Images in files: JPEG by libjpeg-turbo, PNG by libpng. Errors of both libraries end in a message, never in an exit.

// What is read of an image: [height, width, channels] bytes, with 1 channel (grey) or 3 (red, green, blue).
typedef struct {
  int32_t width, height, channels;
  uint8_t *pixels;
} ci_image;

enum { ci_message_size = 240 };

// Reads a JPEG or a PNG, which its first bytes tell apart, not its name. What is transparent becomes what it is without
// being so, 16 bits become the higher 8, CMYK becomes RGB by Adobe's convention, and the orientation that EXIF names is
// not applied. A damaged image is refused even where the library could go on with grey in its place, and so is one of
// more pixels than `largest` before memory is asked for.
// Returns 0, or 1 with the reason in `message`, which has room for ci_message_size bytes. `pixels` is to be freed.
int ci_decode(const uint8_t *file, size_t size, int64_t largest, ci_image *image, char *message);

// Frees the pixels.
void ci_release(ci_image *image);

// Brings an image to a resolution: its sides become `resized_width` and `resized_height` (bilinear, with a triangle as
// wide as the reduction, so that nothing is missed; as Pillow does it), and from (left, top) of that a window of
// `width` and `height` is cut out. `target` is [channels, height, width] with 1 or 3 channels; colour becomes grey by
// the weights of ITU-R 601-2. The pixels of the image are changed where colour becomes grey.
// Returns 0, or 1 where there is no memory.
int ci_prepare(ci_image *image, int32_t resized_width, int32_t resized_height, int32_t left, int32_t top,
               int32_t width, int32_t height, int32_t channels, uint8_t *target);

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
