// 1 x 1 convolution of stride 1: a product of matrices, pixels by channels, whose pixels are worked out on the way
// (pixels.c), block by block in the cache.
//
//     y[p, o] = Σ kernel[o, c] · x[p, c]
//     dx[p, c] = Σ kernel[o, c] · dy[p, o],   dkernel[o, c] = Σ dy[p, o] · x[p, c]
//
// Sums over pixels are split by the shape alone: the result does not depend on the number of threads.
#include "pixels.h"
#include "products.h"
#include <string.h>

#if defined(__x86_64__)

// Pixels of a block, and how many pieces sums over pixels are cut into at most: work for as many threads.
enum { PIXELS = 64, PIECES = 8 };

// A block of pixels: where it lies in memory, or what was worked out of it.
static const float *worked_out(const cc_pixels *pixels, int64_t start, int64_t count, int64_t channels,
                               float *scratch) {
  if (!cc_are_deferred(pixels)) return pixels->values + start * channels;
  cc_work_out(pixels, start * channels, count, channels, scratch);
  return scratch;
}

static cc_pixels_ahead block_ahead(const cc_pixels *pixels, int64_t all, int64_t block, int64_t channels) {
  int64_t start = cc_min(block * PIXELS, all), count = cc_min(PIXELS, all - start);
  return cc_look_ahead(pixels, start * channels, count * channels);
}

// ---- products ----

typedef struct {
  int64_t pixels, inner, outer;
  const cc_pixels *source;
  const float *kernel;
  int64_t inner_step, outer_step;  // between the weights of neighbours, in the kernel's memory
  float *packed;                   // [outer / 32 or the rest / 16][inner][32 or 16], with zeros to the end
  float *result;
} product;

static int64_t block_of(const product *p, int64_t column) { return p->outer - column > CC_LANES ? 2 : 1; }

static void pack_work(void *context, int64_t first, int64_t last) {
  const product *p = context;
  for (int64_t k = first; k < last; k++) {
    for (int64_t column = 0; column < p->outer;) {
      int64_t block = block_of(p, column) * CC_LANES, count = cc_min(block, p->outer - column);
      float *target = p->packed + column * p->inner + k * block;
      const float *weights = p->kernel + k * p->inner_step + column * p->outer_step;
      for (int64_t o = 0; o < count; o++) target[o] = weights[o * p->outer_step];
      memset(target + count, 0, (block - count) * sizeof(float));
      column += block;
    }
  }
}

// Rows of the result for one block of its columns, the last vector of which may be narrower.
CC_AVX512 static void rows_of_block(int64_t rows, int64_t wide, __mmask16 last, int64_t inner, const float *v,
                                    const float *u, float *m, int64_t m_row) {
  int64_t row = 0;
  if (wide == 2) {
    for (; row + 8 <= rows; row += 8) {
      cc_product_block(8, 2, inner, v + row * inner, inner, u, m + row * m_row, m_row, last);
    }
    for (; row < rows; row++) cc_product_block(1, 2, inner, v + row * inner, inner, u, m + row * m_row, m_row, last);
  } else {
    for (; row + 16 <= rows; row += 16) {
      cc_product_block(16, 1, inner, v + row * inner, inner, u, m + row * m_row, m_row, last);
    }
    for (; row < rows; row++) cc_product_block(1, 1, inner, v + row * inner, inner, u, m + row * m_row, m_row, last);
  }
}

static __mmask16 lanes_left(int64_t columns) {
  int64_t over = columns % CC_LANES;
  return over ? (__mmask16)((1 << over) - 1) : 0xFFFF;
}

// The rows of the result from `start` on, from pixels that were worked out; while it fetches what comes next.
CC_AVX512 static void rows_of_result(const product *p, int64_t start, int64_t count, const float *v,
                                     cc_pixels_ahead next) {
  int64_t columns = (p->outer + 2 * CC_LANES - 1) / (2 * CC_LANES);
  for (int64_t column = 0, part = 0; column < p->outer; part++) {
    cc_fetch(next.values, part, columns, false);
    cc_fetch(next.x, part, columns, false);
    int64_t wide = block_of(p, column), width = cc_min(wide * CC_LANES, p->outer - column);
    rows_of_block(count, wide, lanes_left(width), p->inner, v, p->packed + column * p->inner,
                  p->result + start * p->outer + column, p->outer);
    column += wide * CC_LANES;
  }
}

static void product_work(void *context, int64_t first, int64_t last) {
  const product *p = context;
  float *scratch = cc_memory(PIXELS * p->inner);
  for (int64_t block = first; block < last; block++) {
    int64_t start = block * PIXELS, count = cc_min(PIXELS, p->pixels - start);
    const float *v = worked_out(p->source, start, count, p->inner, scratch);
    rows_of_result(p, start, count, v, block_ahead(p->source, p->pixels, block + 1, p->inner));
  }
  free(scratch);
}

static void pack(product *p) {
  p->packed = cc_memory(p->inner * cc_round_up(p->outer, CC_LANES));
  cc_parallel(p->inner, pack_work, p);
}

static void multiply(product *p) {
  pack(p);
  cc_parallel((p->pixels + PIXELS - 1) / PIXELS, product_work, p);
  free(p->packed);
}

void cc_pointwise_forward(const cc_pointwise *s, const cc_pixels *x, const float *kernel, float *y) {
  product p = {.pixels = s->pixels, .inner = s->in_channels, .outer = s->out_channels, .source = x, .kernel = kernel,
               .inner_step = 1, .outer_step = s->in_channels, .result = y};
  multiply(&p);
}

static product turned(const cc_pointwise *s, const cc_pixels *gradient, const float *kernel, float *result) {
  return (product){.pixels = s->pixels, .inner = s->out_channels, .outer = s->in_channels, .source = gradient,
                   .kernel = kernel, .inner_step = s->in_channels, .outer_step = 1, .result = result};
}

// ---- for the kernel's gradient ----

typedef struct {
  const cc_pointwise *s;
  const cc_pixels *x, *gradient;
  int64_t pieces, groups;  // of the blocks of pixels, and of the output channels: the tasks
  int64_t group;           // output channels a group, in sixteens
  float *sums;             // [pieces][groups][in][group]
  float *result;
  const product *back;     // for the image's gradient, from the same pixels; or null
} adjoint;

// sums[in, out] += Σ x[p, in] · d[p, out]; the last vector of d may be narrower. Meanwhile it fetches what comes next.
CC_AVX512 static void add_products(int64_t pixels, const float *x, int64_t ins, const float *d, int64_t d_step,
                                   int64_t outs, float *sums, int64_t row, cc_pixels_ahead next) {
  int64_t columns = (outs + 2 * CC_LANES - 1) / (2 * CC_LANES);
  for (int64_t column = 0, part = 0; column < outs; part++) {
    cc_fetch(next.values, part, columns, false);
    cc_fetch(next.x, part, columns, false);
    int64_t wide = outs - column > CC_LANES ? 2 : 1, width = cc_min(wide * CC_LANES, outs - column);
    __mmask16 last = lanes_left(width);
    for (int64_t in = 0; in < ins; in += 8) {
      float *m = sums + in * row + column;
      if (wide == 2) {
        cc_outer_block(8, 2, pixels, x + in, ins, d + column, d_step, m, row, last);
      } else {
        cc_outer_block(8, 1, pixels, x + in, ins, d + column, d_step, m, row, last);
      }
    }
    column += wide * CC_LANES;
  }
}

CC_AVX512 static void adjoint_work(void *context, int64_t first, int64_t last) {
  const adjoint *a = context;
  int64_t ins = a->s->in_channels, outs = a->s->out_channels, blocks = (a->s->pixels + PIXELS - 1) / PIXELS;
  float *x = cc_memory(PIXELS * ins), *d = cc_memory(PIXELS * outs);
  for (int64_t task = first; task < last; task++) {
    int64_t piece = task / a->groups, channel = task % a->groups * a->group;
    float *sums = a->sums + task * ins * a->group;
    memset(sums, 0, ins * a->group * sizeof(float));
    for (int64_t block = blocks * piece / a->pieces; block < blocks * (piece + 1) / a->pieces; block++) {
      int64_t start = block * PIXELS, count = cc_min(PIXELS, a->s->pixels - start);
      const float *gradient = worked_out(a->gradient, start, count, outs, d);
      if (a->back) rows_of_result(a->back, start, count, gradient, block_ahead(a->x, a->s->pixels, block, ins));
      const float *image = worked_out(a->x, start, count, ins, x);
      cc_pixels_ahead next = block_ahead(a->gradient, a->s->pixels, block + 1, outs);
      add_products(count, image, ins, gradient + channel, outs, cc_min(a->group, outs - channel), sums, a->group, next);
    }
  }
  free(d);
  free(x);
}

// Adds up the pieces in order, for sixteen output channels.
CC_AVX512 static void fold_work(void *context, int64_t first, int64_t last) {
  const adjoint *a = context;
  int64_t ins = a->s->in_channels, outs = a->s->out_channels, size = ins * a->group;
  for (int64_t o = first * CC_LANES; o < cc_min(last * CC_LANES, outs); o += CC_LANES) {
    const float *sums = a->sums + o / a->group * size + o % a->group;
    for (int64_t in = 0; in < ins; in++) {
      __m512 sum = _mm512_loadu_ps(sums + in * a->group);
      for (int64_t piece = 1; piece < a->pieces; piece++) {
        sum = _mm512_add_ps(sum, _mm512_loadu_ps(sums + piece * a->groups * size + in * a->group));
      }
      float lanes[CC_LANES];
      _mm512_storeu_ps(lanes, sum);
      for (int64_t lane = 0; lane < cc_min(CC_LANES, outs - o); lane++) a->result[(o + lane) * ins + in] = lanes[lane];
    }
  }
}

void cc_pointwise_backward(const cc_pointwise *s, const cc_pixels *x, const cc_pixels *gradient, const float *kernel,
                           float *source_gradient, float *kernel_gradient) {
  product back = turned(s, gradient, kernel, source_gradient);
  if (!kernel_gradient) return multiply(&back);
  adjoint a = {.s = s, .x = x, .gradient = gradient, .result = kernel_gradient};
  int64_t padded = cc_round_up(s->out_channels, CC_LANES);
  // Many pixels are shared among pieces of the sum; where they are few, pieces would cost more than they sum up.
  a.pieces = cc_max(1, cc_min(PIECES, s->pixels / (8 * PIXELS)));
  a.group = cc_round_up((padded + PIECES / a.pieces - 1) / (PIECES / a.pieces), 2 * CC_LANES);
  a.groups = (padded + a.group - 1) / a.group;
  // With one group the gradients are worked out once for both; with several, each of them would.
  bool isTogether = source_gradient && a.groups == 1;
  if (source_gradient && !isTogether) multiply(&back);
  if (isTogether) {
    pack(&back);
    a.back = &back;
  }
  a.sums = cc_memory(a.pieces * a.groups * s->in_channels * a.group);
  cc_parallel(a.pieces * a.groups, adjoint_work, &a);
  cc_parallel(padded / CC_LANES, fold_work, &a);
  free(a.sums);
  if (isTogether) free(back.packed);
}

#else

void cc_pointwise_forward(const cc_pointwise *s, const cc_pixels *x, const float *kernel, float *y) { abort(); }
void cc_pointwise_backward(const cc_pointwise *s, const cc_pixels *x, const cc_pixels *gradient, const float *kernel,
                           float *source_gradient, float *kernel_gradient) {
  abort();
}

#endif
