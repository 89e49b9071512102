#include "internal.h"
#include <setjmp.h>
#include <stdio.h>
#include <jpeglib.h>
#include <jerror.h>

typedef struct {
  struct jpeg_error_mgr manager;
  jmp_buf place;
  char text[JMSG_LENGTH_MAX];
} failure;

// The library would end the process.
static void leave(j_common_ptr decoder) {
  failure *f = (failure *)decoder->err;
  f->manager.format_message(decoder, f->text);
  longjmp(f->place, 1);
}

// Where data are missing or wrong, the library warns and fills in grey: such an image would teach nonsense.
static void warn(j_common_ptr decoder, int level) {
  if (level >= 0) return;
  switch (decoder->err->msg_code) {
  case JWRN_HIT_MARKER:
  case JWRN_HUFF_BAD_CODE:
  case JWRN_ARITH_BAD_CODE:
  case JWRN_JPEG_EOF:
  case JWRN_MUST_RESYNC: leave(decoder);
  default: return;
  }
}

// A small file can ask for thousands of passes over a large image.
static void count_scans(j_common_ptr decoder) {
  failure *f = (failure *)decoder->err;
  if (!decoder->is_decompressor || ((j_decompress_ptr)decoder)->input_scan_number <= 200) return;
  snprintf(f->text, sizeof f->text, "it has more than 200 scans");
  longjmp(f->place, 1);
}

static inline uint8_t product(int a, int b) {
  int t = a * b + 128;
  return (uint8_t)(((t >> 8) + t) >> 8);
}

// Four inks, stored inverted as Adobe does, to three colours in place.
static void inks_to_colours(uint8_t *pixels, int64_t area) {
  for (int64_t p = 0; p < area; p++) {
    const uint8_t *inks = pixels + 4 * p;
    int light = inks[3], cyan = inks[0], magenta = inks[1], yellow = inks[2];
    pixels[3 * p] = light - product(255 - cyan, light);
    pixels[3 * p + 1] = light - product(255 - magenta, light);
    pixels[3 * p + 2] = light - product(255 - yellow, light);
  }
}

static void read_rows(struct jpeg_decompress_struct *decoder, ci_image *image) {
  while (decoder->output_scanline < decoder->output_height) {
    JSAMPROW row = image->pixels + (size_t)decoder->output_scanline * image->width * image->channels;
    jpeg_read_scanlines(decoder, &row, 1);
  }
}

int ci_decode_jpeg(const uint8_t *file, size_t size, int64_t largest, ci_image *image, char *message) {
  struct jpeg_decompress_struct decoder = {0};
  failure f;
  struct jpeg_progress_mgr progress = {.progress_monitor = count_scans};
  decoder.err = jpeg_std_error(&f.manager);
  f.manager.error_exit = leave;
  f.manager.emit_message = warn;
  if (setjmp(f.place) != 0) {
    snprintf(message, ci_message_size, "is damaged: %s", f.text);
    jpeg_destroy_decompress(&decoder);
    return 1;
  }
  jpeg_create_decompress(&decoder);
  decoder.progress = &progress;
  jpeg_mem_src(&decoder, file, size);
  jpeg_read_header(&decoder, TRUE);
  int inks = decoder.num_components == 4;
  if (decoder.num_components != 1 && decoder.num_components != 3 && !inks) {
    snprintf(message, ci_message_size, "has %d colour components; 1, 3 or 4 are read", decoder.num_components);
    jpeg_destroy_decompress(&decoder);
    return 1;
  }
  decoder.out_color_space = decoder.num_components == 1 ? JCS_GRAYSCALE : inks ? JCS_CMYK : JCS_RGB;
  *image = (ci_image){decoder.image_width, decoder.image_height, decoder.num_components, NULL};
  if (ci_allocate(image, largest, message) != 0) {
    jpeg_destroy_decompress(&decoder);
    return 1;
  }
  jpeg_start_decompress(&decoder);
  read_rows(&decoder, image);
  jpeg_finish_decompress(&decoder);
  jpeg_destroy_decompress(&decoder);
  if (inks) {
    inks_to_colours(image->pixels, (int64_t)image->width * image->height);
    image->channels = 3;
  }
  return 0;
}
