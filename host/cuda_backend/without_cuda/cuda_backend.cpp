// Builds without CUDA: validation refuses CUDA tensors before anything gets here.
#include "host/cuda_backend/cuda_backend.hpp"

#include "host/device/device.hpp"
#include "segpref/error.hpp"

namespace segpref::cuda_backend {
namespace {

[[noreturn]] void refuse() { throw Error(ErrorCode::unsupported, device::driver().problem); }

}  // namespace

void adamw_step(const Context&, const AdamWCall&, std::int64_t) { refuse(); }
void adamw_step(const Context&, const AdamWCall&, const TensorView&) { refuse(); }
void query_scores(const Context&, const ConstTensorView&, const ConstTensorView&, double, const QueryScores&) { refuse(); }
std::size_t preference_loss_bytes(const PreferenceCapacity&) { refuse(); }
std::string describe_preference_loss(const PreferenceCapacity&, std::size_t) { refuse(); }
void preference_loss(const Context&, const PreferenceCapacity&, const ConstTensorView&, const PreferenceBatch&, const validation::BatchShape&, const kernels::LossParams&,
                     const PreferenceOptions&, const PreferenceResult&, const TensorView&, Workspace) {
  refuse();
}

std::size_t linear_preference_loss_bytes(const PreferenceCapacity&, std::int64_t) { refuse(); }
std::string describe_linear_preference_loss(const PreferenceCapacity&, std::int64_t, std::size_t) { refuse(); }
void linear_preference_loss(const Context&, const LinearLossCall&, Workspace) { refuse(); }
std::size_t mlp_preference_loss_bytes(const RewardArchitecture&, const PreferenceCapacity&, Compute) { refuse(); }
std::string describe_mlp_preference_loss(const MlpLossPlan&) { refuse(); }
void mlp_preference_loss(const Context&, const MlpLossCall&, Workspace) { refuse(); }
void predict_rewards(const Context&, const RewardArchitecture&, Compute, const ConstTensorView&, const Features&, const Prediction&, const RewardNormalization&) { refuse(); }
std::size_t ranking_loss_bytes(const RankingCapacity&) { refuse(); }
std::string describe_ranking_loss(const RankingCapacity&, std::size_t) { refuse(); }
void ranking_loss(const Context&, const RankingCapacity&, const ConstTensorView&, const RankingBatch&, const validation::RankingShape&, const PreferenceOptions&, const RankingResult&,
                  const TensorView&, Workspace) {
  refuse();
}
}  // namespace segpref::cuda_backend
