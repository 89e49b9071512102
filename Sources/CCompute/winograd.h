#pragma once
// Winograd's minimal filtering F(4 x 4, 3 x 3): what one tile and one product of matrices cost, in AVX-512.
#include "pixels.h"
#include "products.h"
#include <stdlib.h>

#if defined(__x86_64__)

// A tile has 6 x 6 points, and 4 x 4 pixels come out.
enum { CC_POINTS = 36, CC_EDGE = 6, CC_OUT = 4 };

// Bᵀ: six pixels of an image in a row to six points.
CC_INLINE void cc_image_line(const __m512 *d, int step, __m512 *r) {
  const __m512 two = _mm512_set1_ps(2), four = _mm512_set1_ps(4), five = _mm512_set1_ps(5);
  __m512 d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
  __m512 a = _mm512_fnmadd_ps(four, d2, d4), b = _mm512_fnmadd_ps(four, d1, d3);
  __m512 c = _mm512_sub_ps(d4, d2), e = _mm512_mul_ps(two, _mm512_sub_ps(d3, d1));
  r[0] = _mm512_fmadd_ps(four, d0, _mm512_fnmadd_ps(five, d2, d4));
  r[1] = _mm512_add_ps(a, b);
  r[2] = _mm512_sub_ps(a, b);
  r[3] = _mm512_add_ps(c, e);
  r[4] = _mm512_sub_ps(c, e);
  r[5] = _mm512_fmadd_ps(four, d1, _mm512_fnmadd_ps(five, d3, d5));
}

// Aᵀ: six points to four pixels.
CC_INLINE void cc_output_line(const __m512 *m, int step, __m512 *y) {
  const __m512 two = _mm512_set1_ps(2), four = _mm512_set1_ps(4), eight = _mm512_set1_ps(8);
  __m512 m1 = m[step], m2 = m[2 * step], m3 = m[3 * step], m4 = m[4 * step];
  __m512 s = _mm512_add_ps(m1, m2), t = _mm512_sub_ps(m1, m2);
  __m512 u = _mm512_add_ps(m3, m4), v = _mm512_sub_ps(m3, m4);
  y[0] = _mm512_add_ps(m[0], _mm512_add_ps(s, u));
  y[1] = _mm512_fmadd_ps(two, v, t);
  y[2] = _mm512_fmadd_ps(four, u, s);
  y[3] = _mm512_add_ps(_mm512_fmadd_ps(eight, v, t), m[5 * step]);
}

// A, its adjoint: the gradients of four pixels to those of six points.
CC_INLINE void cc_output_adjoint(const __m512 *g, int step, __m512 *r) {
  const __m512 two = _mm512_set1_ps(2), four = _mm512_set1_ps(4), eight = _mm512_set1_ps(8);
  __m512 g0 = g[0], g1 = g[step], g2 = g[2 * step], g3 = g[3 * step];
  __m512 even = _mm512_add_ps(g0, g2), odd = _mm512_add_ps(g1, g3);
  __m512 far = _mm512_fmadd_ps(four, g2, g0), side = _mm512_fmadd_ps(eight, g3, _mm512_mul_ps(two, g1));
  r[0] = g0;
  r[1] = _mm512_add_ps(even, odd);
  r[2] = _mm512_sub_ps(even, odd);
  r[3] = _mm512_add_ps(far, side);
  r[4] = _mm512_sub_ps(far, side);
  r[5] = g3;
}

// G: three weights in a row to six points.
CC_INLINE void cc_kernel_line(const __m512 *g, int step, __m512 *u) {
  const __m512 quarter = _mm512_set1_ps(1 / 4.0f), sixth = _mm512_set1_ps(1 / 6.0f);
  const __m512 twelfth = _mm512_set1_ps(1 / 12.0f), small = _mm512_set1_ps(1 / 24.0f);
  __m512 g0 = g[0], g1 = g[step], g2 = g[2 * step];
  __m512 outer = _mm512_mul_ps(sixth, _mm512_add_ps(g0, g2)), middle = _mm512_mul_ps(sixth, g1);
  __m512 far = _mm512_fmadd_ps(small, g0, _mm512_mul_ps(sixth, g2)), side = _mm512_mul_ps(twelfth, g1);
  const __m512 zero = _mm512_setzero_ps();
  u[0] = _mm512_mul_ps(quarter, g0);
  u[1] = _mm512_sub_ps(zero, _mm512_add_ps(outer, middle));
  u[2] = _mm512_sub_ps(middle, outer);
  u[3] = _mm512_add_ps(far, side);
  u[4] = _mm512_sub_ps(far, side);
  u[5] = g2;
}

// Gᵀ, its adjoint: the gradients of six points to those of three weights.
CC_INLINE void cc_kernel_adjoint(const __m512 *m, int step, __m512 *g) {
  const __m512 quarter = _mm512_set1_ps(1 / 4.0f), sixth = _mm512_set1_ps(1 / 6.0f);
  const __m512 twelfth = _mm512_set1_ps(1 / 12.0f), small = _mm512_set1_ps(1 / 24.0f);
  __m512 m1 = m[step], m2 = m[2 * step], m3 = m[3 * step], m4 = m[4 * step];
  __m512 near = _mm512_add_ps(m1, m2), far = _mm512_add_ps(m3, m4);
  g[0] = _mm512_fmadd_ps(quarter, m[0], _mm512_fmsub_ps(small, far, _mm512_mul_ps(sixth, near)));
  g[1] = _mm512_fmadd_ps(sixth, _mm512_sub_ps(m2, m1), _mm512_mul_ps(twelfth, _mm512_sub_ps(m3, m4)));
  g[2] = _mm512_fmadd_ps(sixth, _mm512_sub_ps(far, near), m[5 * step]);
}

// ---- rows of tiles ----

// A convolution cut into tiles. A row of tiles is the unit of everything: rows follow each other through the images of
// the batch, a chunk is some rows that go through all steps together, and their pixels lie in memory in one piece.
typedef struct {
  cc_winograd s;
  int64_t tiles_high, tiles_wide, rows;
  int64_t chunk, chunks;  // rows of tiles
  int64_t width;          // vectors of output channels in a block: 1 or 2
  cc_pixels source;
  const float *kernel, *bias;
  float *destination;
  float *points;          // the kernel's [36][out / block][in][block]
  bool turned;
} cc_plan;

// Powers of two apart, the 36 points of a tile would fall on the same lines of the cache.
static inline int64_t cc_spread(int64_t floats) { return floats + CC_LANES; }

// The plan of a convolution with chunks of about so many tiles.
cc_plan cc_winograd_plan(const cc_winograd *shape, int64_t tiles);

// What lies in memory for the lines that rows first ..< end of tiles will be the first to read, where each row reads
// `overlap` lines of the one before.
cc_pixels_ahead cc_rows_ahead(const cc_lines *lines, int64_t tiles_high, int64_t first, int64_t end, int64_t overlap);
// The points of a row of tiles: target[point · step + tile · tile_step + channel]. half holds 6 · columns vectors.
void cc_image_points(cc_lines *lines, int64_t image, int64_t row, int64_t tiles, float *half, float *target,
                     int64_t step, int64_t tile_step);
#endif
