// Convolution through oneDNN. Images stay [batch, height, width, channels]; oneDNN chooses the layout of the kernel,
// and the kernel is reordered at each call, because in training it has changed since the last one.
//
// Creating a primitive costs much more than a small convolution, so primitives are kept by shape: for each thread its
// own, since oneDNN gives each thread its own scratch memory.
#include "COneDNN.h"
#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef enum { FORWARD, FORWARD_BIAS, BACKWARD_SOURCE, BACKWARD_KERNEL, BACKWARD_KERNEL_BIAS } direction;

// A primitive with the memory objects that it reads and writes; their addresses are set at each call.
typedef struct entry {
  od_convolution shape;
  direction way;
  dnnl_primitive_t compute, reorder;
  // plain is the kernel as the caller holds it, chosen as oneDNN wants it; the same object where they agree.
  dnnl_memory_t source, plain, chosen, bias, destination;
  struct entry *next;
} entry;

typedef struct {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  entry *entries;
  int count;
} cache;

// More shapes than any one network and its gradients have; past it the cache starts again.
enum { CAPACITY = 1024 };

#define CHECK(call)                                  \
  do {                                               \
    dnnl_status_t status_ = (call);                  \
    if (status_ != dnnl_success) return (int)status_; \
  } while (0)

static void destroy_entry(entry *e) {
  if (e->compute) dnnl_primitive_destroy(e->compute);
  if (e->reorder) dnnl_primitive_destroy(e->reorder);
  if (e->chosen && e->chosen != e->plain) dnnl_memory_destroy(e->chosen);
  dnnl_memory_t memories[] = {e->source, e->plain, e->bias, e->destination};
  for (int i = 0; i < 4; i++) {
    if (memories[i]) dnnl_memory_destroy(memories[i]);
  }
  free(e);
}

static void clear(cache *c) {
  while (c->entries) {
    entry *e = c->entries;
    c->entries = e->next;
    destroy_entry(e);
  }
  c->count = 0;
}

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void destroy_cache(void *value) {
  cache *c = value;
  clear(c);
  if (c->stream) dnnl_stream_destroy(c->stream);
  if (c->engine) dnnl_engine_destroy(c->engine);
  free(c);
}
static void make_key(void) { pthread_key_create(&key, destroy_cache); }

static int thread_cache(cache **result) {
  pthread_once(&once, make_key);
  cache *c = pthread_getspecific(key);
  if (!c) {
    c = calloc(1, sizeof(cache));
    pthread_setspecific(key, c);
  }
  if (!c->engine) CHECK(dnnl_engine_create(&c->engine, dnnl_cpu, 0));
  if (!c->stream) CHECK(dnnl_stream_create(&c->stream, c->engine, dnnl_stream_default_flags));
  *result = c;
  return 0;
}

typedef struct {
  dnnl_memory_desc_t source, plain, any, bias, destination;
  dnnl_dims_t strides, dilations, before, after;
} descriptors;

static int describe(const od_convolution *s, descriptors *d) {
  dnnl_dims_t source = {s->batch, s->in_channels, s->in_height, s->in_width};
  dnnl_dims_t destination = {s->batch, s->out_channels, s->out_height, s->out_width};
  dnnl_dims_t kernel = {s->out_channels, s->in_channels, s->kernel_height, s->kernel_width};
  dnnl_dims_t grouped = {s->groups, s->out_channels / s->groups, s->in_channels / s->groups, s->kernel_height,
                         s->kernel_width};
  bool groups = s->groups > 1;
  dnnl_dims_t bias = {s->out_channels};
  CHECK(dnnl_memory_desc_init_by_tag(&d->source, 4, source, dnnl_f32, dnnl_nhwc));
  CHECK(dnnl_memory_desc_init_by_tag(&d->destination, 4, destination, dnnl_f32, dnnl_nhwc));
  CHECK(dnnl_memory_desc_init_by_tag(&d->plain, groups ? 5 : 4, groups ? grouped : kernel, dnnl_f32,
                                     groups ? dnnl_goihw : dnnl_oihw));
  CHECK(dnnl_memory_desc_init_by_tag(&d->any, groups ? 5 : 4, groups ? grouped : kernel, dnnl_f32,
                                     dnnl_format_tag_any));
  CHECK(dnnl_memory_desc_init_by_tag(&d->bias, 1, bias, dnnl_f32, dnnl_x));
  dnnl_dim_t pairs[4][2] = {{s->stride_height, s->stride_width},
                            {s->dilation_height - 1, s->dilation_width - 1},
                            {s->pad_top, s->pad_left},
                            {s->pad_bottom, s->pad_right}};
  dnnl_dim_t *targets[4] = {d->strides, d->dilations, d->before, d->after};
  for (int i = 0; i < 4; i++) memcpy(targets[i], pairs[i], sizeof(pairs[i]));
  return 0;
}

static int forward_descriptor(const descriptors *d, direction way, dnnl_engine_t engine,
                              dnnl_primitive_desc_t *result) {
  dnnl_convolution_desc_t forward;
  dnnl_prop_kind_t kind = way <= FORWARD_BIAS ? dnnl_forward_inference : dnnl_forward_training;
  CHECK(dnnl_dilated_convolution_forward_desc_init(&forward, kind, dnnl_convolution_direct, &d->source, &d->any,
                                                   way == FORWARD_BIAS ? &d->bias : NULL, &d->destination, d->strides,
                                                   d->dilations, d->before, d->after));
  CHECK(dnnl_primitive_desc_create(result, &forward, NULL, engine, NULL));
  return 0;
}

static int backward_descriptor(const descriptors *d, direction way, dnnl_engine_t engine, dnnl_primitive_desc_t hint,
                               dnnl_primitive_desc_t *result) {
  dnnl_convolution_desc_t backward;
  if (way == BACKWARD_SOURCE) {
    CHECK(dnnl_dilated_convolution_backward_data_desc_init(&backward, dnnl_convolution_direct, &d->source, &d->any,
                                                           &d->destination, d->strides, d->dilations, d->before,
                                                           d->after));
  } else {
    CHECK(dnnl_dilated_convolution_backward_weights_desc_init(
        &backward, dnnl_convolution_direct, &d->source, &d->any, way == BACKWARD_KERNEL_BIAS ? &d->bias : NULL,
        &d->destination, d->strides, d->dilations, d->before, d->after));
  }
  CHECK(dnnl_primitive_desc_create(result, &backward, NULL, engine, hint));
  return 0;
}

static int make_reorder(entry *e, dnnl_engine_t engine, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to) {
  dnnl_primitive_desc_t descriptor;
  CHECK(dnnl_reorder_primitive_desc_create(&descriptor, from, engine, to, engine, NULL));
  dnnl_status_t status = dnnl_primitive_create(&e->reorder, descriptor);
  dnnl_primitive_desc_destroy(descriptor);
  return (int)status;
}

static int make_memories(entry *e, dnnl_engine_t engine, const descriptors *d, const dnnl_memory_desc_t *chosen) {
  CHECK(dnnl_memory_create(&e->source, &d->source, engine, DNNL_MEMORY_NONE));
  CHECK(dnnl_memory_create(&e->destination, &d->destination, engine, DNNL_MEMORY_NONE));
  CHECK(dnnl_memory_create(&e->bias, &d->bias, engine, DNNL_MEMORY_NONE));
  CHECK(dnnl_memory_create(&e->plain, &d->plain, engine, DNNL_MEMORY_NONE));
  if (dnnl_memory_desc_equal(chosen, &d->plain)) {
    e->chosen = e->plain;
    return 0;
  }
  CHECK(dnnl_memory_create(&e->chosen, chosen, engine, DNNL_MEMORY_ALLOCATE));
  bool outwards = e->way >= BACKWARD_KERNEL;
  return make_reorder(e, engine, outwards ? chosen : &d->plain, outwards ? &d->plain : chosen);
}

static int fill(entry *e, dnnl_engine_t engine) {
  descriptors d;
  memset(&d, 0, sizeof(d));
  CHECK(describe(&e->shape, &d));
  dnnl_primitive_desc_t forward = NULL, backward = NULL;
  int status = forward_descriptor(&d, e->way, engine, &forward);
  if (status == 0 && e->way > FORWARD_BIAS) status = backward_descriptor(&d, e->way, engine, forward, &backward);
  dnnl_primitive_desc_t used = backward ? backward : forward;
  if (status == 0) status = dnnl_primitive_create(&e->compute, used);
  if (status == 0) {
    dnnl_query_t what = e->way >= BACKWARD_KERNEL ? dnnl_query_diff_weights_md : dnnl_query_weights_md;
    status = make_memories(e, engine, &d, dnnl_primitive_desc_query_md(used, what, 0));
  }
  if (forward) dnnl_primitive_desc_destroy(forward);
  if (backward) dnnl_primitive_desc_destroy(backward);
  return status;
}

static int find(cache *c, const od_convolution *shape, direction way, entry **result) {
  for (entry *e = c->entries; e; e = e->next) {
    if (e->way == way && memcmp(&e->shape, shape, sizeof(*shape)) == 0) {
      *result = e;
      return 0;
    }
  }
  if (c->count >= CAPACITY) clear(c);
  entry *e = calloc(1, sizeof(entry));
  e->shape = *shape;
  e->way = way;
  int status = fill(e, c->engine);
  if (status != 0) {
    destroy_entry(e);
    return status;
  }
  e->next = c->entries;
  c->entries = e;
  c->count++;
  *result = e;
  return 0;
}

static int reorder(cache *c, entry *e, bool outwards) {
  if (!e->reorder) return 0;
  dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, outwards ? e->chosen : e->plain},
                                 {DNNL_ARG_TO, outwards ? e->plain : e->chosen}};
  return (int)dnnl_primitive_execute(e->reorder, c->stream, 2, arguments);
}

// Points the memory objects at the caller's arrays. oneDNN does not write through those that it only reads.
static int bind(entry *e, const float *source, const float *kernel, const float *bias, const float *destination) {
  CHECK(dnnl_memory_set_data_handle(e->source, (void *)source));
  CHECK(dnnl_memory_set_data_handle(e->plain, (void *)kernel));
  CHECK(dnnl_memory_set_data_handle(e->bias, (void *)bias));
  CHECK(dnnl_memory_set_data_handle(e->destination, (void *)destination));
  return 0;
}

int od_convolution_forward(const od_convolution *shape, const float *source, const float *kernel, const float *bias,
                           float *destination) {
  cache *c;
  entry *e;
  CHECK(thread_cache(&c));
  CHECK(find(c, shape, bias ? FORWARD_BIAS : FORWARD, &e));
  CHECK(bind(e, source, kernel, bias, destination));
  CHECK(reorder(c, e, false));
  dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, e->source},
                                 {DNNL_ARG_WEIGHTS, e->chosen},
                                 {DNNL_ARG_DST, e->destination},
                                 {DNNL_ARG_BIAS, e->bias}};
  CHECK(dnnl_primitive_execute(e->compute, c->stream, bias ? 4 : 3, arguments));
  return (int)dnnl_stream_wait(c->stream);
}

int od_convolution_backward_source(const od_convolution *shape, const float *gradient, const float *kernel,
                                   float *source_gradient) {
  cache *c;
  entry *e;
  CHECK(thread_cache(&c));
  CHECK(find(c, shape, BACKWARD_SOURCE, &e));
  CHECK(bind(e, source_gradient, kernel, NULL, gradient));
  CHECK(reorder(c, e, false));
  dnnl_exec_arg_t arguments[] = {
      {DNNL_ARG_DIFF_DST, e->destination}, {DNNL_ARG_WEIGHTS, e->chosen}, {DNNL_ARG_DIFF_SRC, e->source}};
  CHECK(dnnl_primitive_execute(e->compute, c->stream, 3, arguments));
  return (int)dnnl_stream_wait(c->stream);
}

int od_convolution_backward_kernel(const od_convolution *shape, const float *source, const float *gradient,
                                   float *kernel_gradient, float *bias_gradient) {
  cache *c;
  entry *e;
  CHECK(thread_cache(&c));
  CHECK(find(c, shape, bias_gradient ? BACKWARD_KERNEL_BIAS : BACKWARD_KERNEL, &e));
  CHECK(bind(e, source, kernel_gradient, bias_gradient, gradient));
  dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, e->source},
                                 {DNNL_ARG_DIFF_DST, e->destination},
                                 {DNNL_ARG_DIFF_WEIGHTS, e->chosen},
                                 {DNNL_ARG_DIFF_BIAS, e->bias}};
  CHECK(dnnl_primitive_execute(e->compute, c->stream, bias_gradient ? 4 : 3, arguments));
  CHECK(reorder(c, e, true));
  return (int)dnnl_stream_wait(c->stream);
}
