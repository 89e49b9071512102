#include "COneDNN.h"
#include <oneapi/dnnl/dnnl.h>

int od_matrix_product(bool transpose_a, bool transpose_b, int64_t rows, int64_t columns, int64_t inner, const float *a,
                      const float *b, float *result) {
  return (int)dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', rows, columns, inner, 1, a,
                         transpose_a ? rows : inner, b, transpose_b ? inner : columns, 0, result, columns);
}

void od_onednn_version(int version[3]) {
  const dnnl_version_t *loaded = dnnl_version();
  version[0] = loaded->major;
  version[1] = loaded->minor;
  version[2] = loaded->patch;
}
