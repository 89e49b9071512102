#include "CCFunctions.h"
#include "functions.h"
#include "internal.h"

void cc_lstm_step(int64_t batch, int64_t size, const float *inputs, const float *recurrent, const float *cell,
                  float *new_state, float *new_cell) {
  for (int64_t b = 0; b < batch; b++) {
    const float *x = inputs + b * 4 * size, *h = recurrent + b * 4 * size;
    for (int64_t i = 0; i < size; i++) {
      float in = cc_sigmoid(x[i] + h[i]), out = cc_sigmoid(x[size + i] + h[size + i]);
      float forget = cc_sigmoid(x[2 * size + i] + h[2 * size + i]);
      float value = forget * cell[b * size + i] + in * cc_tanh(x[3 * size + i] + h[3 * size + i]);
      new_cell[b * size + i] = value;
      new_state[b * size + i] = out * cc_tanh(value);
    }
  }
}

void cc_gru_reset(int64_t batch, int64_t size, const float *inputs, const float *recurrent, const float *state,
                  float *result) {
  for (int64_t b = 0; b < batch; b++) {
    const float *x = inputs + b * 3 * size + size, *h = recurrent + b * 3 * size + size;
    for (int64_t i = 0; i < size; i++) result[b * size + i] = cc_sigmoid(x[i] + h[i]) * state[b * size + i];
  }
}

void cc_gru_step(int64_t batch, int64_t size, const float *inputs, const float *recurrent, const float *candidates,
                 bool resets, const float *state, float *new_state) {
  for (int64_t b = 0; b < batch; b++) {
    const float *x = inputs + b * 3 * size, *h = recurrent + b * 3 * size;
    for (int64_t i = 0; i < size; i++) {
      float keep = cc_sigmoid(x[i] + h[i]);
      float reset = resets ? cc_sigmoid(x[size + i] + h[size + i]) : 1;
      float candidate = cc_tanh(x[2 * size + i] + reset * candidates[b * size + i]);
      new_state[b * size + i] = (1 - keep) * candidate + keep * state[b * size + i];
    }
  }
}
