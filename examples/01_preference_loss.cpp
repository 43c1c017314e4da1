// The loss of one comparison and its gradient, from rewards that a model of your own produced: the README's twenty lines.
#include <segpref/segpref.hpp>

#include <cstdint>
#include <cstdio>
#include <vector>

int main() {
  // Two segments of three and two steps; your own model produced their rewards; the second one was preferred.
  const std::vector<float> step_rewards = {0.1f, -0.2f, 0.3f, 0.5f, 0.4f};
  const std::vector<std::int64_t> offsets = {0, 3, 5};
  const std::vector<float> labels = {1.0f};
  std::vector<float> loss(1), grad(5);

  segpref::Context context;  // one thread per core
  segpref::PreferenceBatch batch;
  batch.offsets = segpref::view(offsets);
  batch.labels = segpref::view(labels);
  segpref::PreferenceResult result;
  result.loss = segpref::view(loss);
  segpref::preference_loss(context, segpref::view(step_rewards), batch, {}, result, segpref::view(grad));
  std::printf("loss %.6f, gradient of the first step %.6f\n", loss[0], grad[0]);
}
