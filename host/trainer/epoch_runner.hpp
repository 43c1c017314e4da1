// The minibatches of an epoch, where the training steps run: on the CPU, or on a CUDA device that keeps the data set.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "host/trainer/minibatches.hpp"
#include "host/trainer/progress.hpp"
#include "segpref/trainer.hpp"

namespace segpref {

/// What a run trains, on what. The trainer owns all of it.
struct TrainingSetup {
  const Context& context;
  const PreferenceDataset& data;
  const TrainerOptions& options;     ///< checked; loss.tie_parameter is absent, it comes with the progress
  const RewardEnsemble& ensemble;    ///< architecture and standardisation; its parameters are those after the last finished epoch
  const std::vector<std::int64_t>& training;  ///< pairs
  const Minibatches& minibatches;            ///< of them

  /// Of a plan for training steps.
  PreferenceCapacity capacity() const { return capacity_of(minibatches.batch_pairs()); }
  PreferenceCapacity capacity_of(std::int64_t batch_pairs) const;
};

struct EpochResult {
  std::vector<double> metrics;  ///< [num_members, num_metrics], sums over the minibatches, in their order
  double kernel_seconds = 0;    ///< in losses and optimiser steps
};

class EpochRunner {
 public:
  /// After minibatches, with their number: false stops.
  using OnStep = std::function<bool(std::int64_t done, std::int64_t total)>;

  virtual ~EpochRunner() = default;
  /// Takes `progress` through the training steps of epoch `progress.epoch` (its number stays). Nothing, and a progress of no meaning, where `on_step` stopped it.
  virtual std::optional<EpochResult> run(Progress& progress, const OnStep& on_step) = 0;
  /// Logits [num_members, pairs.size()] of the ensemble as it is, as RewardEnsemble::logits gives them.
  virtual std::vector<float> logits(const std::vector<std::int64_t>& pairs) = 0;
};

std::unique_ptr<EpochRunner> cpu_epoch_runner(const TrainingSetup& setup);
/// Uploads the data set.
/// @throws Error(unsupported) for what has no CUDA path, Error(out_of_memory)
std::unique_ptr<EpochRunner> cuda_epoch_runner(const TrainingSetup& setup);

}  // namespace segpref
