// Trains an ensemble on a data set, epoch by epoch, resumable to the same bits.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "adamw.hpp"
#include "reward_ensemble.hpp"

namespace segpref {

enum class Sampling : std::uint8_t {
  shared,      ///< one permutation of the pairs per epoch, for all members
  per_member,  ///< every member its own permutation
  bootstrap    ///< every member its own sample with replacement, drawn once, permuted every epoch
};

struct TrainerOptions {
  std::int64_t epochs = 50;
  std::int64_t batch_pairs = 128;
  AdamWOptions optimizer;
  PreferenceOptions loss;         ///< reduction must be mean, tie_parameter f32 (copied); a tie model excludes smoothing and margins
  bool learn_tie_parameter = false;  ///< every member's own, by the same optimiser without decay, from loss.tie_parameter: log(eta) or log_nu
  Sampling sampling = Sampling::per_member;
  Compute compute = Compute::standard;  ///< of the training steps; evaluation and prediction are f32
  double validation = 0.1;        ///< fraction of pairs held out where the data set has no split; 0: none
  std::int64_t patience = 0;      ///< stop after this many epochs without a better held-out accuracy and keep the best; 0: never
  bool standardize_features = true;
  bool normalize_rewards = true;  ///< the model's rewards have mean 0 and deviation 1 over (at most about 65,536 of) the training steps
  std::uint64_t seed = 0;
  Device device{};                ///< where training steps run and held-out pairs are judged; the data set is uploaded once. Hidden layers are needed on a CUDA device
};

struct EpochReport {
  std::int64_t epoch = 0;         ///< 1 for the first
  std::vector<double> loss;       ///< [num_members] mean training loss of the epoch
  std::vector<double> accuracy;   ///< [num_members] training accuracy; -1 when nothing was judged
  std::vector<double> tie_parameter;  ///< [num_members] after the epoch; empty without a tie model
  std::optional<Evaluation> held_out;
  double seconds = 0;             ///< of the whole epoch, with the evaluation
  double kernel_seconds = 0;      ///< of it in the training steps; on a CUDA device until the last of them is done
};

/// Results depend on data, options and seed alone, not on threads or on how often a run was interrupted. A checkpoint of one device continues on another: with
/// the same minibatches, and results that differ by the rounding of their kernels.
class SEGPREF_API Trainer {
 public:
  /// @throws Error(invalid_argument) where options break a rule, Error(bad_data) where the data set has no pair to train on
  Trainer(const Context& context, const PreferenceDataset& data, const RewardArchitecture& architecture, const TrainerOptions& options);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  const std::vector<std::int64_t>& training_pairs() const;
  const std::vector<std::int64_t>& held_out_pairs() const;
  std::int64_t epochs_done() const;
  bool finished() const;          ///< all epochs done, or stopped early

  /// Runs one epoch. `on_step(done, total)` is called after every minibatch (on a CUDA device after every 64th and the last) and may return
  /// false to stop: the state then goes back to where the epoch began, and nothing is returned.
  std::optional<EpochReport> run_epoch(const std::function<bool(std::int64_t done, std::int64_t total)>& on_step = {});

  /// The whole state after the last finished epoch. `notes` are the caller's own and come back from load_checkpoint.
  void save_checkpoint(const std::string& path, const std::string& settings, const std::string& notes) const;
  /// Continues a checkpoint. @throws Error(invalid_argument) when it was written with other settings. Returns the notes.
  std::string load_checkpoint(const std::string& path, const std::string& settings);

  /// The trained ensemble: the best epoch with patience, else the last.
  RewardEnsemble result() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace segpref
