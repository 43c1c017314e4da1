#include "host/reference_backend/mlp_model.hpp"

namespace segpref::reference_backend {

reference::MlpModel mlp_model_of(const RewardArchitecture& architecture) {
  reference::MlpModel model;
  model.num_members = architecture.num_members;
  model.widths = {architecture.feature_dim};
  model.widths.insert(model.widths.end(), architecture.hidden.begin(), architecture.hidden.end());
  model.hidden = static_cast<reference::Hidden>(architecture.activation);
  model.leaky_slope = architecture.leaky_slope;
  model.out = static_cast<reference::Out>(architecture.output);
  model.scaled = architecture.output_scaled;
  model.lo = architecture.output_lo;
  model.hi = architecture.output_hi;
  model.bias = architecture.bias;
  return model;
}

reference::MlpModel mlp_model_of(const RewardArchitecture& architecture, const Features& features) {
  reference::MlpModel model = mlp_model_of(architecture);
  if (features.mean.present()) {
    model.mean = values_of(features.mean);
    model.std = values_of(features.std);
  }
  return model;
}

Rows joined_rows(const Features& features) {
  Rows rows = rows_of(features.first);
  if (!features.second.present()) return rows;
  const Rows second = rows_of(features.second);
  for (std::size_t step = 0; step < rows.size(); ++step) rows[step].insert(rows[step].end(), second[step].begin(), second[step].end());
  return rows;
}

void require_standard(Compute compute) {
  if (compute != Compute::standard) throw Error(ErrorCode::unsupported, "SEGPREF_BACKEND=reference computes in float64 only: compute must be standard");
}

}  // namespace segpref::reference_backend
