/* Two threads on contexts of their own at once give the bits of one alone, two threads may share a context and a plan, and every thread has its
 * own last error. */
#include <pthread.h>
#include <stdlib.h>

#include "check.h"

enum { num_steps = 6000, num_segments = 60, num_pairs = 30, num_runs = 50 };

typedef struct Worker {
  segpref_context* context;
  const segpref_plan* plan;
  float seed;               /* what this worker's rewards are made from */
  int bad_label;            /* the position of the label that is refused, by name */
  float loss[1], grad[num_steps];
  int ok;
} Worker;

static void* work(void* argument) {
  Worker* worker = argument;
  float* rewards = malloc(num_steps * sizeof(float));
  float labels[num_pairs], bad[num_pairs];
  int32_t offsets[num_segments + 1];
  for (int i = 0; i < num_steps; ++i) rewards[i] = (float)((i * 37 % 101) - 50) * worker->seed;
  for (int i = 0; i <= num_segments; ++i) offsets[i] = num_steps / num_segments * i;
  for (int i = 0; i < num_pairs; ++i) labels[i] = bad[i] = (float)(i % 2);
  bad[worker->bad_label] = -1;
  DLTensor step_rewards = F32(rewards, num_steps), o = I32(offsets, num_segments + 1), y = F32(labels, num_pairs), wrong = F32(bad, num_pairs);
  DLTensor l = F32(worker->loss, 1), g = F32(worker->grad, num_steps);
  segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &o, .labels = &y}, refused = batch;
  refused.labels = &wrong;
  segpref_preference_result result = {.struct_size = sizeof result, .loss = &l};
  char sentence[64];
  snprintf(sentence, sizeof sentence, "labels[%d] = -1 is outside [0, 1]", worker->bad_label);
  const size_t bytes = segpref_plan_workspace_bytes(worker->plan);
  void* workspace = aligned_alloc(64, bytes);

  int ok = strcmp(segpref_last_error(), "") == 0; /* a new thread has not failed yet */
  for (int run = 0; run < num_runs; ++run) {
    ok &= segpref_preference_loss(worker->context, &step_rewards, &refused, NULL, &result, &g) == SEGPREF_INVALID_ARGUMENT;
    ok &= segpref_preference_loss_planned(worker->context, worker->plan, &step_rewards, &batch, NULL, &result, &g, workspace, bytes) == SEGPREF_OK;
    ok &= strcmp(segpref_last_error(), sentence) == 0; /* success leaves it, and so does the other thread's failure */
  }
  worker->ok = ok;
  free(workspace);
  free(rewards);
  return NULL;
}

static void run_at_once(Worker* workers) {
  pthread_t threads[2];
  for (int i = 0; i < 2; ++i) CHECK(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
  for (int i = 0; i < 2; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(void) {
  segpref_preference_capacity capacity;
  segpref_preference_capacity_init(&capacity);
  capacity.num_steps = num_steps;
  capacity.num_segments = num_segments;
  capacity.num_pairs = num_pairs;
  segpref_plan* plan = NULL;
  CHECK_OK(segpref_preference_loss_plan_create(&capacity, &plan));
  segpref_context* contexts[2] = {make_context(2), make_context(3)};

  static Worker alone[2], apart[2], together[2];
  for (int i = 0; i < 2; ++i) {
    const Worker worker = {.context = contexts[i], .plan = plan, .seed = i == 0 ? 0.01f : 0.03f, .bad_label = 3 + i};
    alone[i] = apart[i] = together[i] = worker;
    together[i].context = contexts[0];
  }
  /* In threads of their own even when alone: the main thread keeps its last error. */
  for (int i = 0; i < 2; ++i) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, work, &alone[i]) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  }
  run_at_once(apart);
  run_at_once(together);
  for (int i = 0; i < 2; ++i) {
    CHECK(alone[i].ok && apart[i].ok && together[i].ok);
    CHECK(memcmp(alone[i].loss, apart[i].loss, sizeof alone[i].loss) == 0 && memcmp(alone[i].grad, apart[i].grad, sizeof alone[i].grad) == 0);
    CHECK(memcmp(alone[i].loss, together[i].loss, sizeof alone[i].loss) == 0 && memcmp(alone[i].grad, together[i].grad, sizeof alone[i].grad) == 0);
  }
  CHECK(alone[0].loss[0] != alone[1].loss[0]);
  CHECK(strcmp(segpref_last_error(), "") == 0);
  for (int i = 0; i < 2; ++i) segpref_context_destroy(contexts[i]);
  segpref_plan_destroy(plan);
  return finish();
}
