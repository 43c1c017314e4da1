// The tie parameter of every member while an ensemble is trained, and its optimiser.
#pragma once

#include <string>
#include <vector>

#include "segpref/adamw.hpp"
#include "segpref/model_file.hpp"
#include "segpref/preference_options.hpp"

namespace segpref {

/// Learned as an unknown u that may be any number, so that a step never leaves the legal range: eta = exp(u) (Rao-Kupper), log_nu = u
/// (Davidson). Data without a single tie draw eta to 0 for ever; u therefore stays where eta is in [1e-6, 100] and log_nu in [-50, 50].
struct TieState {
  std::vector<float> value;                               ///< [num_members] eta or log_nu, as the loss takes it; empty without a tie model
  std::vector<double> unknown, first_moment, second_moment;  ///< [num_members] u; empty unless it is learned

  bool learned() const { return !unknown.empty(); }
  /// One optimiser step from d(loss)/d(value). The decay is left out: it would pull towards eta = 1, which means nothing.
  void step(const Context& context, TieModel model, const std::vector<float>& gradient, std::int64_t step_number, AdamWOptions optimizer);

  void put(TensorFile& file) const;
  /// @throws Error(bad_data) where sizes are not those of `like`
  static TieState get(const TensorFile& file, const TieState& like);
};

/// From options that were checked: one value for all members, or one each.
TieState start_of_ties(const PreferenceOptions& loss, std::int64_t num_members, bool learn);

}  // namespace segpref
