/* A user's program in C: sum of rewards 0.2 and 0.9, the second preferred; then a mistake and its sentence. */
#include <math.h>
#include <segpref/segpref.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  float step_rewards[5] = {0.1f, -0.2f, 0.3f, 0.5f, 0.4f}, labels[1] = {1.0f}, loss[1] = {0};
  int64_t offsets[3] = {0, 3, 5}, five = 5, three = 3, one = 1;
  DLTensor rewards_in = {.data = step_rewards, .device = {kDLCPU, 0}, .ndim = 1, .dtype = {kDLFloat, 32, 1}, .shape = &five};
  DLTensor offsets_in = {.data = offsets, .device = {kDLCPU, 0}, .ndim = 1, .dtype = {kDLInt, 64, 1}, .shape = &three};
  DLTensor labels_in = {.data = labels, .device = {kDLCPU, 0}, .ndim = 1, .dtype = {kDLFloat, 32, 1}, .shape = &one};
  DLTensor loss_out = {.data = loss, .device = {kDLCPU, 0}, .ndim = 1, .dtype = {kDLFloat, 32, 1}, .shape = &one};
  segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &offsets_in, .labels = &labels_in};
  segpref_preference_result result = {.struct_size = sizeof result, .loss = &loss_out};

  segpref_context* context = NULL;
  if (segpref_context_create(0, &context) != SEGPREF_OK) return 1;
  const int fine = segpref_preference_loss(context, &rewards_in, &batch, NULL, &result, NULL) == SEGPREF_OK;
  printf("segpref %s from C: loss %.6f\n", segpref_version(), loss[0]);
  labels[0] = 2;
  const int refused = segpref_preference_loss(context, &rewards_in, &batch, NULL, &result, NULL) == SEGPREF_INVALID_ARGUMENT;
  printf("as expected: %s\n", segpref_last_error());
  const int named = strcmp(segpref_last_error(), "labels[0] = 2 is outside [0, 1]") == 0;
  segpref_context_destroy(context);
  return fine && refused && named && fabs(loss[0] - log1p(exp(-0.7))) < 1e-6 ? 0 : 1;
}
