#pragma once
#include "functions.h"

// Sums of rows in sixteen lanes, so that they become vector code and never depend on who adds them.
enum { LANES = 16 };

CC_INLINE float folded(float *lanes) {
  for (int width = LANES / 2; width > 0; width /= 2) {
    for (int lane = 0; lane < width; lane++) lanes[lane] += lanes[lane + width];
  }
  return lanes[0];
}
