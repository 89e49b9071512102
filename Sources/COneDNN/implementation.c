// What oneDNN would run for a convolution, without running it.
#include "COneDNN.h"
#include <oneapi/dnnl/dnnl.h>
#include <string.h>

typedef struct {
  dnnl_memory_desc_t source, kernel, destination;
  dnnl_dims_t strides, dilations, before, after;
} shapes;

static dnnl_status_t describe(const od_convolution *s, shapes *d) {
  dnnl_dims_t source = {s->batch, s->in_channels, s->in_height, s->in_width};
  dnnl_dims_t destination = {s->batch, s->out_channels, s->out_height, s->out_width};
  dnnl_dims_t kernel = {s->groups, s->out_channels / s->groups, s->in_channels / s->groups, s->kernel_height,
                        s->kernel_width};
  dnnl_dims_t strides = {s->stride_height, s->stride_width};
  dnnl_dims_t dilations = {s->dilation_height - 1, s->dilation_width - 1};
  dnnl_dims_t before = {s->pad_top, s->pad_left}, after = {s->pad_bottom, s->pad_right};
  memcpy(d->strides, strides, sizeof strides);
  memcpy(d->dilations, dilations, sizeof dilations);
  memcpy(d->before, before, sizeof before);
  memcpy(d->after, after, sizeof after);
  int skip = s->groups > 1 ? 0 : 1;
  dnnl_status_t status = dnnl_memory_desc_init_by_tag(&d->source, 4, source, dnnl_f32, dnnl_nhwc);
  if (!status) status = dnnl_memory_desc_init_by_tag(&d->destination, 4, destination, dnnl_f32, dnnl_nhwc);
  if (!status) {
    status = dnnl_memory_desc_init_by_tag(&d->kernel, 5 - skip, kernel + skip, dnnl_f32, dnnl_format_tag_any);
  }
  return status;
}

static dnnl_status_t create(const shapes *d, od_direction direction, dnnl_engine_t engine, dnnl_primitive_desc_t hint,
                            dnnl_primitive_desc_t *result) {
  dnnl_convolution_desc_t way;
  dnnl_status_t status;
  if (direction == OD_FORWARD) {
    status = dnnl_dilated_convolution_forward_desc_init(&way, dnnl_forward_training, dnnl_convolution_direct,
                                                        &d->source, &d->kernel, NULL, &d->destination, d->strides,
                                                        d->dilations, d->before, d->after);
  } else if (direction == OD_BACKWARD_SOURCE) {
    status = dnnl_dilated_convolution_backward_data_desc_init(&way, dnnl_convolution_direct, &d->source, &d->kernel,
                                                              &d->destination, d->strides, d->dilations, d->before,
                                                              d->after);
  } else {
    status = dnnl_dilated_convolution_backward_weights_desc_init(&way, dnnl_convolution_direct, &d->source,
                                                                 &d->kernel, NULL, &d->destination, d->strides,
                                                                 d->dilations, d->before, d->after);
  }
  return status ? status : dnnl_primitive_desc_create(result, &way, NULL, engine, hint);
}

int od_convolution_implementation(const od_convolution *shape, od_direction direction, char name[64]) {
  shapes d;
  dnnl_engine_t engine = NULL;
  dnnl_primitive_desc_t forward = NULL, wanted = NULL;
  const char *found = NULL;
  name[0] = 0;
  dnnl_status_t status = describe(shape, &d);
  if (!status) status = dnnl_engine_create(&engine, dnnl_cpu, 0);
  if (!status) status = create(&d, OD_FORWARD, engine, NULL, &forward);
  if (!status && direction != OD_FORWARD) status = create(&d, direction, engine, forward, &wanted);
  if (!status) {
    status = dnnl_primitive_desc_query(wanted ? wanted : forward, dnnl_query_impl_info_str, 0, &found);
  }
  if (!status) strncat(name, found, 63);
  if (wanted) dnnl_primitive_desc_destroy(wanted);
  if (forward) dnnl_primitive_desc_destroy(forward);
  if (engine) dnnl_engine_destroy(engine);
  return (int)status;
}
