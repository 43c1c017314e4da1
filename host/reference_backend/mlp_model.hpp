// A reward architecture and its features in the oracle's form.
#pragma once

#include "host/reference_backend/convert.hpp"
#include "kernels/reference/reward_mlp.hpp"
#include "segpref/reward_mlp.hpp"

namespace segpref::reference_backend {

reference::MlpModel mlp_model_of(const RewardArchitecture& architecture);
/// With the standardisation of the features.
reference::MlpModel mlp_model_of(const RewardArchitecture& architecture, const Features& features);
/// Both tensors side by side: the oracle may copy.
Rows joined_rows(const Features& features);
/// The oracle is float64 and nothing else. @throws Error(unsupported)
void require_standard(Compute compute);

}  // namespace segpref::reference_backend
