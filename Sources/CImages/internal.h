#pragma once
#include "CImages.h"

// Allocates the pixels of an image whose sides and channels are set; 0, or 1 with the reason.
int ci_allocate(ci_image *image, int64_t largest, char *message);

int ci_decode_jpeg(const uint8_t *file, size_t size, int64_t largest, ci_image *image, char *message);
int ci_decode_png(const uint8_t *file, size_t size, int64_t largest, ci_image *image, char *message);
