#include "internal.h"
#include <string.h>

typedef struct {
  int rank;
  const int64_t *counts, *from, *to;
  const float *source;
  float *destination;
} copying;

static void copy_axis(const copying *c, int axis, const float *source, float *destination) {
  int64_t count = c->counts[axis], from = c->from[axis], to = c->to[axis];
  if (axis + 1 < c->rank) {
    for (int64_t i = 0; i < count; i++) copy_axis(c, axis + 1, source + i * from, destination + i * to);
  } else if (from == 1 && to == 1) {
    memcpy(destination, source, count * sizeof(float));
  } else {
    for (int64_t i = 0; i < count; i++) destination[i * to] = source[i * from];
  }
}

static void copy_work(void *context, int64_t first, int64_t last) {
  const copying *c = context;
  for (int64_t i = first; i < last; i++) {
    copy_axis(c, 1, c->source + i * c->from[0], c->destination + i * c->to[0]);
  }
}

void cc_copy(int rank, const int64_t *counts, const float *source, const int64_t *source_strides, float *destination,
             const int64_t *destination_strides) {
  copying c = {rank, counts, source_strides, destination_strides, source, destination};
  for (int axis = 0; axis < rank; axis++) {
    if (counts[axis] == 0) return;
  }
  if (rank == 0) {
    *destination = *source;
  } else if (rank == 1) {
    copy_axis(&c, 0, source, destination);
  } else {
    cc_parallel(counts[0], copy_work, &c);
  }
}
