// A linear reward head on wide features, as on the hidden states of a language model: its loss and the gradient of its weights take one pass
// over the features. One head is trained by AdamW until it finds the direction that the comparisons follow.
#include <segpref/segpref.hpp>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

int main() {
  constexpr std::int64_t feature_dim = 128, num_pairs = 1024, num_segments = 2 * num_pairs, length = 8, num_steps = num_segments * length;
  // Features without structure; feature 3 alone says how good a step is.
  std::vector<float> features(num_steps * feature_dim);
  std::mt19937 generator(0);
  for (float& feature : features) feature = static_cast<float>(generator()) / 0x1p31f - 1;
  std::vector<std::int64_t> offsets;
  for (std::int64_t segment = 0; segment <= num_segments; ++segment) offsets.push_back(segment * length);
  std::vector<float> labels;
  for (std::int64_t pair = 0; pair < num_pairs; ++pair) {
    double gap = 0;
    for (std::int64_t step = 0; step < length; ++step) {
      const std::int64_t in_first = 2 * pair * length + step, in_second = in_first + length;
      gap += features[static_cast<std::size_t>(in_second * feature_dim + 3)] - features[static_cast<std::size_t>(in_first * feature_dim + 3)];
    }
    labels.push_back(gap > 0 ? 1.0f : 0.0f);
  }

  std::vector<float> weight(feature_dim, 0.0f), bias(1, 0.0f), grad_weight(feature_dim), first_moment(feature_dim), second_moment(feature_dim), loss(1);
  const segpref::Context context;
  segpref::LinearHead head;
  head.weight = segpref::view(weight);
  head.bias = segpref::view(bias);  // cancels in the difference of segments of equal length
  segpref::LinearGradients gradients;
  gradients.weight = segpref::view(grad_weight);
  segpref::PreferenceBatch batch;
  batch.offsets = segpref::view(offsets);
  batch.labels = segpref::view(labels);
  segpref::PreferenceResult result;
  result.loss = segpref::view(loss);
  segpref::AdamWOptions optimizer;
  optimizer.learning_rate = 0.02;

  for (std::int64_t step = 1; step <= 120; ++step) {
    segpref::linear_preference_loss(context, head, segpref::view(features.data(), {num_steps, feature_dim}), batch, {}, result, gradients);
    segpref::adamw_step(context, segpref::view(weight), segpref::view(grad_weight), segpref::view(first_moment), segpref::view(second_moment), step, optimizer);
    if (step % 40 == 1) std::printf("step %2ld: loss %.4f\n", static_cast<long>(step), loss[0]);
  }
  std::size_t largest = 0;
  for (std::size_t i = 0; i < weight.size(); ++i)
    if (std::fabs(weight[i]) > std::fabs(weight[largest])) largest = i;
  std::printf("loss %.4f; the largest weight is that of feature %zu\n", loss[0], largest);
  return loss[0] < 0.2f && largest == 3 ? 0 : 1;
}
