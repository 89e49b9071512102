// 3 x 3 convolution of stride 1 by Winograd's minimal filtering F(4 x 4, 3 x 3): a quarter of the multiplications.
//
//     Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A                    4 x 4 pixels from 6 x 6 of the image
//     ∂L/∂g = Gᵀ [ Σ over tiles (Bᵀ d B) ⊙ (A ∂L/∂Y Aᵀ) ] G      the exact adjoint
//
// The gradient of the image is the same convolution with the kernel turned around. A chunk of tiles goes through all
// three steps while it is in the cache, and what stands before the convolution is worked out as its pixels are read
// (pixels.c). What a tile becomes depends on nothing but the tile, and sums over tiles are split by the shape alone:
// the result does not depend on the number of threads.
//
// Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015, https://arxiv.org/abs/1509.09308
#include "winograd.h"
#include <stdlib.h>

#if defined(__x86_64__)

bool cc_winograd_is_available(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

// ---- the kernel ----

// The points of 16 output channels of one input channel.
CC_AVX512 static void kernel_points(const cc_plan *p, int64_t out, int64_t in) {
  int64_t outs = p->s.out_channels, ins = p->s.in_channels;
  // As [out][in][3][3] in memory; turned, the roles of in and out are exchanged and the kernel stands on its head.
  int64_t lane = (p->turned ? 1 : ins) * 9, start = p->turned ? (in * outs + out) * 9 : (out * ins + in) * 9;
  __m512i places = _mm512_mullo_epi32(_mm512_set1_epi32((int)lane), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
                                                                                     11, 12, 13, 14, 15));
  __m512 g[9], half[18], u[CC_POINTS];
  for (int i = 0; i < 9; i++) {
    g[i] = _mm512_i32gather_ps(places, p->kernel + start + (p->turned ? 8 - i : i), 4);
  }
  for (int j = 0; j < 3; j++) {
    __m512 column[6];
    cc_kernel_line(g + j, 3, column);
    for (int i = 0; i < 6; i++) half[i * 3 + j] = column[i];
  }
  for (int i = 0; i < 6; i++) cc_kernel_line(half + i * 3, 1, u + i * 6);
  int64_t block = p->width * CC_LANES;
  float *target = p->points + (out / block * ins + in) * block + out % block;
  for (int i = 0; i < CC_POINTS; i++) _mm512_storeu_ps(target + i * cc_spread(ins * outs), u[i]);
}

static void kernel_work(void *context, int64_t first, int64_t last) {
  const cc_plan *p = context;
  for (int64_t piece = first; piece < last; piece++) {
    int64_t blocks = p->s.out_channels / CC_LANES;
    kernel_points(p, piece % blocks * CC_LANES, piece / blocks);
  }
}

// ---- tiles ----

CC_AVX512 void cc_image_points(cc_lines *l, int64_t image, int64_t row, int64_t tiles, float *half, float *target,
                               int64_t step, int64_t tile_step) {
  cc_lines_fill(l, image, row * CC_OUT, row * CC_OUT + CC_EDGE);
  const float *lines[CC_EDGE];
  for (int i = 0; i < CC_EDGE; i++) lines[i] = cc_line(l, row * CC_OUT + i);
  int64_t columns = tiles * CC_OUT + 2;
  for (int64_t c = 0; c < l->channels; c += CC_LANES) {
    __m512 points[6];
    // Down the columns, which neighbours share, and then along the lines.
    for (int64_t j = 0; j < columns; j++) {
      __m512 d[6];
#pragma clang loop unroll(full)
      for (int i = 0; i < 6; i++) d[i] = _mm512_loadu_ps(lines[i] + j * l->channels + c);
      cc_image_line(d, 1, points);
#pragma clang loop unroll(full)
      for (int i = 0; i < 6; i++) _mm512_store_ps(half + (j * 6 + i) * CC_LANES, points[i]);
    }
    for (int64_t t = 0; t < tiles; t++) {
      float *place = target + t * tile_step + c;
#pragma clang loop unroll(full)
      for (int i = 0; i < 6; i++) {
        __m512 d[6];
#pragma clang loop unroll(full)
        for (int j = 0; j < 6; j++) d[j] = _mm512_load_ps(half + ((t * 4 + j) * 6 + i) * CC_LANES);
        cc_image_line(d, 1, points);
#pragma clang loop unroll(full)
        for (int j = 0; j < 6; j++) _mm512_storeu_ps(place + (i * 6 + j) * step, points[j]);
      }
    }
  }
}

cc_pixels_ahead cc_rows_ahead(const cc_lines *l, int64_t tiles_high, int64_t first, int64_t end, int64_t overlap) {
  // The first row of tiles in an image finds none of its lines.
  int64_t above = first % tiles_high ? overlap - l->top : 0, line = first / tiles_high * l->height;
  line += cc_min(l->height, first % tiles_high * CC_OUT + above);
  int64_t last = end / tiles_high * l->height;
  if (end % tiles_high) last += cc_min(l->height, end % tiles_high * CC_OUT + overlap - l->top);
  int64_t size = l->width * l->channels;
  return cc_look_ahead(l->pixels, line * size, cc_max(0, last - line) * size);
}

// The pixels of a tile from its points, as far as they lie in the image.
CC_AVX512 static void output_pixels(const float *points, int64_t step, int64_t channels, const float *bias,
                                    int64_t rows, int64_t columns, float *target, int64_t row_step) {
  for (int64_t c = 0; c < channels; c += CC_LANES) {
    __m512 half[24], column[6], y[4];
    __m512 start = bias ? _mm512_loadu_ps(bias + c) : _mm512_setzero_ps();
#pragma clang loop unroll(full)
    for (int j = 0; j < 6; j++) {
#pragma clang loop unroll(full)
      for (int i = 0; i < 6; i++) column[i] = _mm512_loadu_ps(points + (i * 6 + j) * step + c);
      cc_output_line(column, 1, y);
#pragma clang loop unroll(full)
      for (int i = 0; i < 4; i++) half[i * 6 + j] = y[i];
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
      cc_output_line(half + i * 6, 1, y);
      if (i < rows) {
#pragma clang loop unroll(full)
        for (int j = 0; j < 4; j++) {
          if (j < columns) {
            _mm512_storeu_ps(target + i * row_step + j * channels + c, bias ? _mm512_add_ps(y[j], start) : y[j]);
          }
        }
      }
    }
  }
}

// ---- forward ----

CC_AVX512 static void products(const float *v, int64_t v_row, const float *u, float *m, int64_t m_row, int64_t rows,
                               int64_t inner, int64_t columns, int64_t width) {
  for (int64_t column = 0; column < columns; column += width * CC_LANES) {
    const float *block = u + column * inner;
    float *target = m + column;
    int64_t row = 0;
    if (width == 2) {
      for (; row + 8 <= rows; row += 8) {
        cc_product_block(8, 2, inner, v + row * v_row, v_row, block, target + row * m_row, m_row, CC_EVERY_LANE);
      }
      for (; row + 4 <= rows; row += 4) {
        cc_product_block(4, 2, inner, v + row * v_row, v_row, block, target + row * m_row, m_row, CC_EVERY_LANE);
      }
      for (; row < rows; row++) {
        cc_product_block(1, 2, inner, v + row * v_row, v_row, block, target + row * m_row, m_row, CC_EVERY_LANE);
      }
    } else {
      for (; row + 16 <= rows; row += 16) {
        cc_product_block(16, 1, inner, v + row * v_row, v_row, block, target + row * m_row, m_row, CC_EVERY_LANE);
      }
      for (; row + 4 <= rows; row += 4) {
        cc_product_block(4, 1, inner, v + row * v_row, v_row, block, target + row * m_row, m_row, CC_EVERY_LANE);
      }
      for (; row < rows; row++) {
        cc_product_block(1, 1, inner, v + row * v_row, v_row, block, target + row * m_row, m_row, CC_EVERY_LANE);
      }
    }
  }
}

// Where row r of tiles begins in the result: in pixels.
static int64_t first_pixel(const cc_plan *p, int64_t row) {
  return (row / p->tiles_high * p->s.out_height + row % p->tiles_high * CC_OUT) * p->s.out_width;
}

CC_AVX512 static void forward_chunk(const cc_plan *p, int64_t chunk, cc_lines *lines, float *half, float *v, float *m) {
  const cc_winograd *s = &p->s;
  int64_t v_row = m == v ? cc_max(s->in_channels, s->out_channels) : s->in_channels;
  int64_t m_row = m == v ? v_row : s->out_channels;
  int64_t most = p->chunk * p->tiles_wide, v_step = cc_spread(most * v_row), m_step = cc_spread(most * m_row);
  int64_t first = chunk * p->chunk, end = cc_min(first + p->chunk, p->rows), tiles = (end - first) * p->tiles_wide;
  for (int64_t row = first; row < end; row++) {
    cc_image_points(lines, row / p->tiles_high, row % p->tiles_high, p->tiles_wide, half,
                    v + (row - first) * p->tiles_wide * v_row, v_step, v_row);
  }
  int64_t start = first_pixel(p, first), pixels = first_pixel(p, end) - start;
  cc_ahead result = {p->destination + start * s->out_channels, pixels * s->out_channels};
  cc_pixels_ahead next = cc_rows_ahead(lines, p->tiles_high, end, cc_min(end + p->chunk, p->rows), 2);
  for (int64_t i = 0; i < CC_POINTS; i++) {
    const float *points = p->points + i * cc_spread(s->in_channels * s->out_channels);
    cc_fetch(next.values, i, CC_POINTS, false);
    cc_fetch(next.x, i, CC_POINTS, false);
    cc_fetch(result, i, CC_POINTS, true);
    products(v + i * v_step, v_row, points, m + i * m_step, m_row, tiles, s->in_channels, s->out_channels, p->width);
  }
  for (int64_t row = first; row < end; row++) {
    for (int64_t t = 0; t < p->tiles_wide; t++) {
      output_pixels(m + ((row - first) * p->tiles_wide + t) * m_row, m_step, s->out_channels, p->bias,
                    s->out_height - row % p->tiles_high * CC_OUT, s->out_width - t * CC_OUT,
                    p->destination + (first_pixel(p, row) + t * CC_OUT) * s->out_channels,
                    s->out_width * s->out_channels);
    }
  }
}

static void forward_work(void *context, int64_t first, int64_t last) {
  const cc_plan *p = context;
  const cc_winograd *s = &p->s;
  // Where one block holds all output channels, a row of points is read before it is written: one array serves both.
  bool shared = s->out_channels == p->width * CC_LANES;
  int64_t tiles = p->chunk * p->tiles_wide, columns = p->tiles_wide * CC_OUT + 2;
  int64_t v_row = shared ? cc_max(s->in_channels, s->out_channels) : s->in_channels;
  int64_t v_size = CC_POINTS * cc_spread(tiles * v_row);
  float *v = cc_memory(v_size + (shared ? 0 : CC_POINTS * cc_spread(tiles * s->out_channels)));
  float *half = cc_memory(6 * columns * CC_LANES);
  cc_lines lines = cc_lines_make(&p->source, s->in_height, s->in_width, s->in_channels, s->pad_top, s->pad_left, CC_EDGE,
                                 columns);
  for (int64_t chunk = first; chunk < last; chunk++) {
    forward_chunk(p, chunk, &lines, half, v, shared ? v : v + v_size);
  }
  free(lines.lines);
  free(half);
  free(v);
}

cc_plan cc_winograd_plan(const cc_winograd *shape, int64_t tiles) {
  cc_plan p = {.s = *shape};
  p.tiles_high = (shape->out_height + 3) / 4;
  p.tiles_wide = (shape->out_width + 3) / 4;
  p.rows = shape->batch * p.tiles_high;
  p.width = shape->out_channels % 32 == 0 ? 2 : 1;
  p.chunk = cc_max(1, tiles / p.tiles_wide);
  p.chunks = (p.rows + p.chunk - 1) / p.chunk;
  return p;
}

// About so many tiles go through all steps together: fewer read the points of the kernel too often, and the points of
// more leave the second-level cache.
enum { TILES = 24 };

static void run_forward(cc_plan *p) {
  int64_t ins = p->s.in_channels, outs = p->s.out_channels;
  p->points = cc_memory(CC_POINTS * cc_spread(ins * outs));
  cc_parallel(ins * outs / CC_LANES, kernel_work, p);
  cc_parallel(p->chunks, forward_work, p);
  free(p->points);
}

void cc_winograd_forward(const cc_winograd *shape, const cc_pixels *source, const float *kernel, const float *bias,
                         float *destination) {
  cc_plan p = cc_winograd_plan(shape, TILES);
  p.source = *source;
  p.kernel = kernel;
  p.bias = bias;
  p.destination = destination;
  run_forward(&p);
}

void cc_winograd_backward_source(const cc_winograd *shape, const cc_pixels *gradient, const float *kernel,
                                 float *source_gradient) {
  cc_winograd turned = {shape->batch,      shape->out_channels, shape->out_height,  shape->out_width,
                        shape->in_channels, shape->in_height,    shape->in_width,    2 - shape->pad_top,
                        2 - shape->pad_left};
  cc_plan p = cc_winograd_plan(&turned, TILES);
  p.source = *gradient;
  p.kernel = kernel;
  p.destination = source_gradient;
  p.turned = true;
  run_forward(&p);
}

#else

bool cc_winograd_is_available(void) { return false; }
void cc_winograd_forward(const cc_winograd *shape, const cc_pixels *source, const float *kernel, const float *bias,
                         float *destination) {
  abort();
}
void cc_winograd_backward_source(const cc_winograd *shape, const cc_pixels *gradient, const float *kernel,
                                 float *source_gradient) {
  abort();
}

#endif
