#pragma once
// Sixteen floats at once, as every compiler target has them in some form.
#include "internal.h"

enum { CC_LANES = 16 };
typedef float cc_lanes __attribute__((vector_size(CC_LANES * sizeof(float)), aligned(4)));
typedef int32_t cc_truths __attribute__((vector_size(CC_LANES * sizeof(int32_t)), aligned(4)));

#define CC_LOCAL __attribute__((always_inline)) static inline

// Not functions: vectors that are handed over by value would tie all of them to one instruction set.
#define cc_load(place) (*(const cc_lanes *)(place))
#define cc_store(place, vector) (*(cc_lanes *)(place) = (vector))
#define cc_all(number) ((cc_lanes){0} + (number))
// a where true, else b.
#define cc_pick(truths, a, b) ((cc_lanes)(((truths) & (cc_truths)(a)) | (~(truths) & (cc_truths)(b))))
