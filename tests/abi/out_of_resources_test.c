/* Neither a workspace that cannot be had nor threads that do not start end the program: a status, a sentence, and everything goes on. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <sys/resource.h>

#include "check.h"

enum { feature_dim = 16384, num_segments = 1 << 16 };

/* The sums of the features of so many segments take 4 GiB, whatever the segments hold. */
static void a_workspace_may_be_refused(segpref_context* context) {
  static int32_t begins[num_segments], lengths[num_segments];
  static float x[feature_dim], w[feature_dim];
  float labels[1] = {1}, loss[1] = {7};
  DLTensor features = F32(x, 1, feature_dim), weight = F32(w, feature_dim), b = I32(begins, num_segments), n = I32(lengths, num_segments);
  DLTensor y = F32(labels, 1), l = F32(loss, 1);
  segpref_linear_head head = {.struct_size = sizeof head, .weight = &weight};
  segpref_preference_batch batch = {.struct_size = sizeof batch, .begins = &b, .lengths = &n, .labels = &y};
  segpref_preference_result result = {.struct_size = sizeof result, .loss = &l};
  CHECK_FAILS(segpref_linear_preference_loss(context, &head, &features, &batch, NULL, &result, NULL, NULL), SEGPREF_OUT_OF_MEMORY,
              "cannot allocate a workspace of");
  CHECK(loss[0] == 7);
  b.shape[0] = n.shape[0] = 2; /* and then a call that fits */
  CHECK_OK(segpref_linear_preference_loss(context, &head, &features, &batch, NULL, &result, NULL, NULL));
  CHECK_NEAR(loss[0], log(2.0), 1e-6);
}

/* A thread's stack is 8 MiB of address space. */
static void threads_may_be_refused(void) {
  segpref_context* context = NULL;
  CHECK_FAILS(segpref_context_create(1024, &context), SEGPREF_OUT_OF_MEMORY, "the system refused to start a thread");
  CHECK(context == NULL);
  CHECK_OK(segpref_context_create(2, &context));
  segpref_context_destroy(context);
}

int main(void) {
  segpref_context* context = make_context(1);
  const struct rlimit gibibyte = {(rlim_t)1 << 30, (rlim_t)1 << 30};
  CHECK(setrlimit(RLIMIT_AS, &gibibyte) == 0);
  a_workspace_may_be_refused(context);
  threads_may_be_refused();
  segpref_context_destroy(context);
  return finish();
}
