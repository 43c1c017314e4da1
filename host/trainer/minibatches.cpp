#include "host/trainer/minibatches.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/cpu/random.hpp"
#include "kernels/math/epoch_stream.hpp"

namespace segpref {

PairSplit split_pairs(const PreferenceDataset& data, double held_out_fraction, std::uint64_t seed) {
  const auto* weights = static_cast<const float*>(data.batch().weights.data);
  const ConstTensorView file_split = data.split();
  PairSplit split;
  std::vector<std::int64_t> usable;
  for (std::int64_t pair = 0; pair < data.num_pairs(); ++pair)
    if (weights == nullptr || weights[pair] > 0) usable.push_back(pair);
  if (file_split.present()) {
    for (std::int64_t pair : usable) (static_cast<const std::int32_t*>(file_split.data)[pair] == 0 ? split.training : split.held_out).push_back(pair);
  } else {
    const auto num_held_out = static_cast<std::size_t>(std::llround(held_out_fraction * static_cast<double>(usable.size())));
    std::vector<std::int64_t> order(usable.size());
    // Member 63 is never a model: its stream of epoch 0 is the split's own.
    cpu::fill_permutation(seed, math::epoch_stream(math::RandomPurpose::permutation, 0, 63), order);
    for (std::size_t i = 0; i < order.size(); ++i) (i < num_held_out ? split.held_out : split.training).push_back(usable[static_cast<std::size_t>(order[i])]);
    std::sort(split.training.begin(), split.training.end());
    std::sort(split.held_out.begin(), split.held_out.end());
  }
  if (split.training.empty()) throw Error(ErrorCode::bad_data, "the data set has no pair with weight > 0 to train on");
  return split;
}

Minibatches::Minibatches(const std::vector<std::int64_t>& training, const TrainerOptions& options, std::int64_t num_members)
    : seed_(options.seed), batch_pairs_(std::min(options.batch_pairs, static_cast<std::int64_t>(training.size()))),
      pairs_(options.sampling == Sampling::shared ? 1 : static_cast<std::size_t>(num_members), training) {
  if (options.sampling != Sampling::bootstrap) return;
  std::vector<std::int64_t> drawn(training.size());
  for (std::size_t list = 0; list < pairs_.size(); ++list) {
    cpu::fill_bootstrap(seed_, math::epoch_stream(math::RandomPurpose::bootstrap, 0, static_cast<std::int64_t>(list)), drawn);
    for (std::size_t i = 0; i < drawn.size(); ++i) pairs_[list][i] = training[static_cast<std::size_t>(drawn[i])];
  }
}

std::int64_t Minibatches::size(std::int64_t batch) const { return std::min(batch_pairs_, num_pairs() - batch * batch_pairs_); }

std::vector<std::int64_t> Minibatches::order(std::int64_t epoch) const {
  std::vector<std::int64_t> order(static_cast<std::size_t>(num_lists() * num_pairs())), permutation(static_cast<std::size_t>(num_pairs()));
  for (std::int64_t list = 0; list < num_lists(); ++list) {
    cpu::fill_permutation(seed_, math::epoch_stream(math::RandomPurpose::permutation, epoch, list), permutation);
    for (std::int64_t i = 0; i < num_pairs(); ++i) {
      const std::int64_t batch = i / batch_pairs_, place = begin(batch) + list * size(batch) + i % batch_pairs_;
      order[static_cast<std::size_t>(place)] = pairs_[static_cast<std::size_t>(list)][static_cast<std::size_t>(permutation[static_cast<std::size_t>(i)])];
    }
  }
  return order;
}

}  // namespace segpref
