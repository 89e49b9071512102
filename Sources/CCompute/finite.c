#include "internal.h"
#include <string.h>

// Elements that one thread looks at before it looks up.
enum { BLOCK = 65536 };

typedef struct {
  int64_t count;
  const float *x;
  // Only ever set, by whoever finds something: the answer does not depend on who that is.
  _Atomic bool found;
} search;

// Infinities and what is not a number have all bits of the exponent set.
CC_CLONES static uint32_t worst(const float *x, int64_t count) {
  uint32_t found = 0;
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof(bits));
    found |= (bits & 0x7f800000u) == 0x7f800000u;
  }
  return found;
}

static void search_work(void *context, int64_t first, int64_t last) {
  search *s = context;
  for (int64_t block = first; block < last && !s->found; block++) {
    int64_t start = block * BLOCK;
    if (worst(s->x + start, cc_min(s->count - start, BLOCK))) s->found = true;
  }
}

bool cc_all_finite(int64_t count, const float *x) {
  search s = {.count = count, .x = x, .found = false};
  cc_parallel((count + BLOCK - 1) / BLOCK, search_work, &s);
  return !s.found;
}
