// A reward model with everything that goes into its file: architecture, parameters, standardisation, normalisation.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "context.hpp"
#include "dataset.hpp"
#include "model_file.hpp"
#include "reward_mlp.hpp"

namespace segpref {

/// How an ensemble's scores are made from step rewards: the part of PreferenceOptions that a model keeps.
struct ScoreOptions {
  Aggregation aggregation = Aggregation::sum;
  double discount = 1.0;
  double temperature = 1.0;
  TieModel tie_model = TieModel::none;
  std::vector<float> tie_parameter;  ///< [num_members] with a tie model: eta or log_nu
};

/// One model's (or the mean score's) agreement with labels.
struct Agreement {
  std::optional<double> accuracy;  ///< correct / judged pairs (label not 0.5); absent when nothing was judged
  double loss = 0.0;               ///< mean cross-entropy, weighted, nats; a label of 0.5 is an observed tie where the model has a tie model
};

struct Evaluation {
  Agreement mean;                   ///< of the mean score of the ensemble (and the mean tie parameter)
  double brier = 0.0;               ///< mean of (P(second preferred) + P(tie) / 2 - label)^2
  double ece = 0.0;                 ///< expected calibration error over 10 bins of P(second preferred | no tie), judged pairs
  std::int64_t num_pairs = 0;       ///< pairs with weight > 0 that were not skipped
  std::int64_t num_skipped = 0;     ///< pairs left out by NonFinite::skip: a member's logit is not finite
  std::vector<Agreement> members;
};

class SEGPREF_API RewardEnsemble {
 public:
  /// Fresh parameters: reward_model.hpp, initialize_parameters.
  RewardEnsemble(const RewardArchitecture& architecture, std::uint64_t seed);
  explicit RewardEnsemble(RewardModelFile file);
  static RewardEnsemble load(const std::string& path);
  void save(const std::string& path) const;  ///< atomic

  const RewardArchitecture& architecture() const { return file_.architecture; }
  RewardModelFile& file() { return file_; }
  const RewardModelFile& file() const { return file_; }
  ScoreOptions score_options() const;                    ///< from the metadata; defaults when there are none. @throws Error(bad_data)
  void set_score_options(const ScoreOptions& options);

  /// `features` with this model's standardisation.
  Features standardized(Features features) const;
  // Everything below is in host memory. With a CUDA `device` it goes there and its results come back: f32, hidden layers are needed; the call waits.

  /// Step rewards of every row, standardised and normalised as the model says. On a CUDA device in chunks of rows, so that features may be larger than its memory:
  /// while one is computed, the next is on its way.
  void predict(const Context& context, const Features& features, const Prediction& prediction, const Device& device = {}) const;
  /// Logits [num_members, pairs.size()] of pairs of a data set (before normalisation), in chunks.
  std::vector<float> logits(const Context& context, const PreferenceDataset& data, const std::vector<std::int64_t>& pairs, const Device& device = {}) const;
  /// Agreement with `labels` [num_pairs of the data set]; pairs of weight 0 are left out. A logit that is not finite makes the loss NaN and
  /// counts as wrong, or its pair is skipped.
  Evaluation evaluate(const Context& context, const PreferenceDataset& data, const std::vector<std::int64_t>& pairs, const float* labels,
                      NonFinite nonfinite = NonFinite::propagate, const Device& device = {}) const;

 private:
  RewardModelFile file_;
};

}  // namespace segpref
