#pragma once
#include "CCompute.h"

// The same C compiled for several instruction sets; the loader picks one.
#if defined(__x86_64__) && defined(__linux__)
#define CC_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CC_CLONES
#endif

// Rows are cut into this many pieces for sums, whatever the number of threads, so that a sum never depends on it.
enum { CC_SUM_PIECES = 64 };

static inline int64_t cc_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t cc_max(int64_t a, int64_t b) { return a > b ? a : b; }
