/* Every way in which a DLTensor can be wrong, with its sentence; nothing is written. */
#include "check.h"

typedef struct Call {
  float rewards[4], labels[1], loss[1], grad[4];
  int64_t offsets[3];
  int64_t shape[5], strides[5];
  DLTensor step_rewards, o, y, l, g;
} Call;

static const float untouched = 7;

static Call valid_call(void) {
  Call call = {.rewards = {1, 2, 3, 4}, .labels = {1}, .loss = {7}, .grad = {7, 7, 7, 7}, .offsets = {0, 2, 4}};
  return call;
}

/* Tensors point into the call itself, so they are made where it has come to rest. */
static void make_tensors(Call* call) {
  static int64_t one[1] = {1}, three[1] = {3}, four[1] = {4};
  call->shape[0] = 4;
  call->strides[0] = 1;
  call->step_rewards = (DLTensor){call->rewards, {kDLCPU, 0}, 1, {kDLFloat, 32, 1}, call->shape, NULL, 0};
  call->o = (DLTensor){call->offsets, {kDLCPU, 0}, 1, {kDLInt, 64, 1}, three, NULL, 0};
  call->y = (DLTensor){call->labels, {kDLCPU, 0}, 1, {kDLFloat, 32, 1}, one, NULL, 0};
  call->l = (DLTensor){call->loss, {kDLCPU, 0}, 1, {kDLFloat, 32, 1}, one, NULL, 0};
  call->g = (DLTensor){call->grad, {kDLCPU, 0}, 1, {kDLFloat, 32, 1}, four, NULL, 0};
}

static segpref_status run(segpref_context* context, const Call* call) {
  segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &call->o, .labels = &call->y};
  segpref_preference_result result = {.struct_size = sizeof result, .loss = &call->l};
  return segpref_preference_loss(context, &call->step_rewards, &batch, NULL, &result, &call->g);
}

/* A call in which `spoil` has broken one thing. */
#define REFUSED(status, words, spoil)                        \
  do {                                                       \
    Call call = valid_call();                                \
    make_tensors(&call);                                     \
    spoil;                                                   \
    CHECK_FAILS(run(context, &call), status, words);         \
    CHECK(call.loss[0] == untouched);                        \
    for (int i = 0; i < 4; ++i) CHECK(call.grad[i] == untouched); \
  } while (0)

int main(void) {
  segpref_context* context = make_context(1);
  Call good = valid_call();
  make_tensors(&good);
  CHECK_OK(run(context, &good));
  CHECK(good.loss[0] != untouched && good.grad[3] != untouched);

  /* ndim, shape, strides */
  REFUSED(SEGPREF_INVALID_ARGUMENT, "step_rewards has 0 axes; 1 to 4 are supported (NULL stands for absent)", call.step_rewards.ndim = 0);
  REFUSED(SEGPREF_INVALID_ARGUMENT, "step_rewards has 5 axes", call.step_rewards.ndim = 5);
  REFUSED(SEGPREF_INVALID_ARGUMENT, "labels has -1 axes", call.y.ndim = -1);
  REFUSED(SEGPREF_INVALID_ARGUMENT, "step_rewards has shape [4, 1, 1]", (call.step_rewards.ndim = 3, call.shape[1] = call.shape[2] = 1));
  REFUSED(SEGPREF_INVALID_ARGUMENT, "grad_step_rewards has a NULL shape", call.g.shape = NULL);
  REFUSED(SEGPREF_INVALID_ARGUMENT, "step_rewards has a negative extent: shape [-4]", call.shape[0] = -4);
  REFUSED(SEGPREF_INVALID_ARGUMENT, "overflows 2^63", call.shape[0] = INT64_MAX);
  REFUSED(SEGPREF_INVALID_ARGUMENT, "overflows 2^63", (call.step_rewards.ndim = 2, call.shape[0] = call.shape[1] = (int64_t)1 << 40));
  REFUSED(SEGPREF_INVALID_ARGUMENT, "overflows 2^63",
          (call.step_rewards.ndim = 3, call.shape[0] = call.shape[1] = call.shape[2] = (int64_t)1 << 40));
  REFUSED(SEGPREF_INVALID_ARGUMENT, "step_rewards is strided [2]", (call.step_rewards.strides = call.strides, call.strides[0] = 2));
  REFUSED(SEGPREF_INVALID_ARGUMENT, "step_rewards is strided [-1]", (call.step_rewards.strides = call.strides, call.strides[0] = -1));
  REFUSED(SEGPREF_INVALID_ARGUMENT, "loss has shape [1]; it must be [num_members] = [2]", 
          (call.step_rewards.ndim = 2, call.shape[0] = call.shape[1] = 2, call.offsets[1] = call.offsets[2] = 2));

  /* data and byte_offset */
  REFUSED(SEGPREF_INVALID_ARGUMENT, "step_rewards is null with shape [4]", call.step_rewards.data = NULL);
  REFUSED(SEGPREF_INVALID_ARGUMENT, "labels is null", call.y.data = NULL);
  REFUSED(SEGPREF_INVALID_ARGUMENT, "loss is null", call.l.data = NULL);
  REFUSED(SEGPREF_INVALID_ARGUMENT, "step_rewards is null", (call.step_rewards.data = NULL, call.step_rewards.byte_offset = 64)); /* NULL stays NULL */
  REFUSED(SEGPREF_INVALID_ARGUMENT, "step_rewards is not aligned to its elements of 4 bytes", call.step_rewards.byte_offset = 2);
  REFUSED(SEGPREF_INVALID_ARGUMENT, "step_rewards has byte_offset 18446744073709551615, which leads past the end of memory", call.step_rewards.byte_offset = UINT64_MAX);

  /* dtype */
  REFUSED(SEGPREF_INVALID_TYPE, "step_rewards has 4 lanes; lanes must be 1", call.step_rewards.dtype.lanes = 4);
  REFUSED(SEGPREF_INVALID_TYPE, "step_rewards has 0 lanes", call.step_rewards.dtype.lanes = 0);
  REFUSED(SEGPREF_INVALID_TYPE, "offsets has DLPack dtype code 1 with 32 bits", call.o.dtype = ((DLDataType){kDLUInt, 32, 1}));
  REFUSED(SEGPREF_INVALID_TYPE, "step_rewards has DLPack dtype code 2 with 8 bits", call.step_rewards.dtype.bits = 8);
  REFUSED(SEGPREF_INVALID_TYPE, "step_rewards has DLPack dtype code 255", call.step_rewards.dtype.code = 255);
  REFUSED(SEGPREF_INVALID_TYPE, "offsets has dtype f64; it takes i32, i64", call.o.dtype.code = kDLFloat);
  REFUSED(SEGPREF_INVALID_TYPE, "step_rewards has dtype i32", call.step_rewards.dtype.code = kDLInt);
  REFUSED(SEGPREF_INVALID_TYPE, "loss has dtype i32; it takes f32", call.l.dtype.code = kDLInt);

  /* device */
  REFUSED(SEGPREF_INVALID_TYPE, "step_rewards lives on DLPack device type 10", call.step_rewards.device.device_type = kDLROCM);
  REFUSED(SEGPREF_INVALID_TYPE, "labels lives on DLPack device type 0", memset(&call.y.device.device_type, 0, sizeof call.y.device.device_type));
  REFUSED(SEGPREF_INVALID_TYPE, "labels lives on cuda:1 and step_rewards on the CPU: all tensors of a call live on one device",
          call.y.device = ((DLDevice){kDLCUDA, 1}));
  REFUSED(SEGPREF_INVALID_TYPE, "offsets lives on the CPU and step_rewards on cuda:0", call.step_rewards.device = ((DLDevice){kDLCUDA, 0}));

  /* values */
  REFUSED(SEGPREF_INVALID_ARGUMENT, "offsets[2] = 5 is outside [0, 4] (num_steps)", call.offsets[2] = 5);
  REFUSED(SEGPREF_INVALID_ARGUMENT, "labels[0] = 2 is outside [0, 1]", call.labels[0] = 2);
  segpref_context_destroy(context);
  return finish();
}
