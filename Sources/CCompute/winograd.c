// 3 x 3 convolution of stride 1 by Winograd's minimal filtering F(4 x 4, 3 x 3): a quarter of the multiplications.
//
//     Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A                    4 x 4 pixels from 6 x 6 of the image
//     ∂L/∂g = Gᵀ [ Σ over tiles (Bᵀ d B) ⊙ (A ∂L/∂Y Aᵀ) ] G      the exact adjoint
//
// The gradient of the image is the same convolution with the kernel turned around. A chunk of tiles goes through all
// three steps while it is in the cache. What a tile becomes depends on nothing but the tile, and sums over tiles are
// split by the shape alone: the result does not depend on the number of threads.
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

CC_AVX512 void cc_image_points(const float *image, int64_t height, int64_t width, int64_t channels, int64_t top,
                                   int64_t left, float *target, int64_t step) {
  __mmask16 rows[CC_EDGE];
  cc_row_masks(-top, height - top, CC_EDGE, rows);
  const float *corner = image + (top * width + left) * channels;
  for (int64_t c = 0; c < channels; c += CC_LANES) {
    __m512 half[CC_POINTS], line[6];
#pragma clang loop unroll(full)
    for (int j = 0; j < 6; j++) {
      if (left + j >= 0 && left + j < width) {
        __m512 d[6];
#pragma clang loop unroll(full)
        for (int i = 0; i < 6; i++) d[i] = _mm512_maskz_loadu_ps(rows[i], corner + (i * width + j) * channels + c);
        // What the tile below will read, while this row of tiles is computed: the hardware follows one line of pixels
        // at a time, and a tile needs six.
        if (j < 4) {
#pragma clang loop unroll(full)
          for (int i = 0; i < 4; i++) {
            _mm_prefetch(corner + ((6 + i) * width + 1 + j) * channels + c, _MM_HINT_T1);
          }
        }
        cc_image_line(d, 1, line);
#pragma clang loop unroll(full)
        for (int i = 0; i < 6; i++) half[i * 6 + j] = line[i];
      } else {
#pragma clang loop unroll(full)
        for (int i = 0; i < 6; i++) half[i * 6 + j] = _mm512_setzero_ps();
      }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 6; i++) {
      cc_image_line(half + i * 6, 1, line);
#pragma clang loop unroll(full)
      for (int j = 0; j < 6; j++) _mm512_storeu_ps(target + (i * 6 + j) * step + c, line[j]);
    }
  }
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
    int64_t row = 0;
    for (; row + 12 <= rows; row += 12) {
      if (width == 2) {
        cc_product_block(12, 2, inner, v + row * v_row, v_row, block, m + row * m_row + column, m_row);
      } else {
        cc_product_block(12, 1, inner, v + row * v_row, v_row, block, m + row * m_row + column, m_row);
      }
    }
    for (; row + 4 <= rows; row += 4) {
      if (width == 2) {
        cc_product_block(4, 2, inner, v + row * v_row, v_row, block, m + row * m_row + column, m_row);
      } else {
        cc_product_block(4, 1, inner, v + row * v_row, v_row, block, m + row * m_row + column, m_row);
      }
    }
    for (; row < rows; row++) {
      if (width == 2) {
        cc_product_block(1, 2, inner, v + row * v_row, v_row, block, m + row * m_row + column, m_row);
      } else {
        cc_product_block(1, 1, inner, v + row * v_row, v_row, block, m + row * m_row + column, m_row);
      }
    }
  }
}

static float *output_corner(const cc_plan *p, cc_place at) {
  const cc_winograd *s = &p->s;
  return p->destination + ((at.image * s->out_height + at.top) * s->out_width + at.left) * s->out_channels;
}

// With few channels the products take less time than the pixels to write them to need to arrive.
static void fetch_for_writing(const cc_plan *p, cc_place at) {
  int64_t rows = cc_min(CC_OUT, p->s.out_height - at.top), line = p->s.out_width * p->s.out_channels;
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t c = 0; c < CC_OUT * p->s.out_channels; c += CC_LANES) {
      __builtin_prefetch(output_corner(p, at) + i * line + c, 1, 3);
    }
  }
}

static void forward_work(void *context, int64_t first, int64_t last) {
  const cc_plan *p = context;
  const cc_winograd *s = &p->s;
  // Where one block holds all output channels, a row of points is read before it is written: one array serves both,
  // and stays in the first-level cache.
  bool shared = s->out_channels == p->width * CC_LANES;
  int64_t v_row = shared ? cc_max(s->in_channels, s->out_channels) : s->in_channels;
  int64_t m_row = shared ? v_row : s->out_channels;
  int64_t v_step = cc_spread(p->chunk * v_row), m_step = cc_spread(p->chunk * m_row);
  float *v = cc_memory(CC_POINTS * (v_step + (shared ? 0 : m_step))), *m = shared ? v : v + CC_POINTS * v_step;
  for (int64_t chunk = first; chunk < last; chunk++) {
    int64_t start = chunk * p->chunk, tiles = cc_min(p->chunk, p->tiles - start);
    for (int64_t t = 0; t < tiles; t++) {
      cc_place at = cc_place_of(p, start + t);
      cc_image_points(p->source + at.image * s->in_height * s->in_width * s->in_channels, s->in_height, s->in_width,
                   s->in_channels, at.top - s->pad_top, at.left - s->pad_left, v + t * v_row, v_step);
      if (p->width == 1) fetch_for_writing(p, at);
    }
    for (int64_t i = 0; i < CC_POINTS; i++) {
      const float *points = p->points + i * cc_spread(s->in_channels * s->out_channels);
      products(v + i * v_step, v_row, points, m + i * m_step, m_row, tiles, s->in_channels, s->out_channels, p->width);
    }
    for (int64_t t = 0; t < tiles; t++) {
      cc_place at = cc_place_of(p, start + t);
      output_pixels(m + t * m_row, m_step, s->out_channels, p->bias, s->out_height - at.top, s->out_width - at.left,
                    output_corner(p, at), s->out_width * s->out_channels);
    }
  }
  free(v);
}

// Tiles that go through all steps together. A row of points that is shared stays in the first-level cache; otherwise
// enough tiles that a kernel is not read too often, but no fewer chunks than threads.
static int64_t chunk_size(const cc_plan *p) {
  if (p->s.out_channels == p->width * CC_LANES) return 12;
  return cc_max(12, cc_min(48, cc_round_up((p->tiles + cc_thread_count() - 1) / cc_thread_count(), 4)));
}

cc_plan cc_winograd_plan(const cc_winograd *shape) {
  cc_plan p = {.s = *shape};
  p.tiles_high = (shape->out_height + 3) / 4;
  p.tiles_wide = (shape->out_width + 3) / 4;
  p.tiles = shape->batch * p.tiles_high * p.tiles_wide;
  p.width = shape->out_channels % 32 == 0 ? 2 : 1;
  p.chunk = chunk_size(&p);
  p.chunks = (p.tiles + p.chunk - 1) / p.chunk;
  return p;
}

static void run_forward(cc_plan *p) {
  int64_t ins = p->s.in_channels, outs = p->s.out_channels;
  p->points = cc_memory(CC_POINTS * cc_spread(ins * outs));
  cc_parallel(ins * outs / CC_LANES, kernel_work, p);
  cc_parallel(p->chunks, forward_work, p);
  free(p->points);
}

void cc_winograd_forward(const cc_winograd *shape, const float *source, const float *kernel, const float *bias,
                         float *destination) {
  cc_plan p = cc_winograd_plan(shape);
  p.source = source;
  p.kernel = kernel;
  p.bias = bias;
  p.destination = destination;
  run_forward(&p);
}

void cc_winograd_backward_source(const cc_winograd *shape, const float *gradient, const float *kernel,
                                 float *source_gradient) {
  cc_winograd turned = {shape->batch,      shape->out_channels, shape->out_height,  shape->out_width,
                        shape->in_channels, shape->in_height,    shape->in_width,    2 - shape->pad_top,
                        2 - shape->pad_left};
  cc_plan p = cc_winograd_plan(&turned);
  p.source = gradient;
  p.kernel = kernel;
  p.destination = source_gradient;
  p.turned = true;
  run_forward(&p);
}

#else

bool cc_winograd_is_available(void) { return false; }
void cc_winograd_forward(const cc_winograd *shape, const float *source, const float *kernel, const float *bias,
                         float *destination) {
  abort();
}
void cc_winograd_backward_source(const cc_winograd *shape, const float *gradient, const float *kernel,
                                 float *source_gradient) {
  abort();
}

#endif
