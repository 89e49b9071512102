#include "CCMethods.h"
#include "functions.h"
#include "internal.h"
#include "lanes.h"
#include <float.h>

typedef struct {
  int64_t columns;
  float low, high;
  const float *weight;
  float *steps;
} rounding;

CC_INLINE float symbol(float x, float low, float high) {
  float y = x < low ? low : x;
  y = y > high ? high : y;
  // Adding 1.5 · 2^23 leaves the nearest whole number, halves going to the even one.
  return (y + 12582912.0f) - 12582912.0f;
}

// With T the symbols of w · inverse: along = Σ w · scale · T and size = Σ T². The best step for T is then along / size,
// and takes along² / size off the squared error.
CC_INLINE void project(int64_t columns, const float *restrict w, float scale, float inverse, float low, float high,
                       float *along, float *size) {
  float products[LANES] = {0}, squares[LANES] = {0}, product = 0, square = 0;
  int64_t c = 0;
  for (; c + LANES <= columns; c += LANES) {
    for (int lane = 0; lane < LANES; lane++) {
      float v = w[c + lane] * scale, t = symbol(v * inverse, low, high);
      products[lane] += v * t;
      squares[lane] += t * t;
    }
  }
  for (; c < columns; c++) {
    float v = w[c] * scale, t = symbol(v * inverse, low, high);
    product += v * t;
    square += t * t;
  }
  *along = folded(products) + product;
  *size = folded(squares) + square;
}

// Starting steps in geometric order, from one and a half times what the largest weight asks for; then some around the
// best, closer than what moves the largest symbol by one; then turns of rounding and fitting.
enum { STARTS = 64, TURNS = 16 };

typedef struct {
  float step, gain;
} candidate;

CC_INLINE candidate better(candidate best, float step, int64_t columns, const float *restrict w, float scale, float low,
                           float high) {
  float along, size;
  project(columns, w, scale, 1 / step, low, high, &along, &size);
  if (size > 0 && along * along > best.gain * size) return (candidate){along / size, along * along / size};
  return best;
}

CC_CLONES static float best_step(int64_t columns, const float *restrict w, float low, float high) {
  float largest = 0;
  for (int64_t c = 0; c < columns; c++) largest = fabsf(w[c]) > largest ? fabsf(w[c]) : largest;
  if (!(largest >= FLT_MIN)) return 0;
  // In units of the largest weight, so that no square leaves the range of floats.
  const float scale = 1 / largest;
  const float farthest = -low > high ? -low : high;
  float step = 1.5f / farthest;
  candidate best = {0, 0};
  for (int start = 0; start < STARTS; start++, step *= 0.95f) {
    best = better(best, step, columns, w, scale, low, high);
  }
  const int around = (int)(1.3f * farthest) + 2;
  const float middle = best.step;
  for (int near = 0; near < around && middle > 0; near++) {
    step = middle * (0.94f + 0.12f * near / (around - 1));
    best = better(best, step, columns, w, scale, low, high);
  }
  for (int turn = 0; turn < TURNS && best.step > 0; turn++) {
    candidate next = better(best, best.step, columns, w, scale, low, high);
    if (next.step == best.step) break;
    best = next;
  }
  return best.step * largest;
}

static void steps_work(void *context, int64_t first, int64_t last) {
  rounding *r = context;
  for (int64_t row = first; row < last; row++) {
    r->steps[row] = best_step(r->columns, r->weight + row * r->columns, r->low, r->high);
  }
}

void cc_least_squares_steps(int64_t rows, int64_t columns, float low, float high, const float *weight, float *steps) {
  rounding r = {columns, low, high, weight, steps};
  cc_parallel(rows, steps_work, &r);
}
