// One call of mlp_preference_loss or predict_rewards, with everything that its oracle needs.
#pragma once

#include <string>
#include <vector>

#include "kernels/reference/reward_mlp.hpp"
#include "segpref/reward_mlp.hpp"
#include "tests/support/backend.hpp"
#include "tests/support/preference_outputs.hpp"

namespace segpref::testing {

struct MlpSettings {
  RewardArchitecture architecture;
  DropoutState dropout;
  bool two_tensors = false;   ///< the columns split in two; needs feature_dim > 1
  bool standardised = false;
  DType features = DType::f32;
  std::int64_t row_padding = 0;  ///< elements between rows
  std::int64_t lead = 0;         ///< of every array: HostTensor
};

std::string describe(const MlpSettings& settings);

/// Which gradients and step rewards a call asks for.
struct MlpWanted {
  bool parameters = true, first = true, second = true, step_rewards = true;
};

/// Results of mlp_preference_loss.
struct MlpOutputs {
  PreferenceOutputs preference;
  HostTensor parameters, features_first, features_second, step_rewards;

  bool same_bits(const MlpOutputs& other) const;
};

template <typename Real>
class MlpCase {
 public:
  /// @param problem  its step rewards are ignored; num_members and num_steps are the model's too
  MlpCase(const MlpSettings& settings, const Problem<Real>& problem, std::uint64_t seed);

  MlpOutputs outputs(const MlpWanted& wanted) const;
  void run(Backend& backend, int num_threads, MlpOutputs& outputs) const;
  void run(Backend& backend, int num_threads, const MlpLossPlan& plan, MlpOutputs& outputs) const;
  /// Against the oracle, within mlp_preference_loss_bounds.
  void expect_agreement(const MlpOutputs& outputs, WorstUlps& worst) const;

  reference::MlpSolution solution() const;
  /// Rewards without dropout, [num_members][num_steps].
  std::vector<std::vector<double>> predicted_rewards() const;
  /// The feature, as its type holds it.
  void set_feature(std::int64_t step, std::int64_t column, double value);
  double feature(std::int64_t step, std::int64_t column) const;
  Features features() const;
  ConstTensorView parameters_view() const { return parameters_.view(); }
  double reward_scale() const;  ///< how far an error grows through the model, to the order of magnitude

  MlpSettings settings;
  Problem<Real> problem;
  reference::MlpModel model;
  std::vector<double> parameters;

 private:
  std::vector<std::vector<double>> rows() const;
  reference::DropoutMask mask() const;
  void draw_row_away_from_kinks(Draw& draw, std::int64_t step);

  HostTensor first_, second_, mean_, std_, parameters_;
  std::int64_t first_columns_ = 0;
};

extern template class MlpCase<float>;
extern template class MlpCase<double>;

}  // namespace segpref::testing
