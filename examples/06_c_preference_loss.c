/* The loss of one comparison and its gradient from C: the README's example on DLPack tensors. */
#include <segpref/segpref.h>
#include <stdio.h>

/* A contiguous one-dimensional tensor in the memory of the CPU. */
static DLTensor vector_of(void* data, int64_t* size, DLDataTypeCode code, uint8_t bits) {
  DLTensor tensor = {.data = data, .device = {kDLCPU, 0}, .ndim = 1, .dtype = {(uint8_t)code, bits, 1}, .shape = size};
  return tensor;
}

int main(void) {
  /* Two segments of three and two steps; your own model produced their rewards; the second one was preferred. */
  float step_rewards[5] = {0.1f, -0.2f, 0.3f, 0.5f, 0.4f};
  int64_t offsets[3] = {0, 3, 5};
  float labels[1] = {1.0f};
  float loss[1], grad[5];
  int64_t num_steps = 5, num_offsets = 3, num_pairs = 1, num_members = 1;
  DLTensor rewards_in = vector_of(step_rewards, &num_steps, kDLFloat, 32), offsets_in = vector_of(offsets, &num_offsets, kDLInt, 64);
  DLTensor labels_in = vector_of(labels, &num_pairs, kDLFloat, 32), loss_out = vector_of(loss, &num_members, kDLFloat, 32);
  DLTensor grad_out = vector_of(grad, &num_steps, kDLFloat, 32);

  segpref_context* context = NULL;
  if (segpref_context_create(0, &context) != SEGPREF_OK) { /* one thread per core */
    fprintf(stderr, "%s\n", segpref_last_error());
    return 1;
  }
  segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &offsets_in, .labels = &labels_in};
  segpref_preference_result result = {.struct_size = sizeof result, .loss = &loss_out};
  const segpref_status status = segpref_preference_loss(context, &rewards_in, &batch, NULL, &result, &grad_out);
  if (status == SEGPREF_OK) printf("loss %.6f, gradient of the first step %.6f\n", loss[0], grad[0]);
  else fprintf(stderr, "%s\n", segpref_last_error());
  segpref_context_destroy(context);
  return status == SEGPREF_OK ? 0 : 1;
}
