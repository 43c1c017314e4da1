// The README's twenty lines, checked: sum of rewards 0.2 and 0.9, the second preferred.
#include <segpref/segpref.hpp>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

int main() {
  const std::vector<float> step_rewards = {0.1f, -0.2f, 0.3f, 0.5f, 0.4f};
  const std::vector<std::int64_t> offsets = {0, 3, 5};
  const std::vector<float> labels = {1.0f};
  std::vector<float> loss(1), grad(5);

  segpref::Context context;
  segpref::PreferenceBatch batch;
  batch.offsets = segpref::view(offsets);
  batch.labels = segpref::view(labels);
  segpref::PreferenceResult result;
  result.loss = segpref::view(loss);
  segpref::preference_loss(context, segpref::view(step_rewards), batch, {}, result, segpref::view(grad));
  std::printf("segpref %s: loss %.6f, gradient of the first step %.6f\n", segpref::version(), loss[0], grad[0]);
  try {
    batch.labels = {};
    segpref::preference_loss(context, segpref::view(step_rewards), batch, {}, result);
    return 1;
  } catch (const segpref::Error& error) {
    std::printf("as expected: %s\n", error.what());
  }
  const double z = 0.7;  // 0.9 - 0.2
  const bool right = std::fabs(loss[0] - std::log1p(std::exp(-z))) < 1e-6 && std::fabs(grad[0] - 1 / (1 + std::exp(z))) < 1e-6;
  return right ? 0 : 1;
}
