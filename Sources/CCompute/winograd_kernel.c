// The gradient of the kernel of a 3 x 3 convolution, by the exact adjoint of Winograd's minimal filtering:
//
//     ∂L/∂g = Gᵀ [ Σ over tiles (Bᵀ d B) ⊙ (A ∂L/∂Y Aᵀ) ] G
//
// The sum over tiles is split by the shape alone, so it does not depend on the number of threads.
#include "winograd.h"
#include <string.h>

#if defined(__x86_64__)

// Sums over tiles are cut in this many pieces at most: work for as many threads.
enum { PIECES = 8 };

typedef struct {
  cc_plan p;
  const float *gradient;
  int64_t pieces, groups;  // of the tiles, and of the output channels: the tasks
  float *sums;             // [pieces][groups][36][in][out / groups]
  float *result;
} adjoint;

// The gradients of a tile's points for some channels: target[point · step + channel].
CC_AVX512 static void gradient_points(const float *pixels, int64_t row_step, int64_t pixel_step, int64_t channels,
                                      int64_t rows, int64_t columns, float *target, int64_t step) {
  __mmask16 inside[CC_OUT];
  cc_row_masks(0, rows, CC_OUT, inside);
  for (int64_t c = 0; c < channels; c += CC_LANES) {
    __m512 g[16], half[24], line[6];
#pragma clang loop unroll(full)
    for (int j = 0; j < 4; j++) {
#pragma clang loop unroll(full)
      for (int i = 0; i < 4; i++) {
        g[i * 4 + j] = j < columns ? _mm512_maskz_loadu_ps(inside[i], pixels + i * row_step + j * pixel_step + c)
                                   : _mm512_setzero_ps();
      }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i++) {
      _mm_prefetch(pixels + (4 + i / 4) * row_step + i % 4 * pixel_step + c, _MM_HINT_T1);
    }
#pragma clang loop unroll(full)
    for (int j = 0; j < 4; j++) {
      cc_output_adjoint(g + j, 4, line);
#pragma clang loop unroll(full)
      for (int i = 0; i < 6; i++) half[i * 4 + j] = line[i];
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 6; i++) {
      cc_output_adjoint(half + i * 4, 1, line);
#pragma clang loop unroll(full)
      for (int j = 0; j < 6; j++) _mm512_storeu_ps(target + (i * 6 + j) * step + c, line[j]);
    }
  }
}

CC_AVX512 static void outer_products(const float *v, int64_t ins, const float *d, int64_t outs, int64_t tiles,
                                     float *m) {
  if (outs % 32 == 0) {
    for (int64_t column = 0; column < outs; column += 32) {
      for (int64_t row = 0; row < ins; row += 8) {
        cc_outer_block(8, 2, tiles, v + row, ins, d + column, outs, m + row * outs + column, outs);
      }
    }
  } else {
    for (int64_t column = 0; column < outs; column += 16) {
      for (int64_t row = 0; row < ins; row += 16) {
        cc_outer_block(16, 1, tiles, v + row, ins, d + column, outs, m + row * outs + column, outs);
      }
    }
  }
}

static void adjoint_work(void *context, int64_t first, int64_t last) {
  const adjoint *a = context;
  const cc_plan *p = &a->p;
  const cc_winograd *s = &p->s;
  int64_t ins = s->in_channels, outs = s->out_channels / a->groups;
  int64_t v_step = cc_spread(p->chunk * ins), d_step = cc_spread(p->chunk * outs);
  float *v = cc_memory(CC_POINTS * (v_step + d_step)), *d = v + CC_POINTS * v_step;
  for (int64_t task = first; task < last; task++) {
    int64_t piece = task / a->groups, group = task % a->groups;
    int64_t begin = p->tiles * piece / a->pieces, end = p->tiles * (piece + 1) / a->pieces;
    float *sums = a->sums + task * CC_POINTS * cc_spread(ins * outs);
    memset(sums, 0, CC_POINTS * cc_spread(ins * outs) * sizeof(float));
    for (int64_t start = begin; start < end; start += p->chunk) {
      int64_t tiles = cc_min(p->chunk, end - start);
      for (int64_t t = 0; t < tiles; t++) {
        cc_place at = cc_place_of(p, start + t);
        cc_image_points(p->source + at.image * s->in_height * s->in_width * ins, s->in_height, s->in_width, ins,
                     at.top - s->pad_top, at.left - s->pad_left, v + t * ins, v_step);
        const float *pixels =
            a->gradient + ((at.image * s->out_height + at.top) * s->out_width + at.left) * s->out_channels;
        gradient_points(pixels + group * outs, s->out_width * s->out_channels, s->out_channels, outs,
                        s->out_height - at.top, s->out_width - at.left, d + t * outs, d_step);
      }
      for (int64_t i = 0; i < CC_POINTS; i++) {
        outer_products(v + i * v_step, ins, d + i * d_step, outs, tiles, sums + i * cc_spread(ins * outs));
      }
    }
  }
  free(v);
}

// Adds up the pieces in order and turns points into weights: 16 output channels of one input channel.
CC_AVX512 static void kernel_gradient(const adjoint *a, int64_t out, int64_t in) {
  int64_t ins = a->p.s.in_channels, outs = a->p.s.out_channels / a->groups;
  int64_t step = cc_spread(ins * outs), size = CC_POINTS * step;
  const float *start = a->sums + out / outs * size + in * outs + out % outs;
  __m512 m[CC_POINTS], half[18], g[9];
  for (int i = 0; i < CC_POINTS; i++) {
    m[i] = _mm512_loadu_ps(start + i * step);
    for (int64_t piece = 1; piece < a->pieces; piece++) {
      m[i] = _mm512_add_ps(m[i], _mm512_loadu_ps(start + piece * a->groups * size + i * step));
    }
  }
  for (int j = 0; j < 6; j++) {
    __m512 column[3];
    cc_kernel_adjoint(m + j, 6, column);
    for (int i = 0; i < 3; i++) half[i * 6 + j] = column[i];
  }
  for (int i = 0; i < 3; i++) cc_kernel_adjoint(half + i * 6, 1, g + i * 3);
  float values[9][CC_LANES];
  for (int i = 0; i < 9; i++) _mm512_storeu_ps(values[i], g[i]);
  for (int lane = 0; lane < CC_LANES; lane++) {
    float *target = a->result + ((out + lane) * ins + in) * 9;
    for (int i = 0; i < 9; i++) target[i] = values[i][lane];
  }
}

static void gradient_work(void *context, int64_t first, int64_t last) {
  const adjoint *a = context;
  for (int64_t piece = first; piece < last; piece++) {
    kernel_gradient(a, piece / a->p.s.in_channels * CC_LANES, piece % a->p.s.in_channels);
  }
}

void cc_winograd_backward_kernel(const cc_winograd *shape, const float *source, const float *gradient,
                                 float *kernel_gradient) {
  adjoint a = {.p = cc_winograd_plan(shape), .gradient = gradient, .result = kernel_gradient};
  a.p.source = source;
  // Here the sum over a chunk is a rounding step: its size must come from the shape alone.
  a.p.chunk = a.p.s.out_channels <= 2 * CC_LANES ? 12 : 48;
  int64_t outs = shape->out_channels, ins = shape->in_channels;
  a.groups = 1;
  while (ins * outs / a.groups > 16384 && outs / a.groups % 64 == 0) a.groups *= 2;
  a.pieces = cc_max(1, cc_min(PIECES / a.groups, a.p.tiles / 16));
  a.sums = cc_memory(a.pieces * a.groups * CC_POINTS * cc_spread(ins * outs / a.groups));
  cc_parallel(a.pieces * a.groups, adjoint_work, &a);
  cc_parallel(outs / CC_LANES * ins, gradient_work, &a);
  free(a.sums);
}

#else

void cc_winograd_backward_kernel(const cc_winograd *shape, const float *source, const float *gradient,
                                 float *kernel_gradient) {
  abort();
}

#endif
