// How many multiply-adds the processor can do: chains of them that wait for nothing but themselves.
#include "internal.h"

// Enough chains to hide the latency of one multiply-add, few enough to stay in registers.
#define CHAINS_OF(name, attributes, bytes, chains)                                             \
  attributes static float name(int64_t rounds) {                                              \
    typedef float vector __attribute__((vector_size(bytes)));                                  \
    vector sums[chains], factor, summand;                                                      \
    for (int lane = 0; lane < (int)(bytes / sizeof(float)); lane++) {                          \
      factor[lane] = 0.999f;                                                                   \
      summand[lane] = 0.001f;                                                                  \
    }                                                                                          \
    for (int chain = 0; chain < chains; chain++) sums[chain] = summand * (float)chain;         \
    for (int64_t round = 0; round < rounds; round++) {                                         \
      _Pragma("clang loop unroll(full)") for (int chain = 0; chain < chains; chain++) {        \
        sums[chain] = sums[chain] * factor + summand;                                          \
      }                                                                                        \
    }                                                                                          \
    float result = 0;                                                                          \
    for (int chain = 0; chain < chains; chain++) result += sums[chain][0];                     \
    return result;                                                                             \
  }

#if defined(__x86_64__)
CHAINS_OF(chains_512, __attribute__((target("avx512f"))), 64, 12)
CHAINS_OF(chains_256, __attribute__((target("avx2,fma"))), 32, 12)
#endif
CHAINS_OF(chains_128, , 16, 12)
enum { CHAINS = 12, PIECES_A_THREAD = 4 };

typedef struct {
  float (*run)(int64_t rounds);
  int64_t rounds;
} measuring;

static void measure_work(void *context, int64_t first, int64_t last) {
  measuring *m = context;
  static volatile float sink;
  // The result goes somewhere, or the compiler would compute nothing.
  for (int64_t piece = first; piece < last; piece++) sink = m->run(m->rounds);
  (void)sink;
}

int64_t cc_run_multiply_adds(int64_t rounds) {
  int64_t lanes = 4;
  measuring m = {chains_128, rounds};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    lanes = 16;
    m.run = chains_512;
  } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    lanes = 8;
    m.run = chains_256;
  }
#endif
  int64_t pieces = (int64_t)cc_thread_count() * PIECES_A_THREAD;
  cc_parallel(pieces, measure_work, &m);
  return pieces * rounds * CHAINS * lanes;
}
