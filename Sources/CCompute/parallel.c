#include "internal.h"
#include <malloc.h>

// libgomp's own entry points: the pool is then the one that oneDNN runs on, and nothing needs -fopenmp.
extern void GOMP_parallel(void (*body)(void *), void *context, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int count);

int cc_thread_count(void) { return omp_get_max_threads(); }
void cc_set_thread_count(int count) { omp_set_num_threads(count); }

void cc_keep_memory(void) {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, INT32_MAX);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

void cc_release_memory(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

typedef struct {
  cc_work work;
  void *context;
  int64_t pieces;
} team;

static void body(void *context) {
  team *shared = context;
  int64_t threads = omp_get_num_threads(), me = omp_get_thread_num();
  int64_t first = shared->pieces * me / threads, last = shared->pieces * (me + 1) / threads;
  if (first < last) shared->work(shared->context, first, last);
}

void cc_parallel(int64_t pieces, cc_work work, void *context) {
  if (pieces < 2 || omp_get_max_threads() < 2) {
    if (pieces > 0) work(context, 0, pieces);
    return;
  }
  team shared = {work, context, pieces};
  GOMP_parallel(body, &shared, 0, 0);
}
