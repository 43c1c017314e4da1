// Preference problems that visit every option of the objective: kernels of the pair stage are all tested with them.
#pragma once

#include <functional>
#include <limits>
#include <vector>

#include "kernels/cuda/preference_loss/config.cuh"
#include "tests/support/problems.hpp"

namespace segpref::simt {

struct LossCase {
  const char* name;
  std::function<void(testing::ProblemShape&)> shape;  ///< changes of a test's shape of some pairs, each of its own two segments, three members
  std::function<void(reference::PreferenceProblem&)> options;
  std::function<void(std::vector<std::vector<double>>&)> rewards = [](auto&) {};
};

inline void spoil(std::vector<std::vector<double>>& rewards) {
  rewards[0][5] = std::numeric_limits<double>::quiet_NaN();
  rewards[1][9] = std::numeric_limits<double>::infinity();
}

inline const std::vector<LossCase>& loss_cases() {
  using testing::ProblemShape;
  using P = reference::PreferenceProblem;
  const auto same = [](auto&) {};
  const auto tie_of = [](reference::Ties ties, std::vector<double> parameter) {
    return [=](P& p) { p.ties = ties, p.tie_parameter = parameter; };
  };
  static const std::vector<LossCase> all = {
      {"Plain", same, same},
      {"OnePair", [](ProblemShape& s) { s.num_pairs = 1; s.num_segments = 2; }, same},
      {"OneBlock", [](ProblemShape& s) { s.num_pairs = cuda::PairTile::num_threads; s.num_segments = 2 * s.num_pairs + 3; }, same},
      {"Empty", [](ProblemShape& s) { s.num_pairs = 0; }, same},
      {"SharedSegments", [](ProblemShape& s) { s.shared_segments = true; s.num_segments = 9; s.wide_indices = false; }, same},
      {"OwnOrder", [](ProblemShape& s) { s.own_order = true; s.num_batch_pairs = 70; s.weights = true; }, same},
      {"SharedOrder", [](ProblemShape& s) { s.shared_order = true; s.num_batch_pairs = 40; }, same},
      {"WeightsMarginsLapse", [](ProblemShape& s) { s.weights = s.margins = true; }, [](P& p) { p.lapse = 0.1; }},
      {"Margins", [](ProblemShape& s) { s.margins = s.shared_margins = true; }, [](P& p) { p.smoothing = 0.1; }},
      {"ClipCenteringSum", [](ProblemShape& s) { s.weights = s.shared_weights = true; }, [](P& p) { p.clip = 0.75; p.centering = 0.01; p.temperature = 0.5; p.reduction = reference::Reduce::sum; }},
      {"Normalizer", same, [](P& p) { p.normalizer = 1000.0; }},
      {"None", same, [](P& p) { p.reduction = reference::Reduce::none; }},
      {"ExtremeLogits", same, [](P& p) { p.temperature = 1e-3; }},
      {"ExtremeLogitsLapse", same, [](P& p) { p.temperature = 1e-3; p.lapse = 0.2; }},
      {"RaoKupper", same, tie_of(reference::Ties::rao_kupper, {0.5, 0.75, 1e-3})},
      {"RaoKupperShared", [](ProblemShape& s) { s.scalar_tie = true; }, tie_of(reference::Ties::rao_kupper, {0.5, 0.5, 0.5})},
      {"Davidson", [](ProblemShape& s) { s.weights = true; }, tie_of(reference::Ties::davidson, {-0.5, 0.0, 0.7})},
      {"DavidsonLapse", same, [=](P& p) { tie_of(reference::Ties::davidson, {-0.5, 0.0, 0.7})(p); p.lapse = 0.1; }},
      {"NonfinitePropagates", same, same, spoil},
      {"NonfiniteIsSkipped", same, [](P& p) { p.skip_nonfinite = true; }, spoil},
  };
  return all;
}

}  // namespace segpref::simt
