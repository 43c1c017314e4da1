// Given step rewards of ragged pairs, f32, in host memory: what a bench of preference_loss reads, and the check of what it wrote.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace segpref::bench {

struct GivenWorkload {
  std::int64_t num_pairs;
  std::vector<std::int64_t> offsets = {0};
  std::vector<float> rewards, labels;  // labels are 0 or 1
  std::vector<float> loss, grad;       // results: [1] and the shape of rewards

  /// Lengths are uniform in [1, 2 * mean_length - 1].
  GivenWorkload(std::int64_t num_pairs_, std::int64_t mean_length) : num_pairs(num_pairs_) {
    std::mt19937_64 random(1);
    for (std::int64_t s = 0; s < 2 * num_pairs; ++s) offsets.push_back(offsets.back() + std::uniform_int_distribution<std::int64_t>(1, 2 * mean_length - 1)(random));
    rewards.resize(index(num_steps()));
    for (float& reward : rewards) reward = std::normal_distribution<float>(0, 0.1f)(random);
    for (std::int64_t p = 0; p < num_pairs; ++p) labels.push_back(static_cast<float>(random() % 2));
    loss.resize(1);
    grad.resize(rewards.size());
  }
  std::int64_t num_segments() const { return 2 * num_pairs; }
  std::int64_t num_steps() const { return offsets.back(); }

  std::vector<double> scores() const {
    std::vector<double> sums;
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
      sums.push_back(0);
      for (std::int64_t t = offsets[s]; t < offsets[s + 1]; ++t) sums.back() += static_cast<double>(rewards[index(t)]);
    }
    return sums;
  }

  /// What is wrong with the results, in float64: the loss, and every gradient. Empty: nothing.
  std::string check() const {
    const std::vector<double> score = scores();
    double expected = 0;
    for (std::size_t p = 0; p < labels.size(); ++p) {
      const double logit = (score[2 * p + 1] - score[2 * p]) * (labels[p] > 0 ? 1 : -1);  // of the label's side
      expected += (std::max(-logit, 0.0) + std::log1p(std::exp(-std::fabs(logit)))) / static_cast<double>(num_pairs);
      const double size = 1 / (1 + std::exp(logit)) / static_cast<double>(num_pairs);
      for (std::size_t side : {0, 1}) {
        const double wanted = (side == 1) == (labels[p] > 0) ? -size : size;
        for (std::int64_t t = offsets[2 * p + side]; t < offsets[2 * p + side + 1]; ++t)
          if (!(std::fabs(static_cast<double>(grad[index(t)]) - wanted) <= 1e-4 * size)) return "a gradient is wrong";
      }
    }
    return std::fabs(static_cast<double>(loss[0]) - expected) < 1e-5 * expected ? "" : "the loss is wrong";
  }

 private:
  static std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }
};

}  // namespace segpref::bench
