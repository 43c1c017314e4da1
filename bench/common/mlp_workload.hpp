// christiano, pebble, unirlhf: what a training step of an ensemble reads, in host memory, and the check of its gradients.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "segpref/reward_mlp.hpp"

namespace segpref::bench {

struct MlpSizes {
  std::int64_t feature_dim;
  std::vector<std::int64_t> hidden;
  Output output;
  std::int64_t num_pairs, length;
};

inline const MlpSizes christiano{24, {64, 64}, Output::identity, 64, 30};
inline const MlpSizes pebble{30, {256, 256, 256}, Output::tanh, 128, 50};
inline const MlpSizes unirlhf{23, {256, 256, 256}, Output::identity, 64, 200};

inline RewardArchitecture architecture_of(const MlpSizes& sizes) {
  RewardArchitecture architecture;
  architecture.feature_dim = sizes.feature_dim;
  architecture.hidden = sizes.hidden;
  architecture.num_members = 3;
  architecture.output = sizes.output;
  return architecture;
}

/// Useful FLOP of one row and member, no padding: 2 per weight and pass (forward, gradient of weights, gradient of inputs from the second layer on).
struct MlpFlop {
  double forward, training;
};
inline MlpFlop flop_per_row(const MlpSizes& sizes) {
  double forward = 0, inputs = 0;
  double in = static_cast<double>(sizes.feature_dim);
  for (std::size_t layer = 0; layer <= sizes.hidden.size(); ++layer) {
    const double out = layer < sizes.hidden.size() ? static_cast<double>(sizes.hidden[layer]) : 1.0;
    forward += 2 * in * out;
    if (layer > 0) inputs += 2 * in * out;
    in = out;
  }
  return {forward, 2 * forward + inputs};
}

inline std::vector<float> random_floats(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = std::normal_distribution<float>(0, 1)(random);
  return values;
}

enum class MinibatchOrder { shared, own };  ///< of all members, or of each

/// A minibatch from a data set four times its size.
struct TrainingWorkload {
  MlpSizes sizes;
  RewardArchitecture architecture;
  MinibatchOrder minibatches;
  std::int64_t data_pairs;
  std::vector<float> rows, labels, parameters;
  std::vector<std::int64_t> offsets, order;
  // Results
  std::vector<float> loss, gradient;

  TrainingWorkload(const MlpSizes& of, MinibatchOrder minibatch_order)
      : sizes(of), architecture(architecture_of(of)), minibatches(minibatch_order), data_pairs(4 * of.num_pairs), rows(random_floats(static_cast<std::size_t>(num_steps() * of.feature_dim), 1)),
        labels(static_cast<std::size_t>(data_pairs)), loss(3) {
    const std::int64_t lists = minibatches == MinibatchOrder::own ? 3 : 1;
    for (std::int64_t s = 0; s <= 2 * data_pairs; ++s) offsets.push_back(s * sizes.length);
    for (std::int64_t i = 0; i < lists * sizes.num_pairs; ++i) order.push_back(i * 4 / lists % data_pairs);
    std::mt19937 random(2);
    for (float& label : labels) label = static_cast<float>(random() % 2);
    initialize_parameters(architecture, 0, parameters);
    gradient.resize(parameters.size());
  }
  std::int64_t num_steps() const { return 2 * data_pairs * sizes.length; }
  double flop() const { return 3.0 * 2.0 * static_cast<double>(sizes.num_pairs * sizes.length) * flop_per_row(sizes).training; }
  PreferenceCapacity capacity(const Device& device) const {
    PreferenceCapacity capacity{3, num_steps(), 2 * data_pairs, data_pairs, sizes.num_pairs, 2 * sizes.num_pairs * sizes.length, DType::f32};
    capacity.max_segment_steps = sizes.length;
    capacity.device = device;
    return capacity;
  }
  /// Views of host arrays, or of copies of them on a device.
  PreferenceBatch batch(const std::int64_t* offsets_at, const std::int64_t* order_at, const float* labels_at, const Device& device) const {
    PreferenceBatch batch;
    batch.offsets = view(offsets_at, {2 * data_pairs + 1}, device);
    batch.labels = view(labels_at, {data_pairs}, device);
    batch.pair_order = minibatches == MinibatchOrder::own ? view(order_at, {3, sizes.num_pairs}, device) : view(order_at, {sizes.num_pairs}, device);
    return batch;
  }

  /// What is wrong with `gradient`; empty: nothing. The same call on the CPU in float64. A pre-activation within rounding of leaky_relu's kink takes the other
  /// slope in one of the two precisions: 0.3 % of the largest gradient on these shapes, where smooth activations agree to 1e-5 (tests/accuracy judges them
  /// closely). bf16 products are off by some percent of it.
  std::string check(Compute compute) const {
    const std::vector<double> wide(parameters.begin(), parameters.end());
    std::vector<double> wide_gradient(wide.size()), wide_loss(3);
    Features features;
    features.first = view(rows.data(), {num_steps(), sizes.feature_dim});
    PreferenceResult result;
    result.loss = view(wide_loss);
    MlpGradients gradients;
    gradients.parameters = view(wide_gradient);
    mlp_preference_loss(Context(), architecture, view(wide), features, batch(offsets.data(), order.data(), labels.data(), {}), {}, result, gradients);
    double scale = 0, worst = 0;
    for (std::size_t i = 0; i < wide.size(); ++i) {
      scale = std::max(scale, std::fabs(wide_gradient[i]));
      worst = std::max(worst, std::fabs(static_cast<double>(gradient[i]) - wide_gradient[i]));
    }
    return worst < (compute == Compute::bf16 ? 1e-1 : 1e-2) * scale ? "" : "the gradient is wrong: off by " + std::to_string(worst / scale) + " of its largest";
  }
};

}  // namespace segpref::bench
