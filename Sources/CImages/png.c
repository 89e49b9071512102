#include "internal.h"
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const uint8_t *file;
  size_t size, place;
  png_bytep *rows;
  char text[128];
} source;

static void leave(png_structp decoder, png_const_charp reason) {
  source *s = png_get_error_ptr(decoder);
  snprintf(s->text, sizeof s->text, "%s", reason);
  png_longjmp(decoder, 1);
}

static void stay(png_structp decoder, png_const_charp reason) {}

static void read_bytes(png_structp decoder, png_bytep target, size_t count) {
  source *s = png_get_io_ptr(decoder);
  if (count > s->size - s->place) png_error(decoder, "the file ends before the image does");
  memcpy(target, s->file + s->place, count);
  s->place += count;
}

// Everything becomes 8 bits of grey or of red, green and blue.
static void ask_for_bytes(png_structp decoder, png_infop info) {
  int depth = png_get_bit_depth(decoder, info), kind = png_get_color_type(decoder, info);
  if (depth == 16) png_set_strip_16(decoder);
  if (kind == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(decoder);
  if (kind == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(decoder);
  png_set_strip_alpha(decoder);
  png_set_interlace_handling(decoder);
  png_read_update_info(decoder, info);
}

// Returns 1 where the image has too many pixels or there is no memory; leaves by longjmp where it is damaged.
static int read_image(png_structp decoder, png_infop info, int64_t largest, ci_image *image, source *s,
                      char *message) {
  png_read_info(decoder, info);
  *image = (ci_image){png_get_image_width(decoder, info), png_get_image_height(decoder, info), 3, NULL};
  if ((int64_t)image->width * image->height <= largest) ask_for_bytes(decoder, info);
  image->channels = png_get_channels(decoder, info);
  if (ci_allocate(image, largest, message) != 0) return 1;
  size_t step = (size_t)image->width * image->channels;
  if (png_get_rowbytes(decoder, info) != step) png_error(decoder, "its rows have another length than they should");
  s->rows = malloc(image->height * sizeof *s->rows);
  if (s->rows == NULL) png_error(decoder, "there is no memory for it");
  for (int32_t y = 0; y < image->height; y++) s->rows[y] = image->pixels + y * step;
  png_read_image(decoder, s->rows);
  png_read_end(decoder, NULL);
  return 0;
}

int ci_decode_png(const uint8_t *file, size_t size, int64_t largest, ci_image *image, char *message) {
  source s = {file, size, 0, NULL, ""};
  png_infop info = NULL;
  png_structp decoder = png_create_read_struct(PNG_LIBPNG_VER_STRING, &s, leave, stay);
  if (decoder != NULL) info = png_create_info_struct(decoder);
  if (info == NULL) {
    snprintf(message, ci_message_size, "there is no memory for it");
    png_destroy_read_struct(&decoder, NULL, NULL);
    return 1;
  }
  int failed;
  if (setjmp(png_jmpbuf(decoder)) != 0) {
    snprintf(message, ci_message_size, "is damaged: %s", s.text);
    failed = 1;
  } else {
    png_set_read_fn(decoder, &s, read_bytes);
    failed = read_image(decoder, info, largest, image, &s, message);
  }
  free(s.rows);
  png_destroy_read_struct(&decoder, &info, NULL);
  return failed;
}
