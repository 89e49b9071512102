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
  cc_pixels gradient;
  int64_t pieces, groups;  // of the chunks, and of the output channels: the tasks
  float *sums;             // [pieces][groups][36][in][out / groups]
  float *result;
} adjoint;

// The gradients of the points of a row of tiles: target[point · step + tile · channels + channel].
CC_AVX512 static void gradient_points(cc_lines *l, int64_t image, int64_t row, int64_t tiles, int64_t first_channel,
                                      int64_t channels, float *target, int64_t step) {
  cc_lines_fill(l, image, row * CC_OUT, row * CC_OUT + CC_OUT);
  const float *lines[CC_OUT];
  for (int i = 0; i < CC_OUT; i++) lines[i] = cc_line(l, row * CC_OUT + i) + first_channel;
  for (int64_t t = 0; t < tiles; t++) {
    for (int64_t c = 0; c < channels; c += CC_LANES) {
      __m512 half[24], line[6];
#pragma clang loop unroll(full)
      for (int j = 0; j < 4; j++) {
        __m512 g[4];
#pragma clang loop unroll(full)
        for (int i = 0; i < 4; i++) g[i] = _mm512_loadu_ps(lines[i] + (t * 4 + j) * l->channels + c);
        cc_output_adjoint(g, 1, line);
#pragma clang loop unroll(full)
        for (int i = 0; i < 6; i++) half[i * 4 + j] = line[i];
      }
#pragma clang loop unroll(full)
      for (int i = 0; i < 6; i++) {
        cc_output_adjoint(half + i * 4, 1, line);
#pragma clang loop unroll(full)
        for (int j = 0; j < 6; j++) _mm512_storeu_ps(target + (i * 6 + j) * step + t * channels + c, line[j]);
      }
    }
  }
}

CC_AVX512 static void outer_products(const float *v, int64_t ins, const float *d, int64_t outs, int64_t tiles,
                                     float *m) {
  if (outs % 32 == 0) {
    for (int64_t column = 0; column < outs; column += 32) {
      for (int64_t row = 0; row < ins; row += 8) {
        cc_outer_block(8, 2, tiles, v + row, ins, d + column, outs, m + row * outs + column, outs, CC_EVERY_LANE);
      }
    }
  } else {
    for (int64_t column = 0; column < outs; column += 16) {
      for (int64_t row = 0; row < ins; row += 16) {
        cc_outer_block(16, 1, tiles, v + row, ins, d + column, outs, m + row * outs + column, outs, CC_EVERY_LANE);
      }
    }
  }
}

CC_AVX512 static void adjoint_work(void *context, int64_t first, int64_t last) {
  const adjoint *a = context;
  const cc_plan *p = &a->p;
  const cc_winograd *s = &p->s;
  int64_t ins = s->in_channels, outs = s->out_channels / a->groups;
  int64_t most = p->chunk * p->tiles_wide, columns = p->tiles_wide * CC_OUT;
  int64_t v_step = cc_spread(most * ins), d_step = cc_spread(most * outs);
  float *v = cc_memory(CC_POINTS * (v_step + d_step)), *d = v + CC_POINTS * v_step;
  float *half = cc_memory(6 * (columns + 2) * CC_LANES);
  cc_lines image = cc_lines_make(&p->source, s->in_height, s->in_width, ins, s->pad_top, s->pad_left, CC_EDGE,
                                 columns + 2);
  cc_lines gradient = cc_lines_make(&a->gradient, s->out_height, s->out_width, s->out_channels, 0, 0, CC_OUT,
                                    columns);
  for (int64_t task = first; task < last; task++) {
    int64_t piece = task / a->groups, group = task % a->groups;
    int64_t begin = p->chunks * piece / a->pieces, end = p->chunks * (piece + 1) / a->pieces;
    float *sums = a->sums + task * CC_POINTS * cc_spread(ins * outs);
    memset(sums, 0, CC_POINTS * cc_spread(ins * outs) * sizeof(float));
    for (int64_t chunk = begin; chunk < end; chunk++) {
      int64_t start = chunk * p->chunk, rows = cc_min(p->chunk, p->rows - start), tiles = rows * p->tiles_wide;
      for (int64_t r = 0; r < rows; r++) {
        int64_t number = (start + r) / p->tiles_high, row = (start + r) % p->tiles_high;
        cc_image_points(&image, number, row, p->tiles_wide, half, v + r * p->tiles_wide * ins, v_step, ins);
        gradient_points(&gradient, number, row, p->tiles_wide, group * outs, outs, d + r * p->tiles_wide * outs, d_step);
      }
      int64_t next = start + rows, last = cc_min(next + p->chunk, p->rows);
      cc_pixels_ahead pixels = cc_rows_ahead(&image, p->tiles_high, next, last, 2);
      cc_pixels_ahead gradients = cc_rows_ahead(&gradient, p->tiles_high, next, last, 0);
      for (int64_t i = 0; i < CC_POINTS; i++) {
        cc_fetch(pixels.values, i, CC_POINTS, false);
        cc_fetch(gradients.values, i, CC_POINTS, false);
        cc_fetch(gradients.x, i, CC_POINTS, false);
        outer_products(v + i * v_step, ins, d + i * d_step, outs, tiles, sums + i * cc_spread(ins * outs));
      }
    }
  }
  free(gradient.lines);
  free(image.lines);
  free(half);
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

void cc_winograd_backward_kernel(const cc_winograd *shape, const cc_pixels *source, const cc_pixels *gradient,
                                 float *kernel_gradient) {
  // The sum over a chunk is a rounding step: its size comes from the shape alone, as that of a piece does.
  adjoint a = {.p = cc_winograd_plan(shape, shape->out_channels <= 2 * CC_LANES ? 24 : 32), .gradient = *gradient,
               .result = kernel_gradient};
  a.p.source = *source;
  int64_t outs = shape->out_channels, ins = shape->in_channels;
  a.groups = 1;
  while (ins * outs / a.groups > 16384 && outs / a.groups % 64 == 0) a.groups *= 2;
  a.pieces = cc_max(1, cc_min(PIECES / a.groups, a.p.chunks));
  a.sums = cc_memory(a.pieces * a.groups * CC_POINTS * cc_spread(ins * outs / a.groups));
  cc_parallel(a.pieces * a.groups, adjoint_work, &a);
  cc_parallel(outs / CC_LANES * ins, gradient_work, &a);
  free(a.sums);
}

#else

void cc_winograd_backward_kernel(const cc_winograd *shape, const cc_pixels *source, const cc_pixels *gradient,
                                 float *kernel_gradient) {
  abort();
}

#endif
