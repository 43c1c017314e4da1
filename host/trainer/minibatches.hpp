// Which pairs teach, which are held out, and which minibatches an epoch takes: functions of the data set, the options and the seed.
#pragma once

#include <cstdint>
#include <vector>

#include "segpref/dataset.hpp"
#include "segpref/trainer.hpp"

namespace segpref {

struct PairSplit {
  std::vector<std::int64_t> training, held_out;  ///< ascending
};

/// The file's split where it has one, else a drawn one; pairs of weight 0 teach nothing and are left out of both.
/// @throws Error(bad_data) where no pair is left to train on
PairSplit split_pairs(const PreferenceDataset& data, double held_out_fraction, std::uint64_t seed);

class Minibatches {
 public:
  Minibatches(const std::vector<std::int64_t>& training, const TrainerOptions& options, std::int64_t num_members);

  std::int64_t num_lists() const { return static_cast<std::int64_t>(pairs_.size()); }  ///< num_members, or 1 where all share their minibatches
  std::int64_t num_pairs() const { return static_cast<std::int64_t>(pairs_.front().size()); }  ///< of a list
  std::int64_t batch_pairs() const { return batch_pairs_; }
  std::int64_t num_batches() const { return (num_pairs() + batch_pairs_ - 1) / batch_pairs_; }

  /// The minibatches of an epoch, one after the other, each [num_lists, its pairs]: a pair_order as it is.
  /// @param epoch  0 for the first
  std::vector<std::int64_t> order(std::int64_t epoch) const;
  std::int64_t begin(std::int64_t batch) const { return num_lists() * batch * batch_pairs_; }  ///< in order()
  std::int64_t size(std::int64_t batch) const;                                                  ///< its pairs, of a list

 private:
  std::uint64_t seed_;
  std::int64_t batch_pairs_;
  std::vector<std::vector<std::int64_t>> pairs_;
};

}  // namespace segpref
