#include "internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int ci_allocate(ci_image *image, int64_t largest, char *message) {
  int64_t area = (int64_t)image->width * image->height;
  if (area > largest) {
    snprintf(message, ci_message_size, "has %d x %d pixels, more than the %lld that are read", (int)image->width,
             (int)image->height, (long long)largest);
    return 1;
  }
  image->pixels = malloc((size_t)area * image->channels);
  if (image->pixels == NULL) snprintf(message, ci_message_size, "there is no memory for it");
  return image->pixels == NULL;
}

int ci_decode(const uint8_t *file, size_t size, int64_t largest, ci_image *image, char *message) {
  static const uint8_t jpeg[] = {0xFF, 0xD8, 0xFF}, png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  *image = (ci_image){0, 0, 0, NULL};
  int failed = 1;
  if (size >= sizeof jpeg && memcmp(file, jpeg, sizeof jpeg) == 0) {
    failed = ci_decode_jpeg(file, size, largest, image, message);
  } else if (size >= sizeof png && memcmp(file, png, sizeof png) == 0) {
    failed = ci_decode_png(file, size, largest, image, message);
  } else {
    snprintf(message, ci_message_size, "%s", size == 0 ? "is empty" : "is neither a JPEG nor a PNG");
  }
  if (failed) ci_release(image);
  return failed;
}

void ci_release(ci_image *image) {
  free(image->pixels);
  image->pixels = NULL;
}
