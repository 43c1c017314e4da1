#include "host/cuda_backend/with_cuda/mlp_network.hpp"

#include <fmt/format.h>

#include "segpref/error.hpp"

namespace segpref::cuda_backend {

namespace {

cuda::MlpPrecision precision_of(Compute compute) {
  switch (compute) {
    case Compute::standard: break;
    case Compute::bf16: return cuda::MlpPrecision::bf16;
    case Compute::tf32: return cuda::MlpPrecision::tf32;
    case Compute::f16: return cuda::MlpPrecision::f16;
  }
  return cuda::MlpPrecision::f32;
}

}  // namespace

MlpNetwork mlp_network(const RewardArchitecture& architecture, DType real, Compute compute, int device_index) {
  const auto refuse = [](const std::string& sentence) { throw Error(ErrorCode::unsupported, sentence); };
  if (real == DType::f64) refuse("an MLP on a CUDA device takes parameters of f32: f64, for gradient checks, is computed on the CPU");
  if (architecture.hidden.empty()) refuse("an MLP on a CUDA device has 1 to 4 hidden layers: without any it is a linear model, which linear_preference_loss takes");
  const MlpNetwork network{cuda::mlp_shape(architecture), precision_of(compute)};
  check_shared_memory(network, device::description(device_index), device_index);
  return network;
}

void check_shared_memory(const MlpNetwork& network, const device::Description& description, int device_index) {
  const auto needed = static_cast<std::int64_t>(cuda::mlp_shared_bytes(network.precision, network.shape));
  if (needed <= description.shared_memory_per_block) return;
  throw Error(ErrorCode::unsupported,
              fmt::format("an MLP with layers of {} units and products of {} operands takes {} bytes of shared memory per block; cuda:{} ({}) has {}: narrower layers or smaller operands take less",
                          network.shape.widest_hidden(), network.operand_words(), needed, device_index, description.name, description.shared_memory_per_block));
}

const char* MlpNetwork::operand_words() const {
  constexpr const char* words[] = {"f32 (split into two tf32 each)", "bf16", "tf32", "f16"};
  return words[static_cast<int>(precision)];
}

cuda::MlpRows feature_rows(const Features& features) {
  cuda::MlpRows rows;
  rows.num_rows = rows.row_capacity = features.first.shape[0];
  rows.dtype = features.first.dtype;
  rows.first = features.first.data;
  rows.first_dim = static_cast<int>(features.first.shape[1]);
  rows.first_stride = features.first.strides[0];
  if (features.second.present()) {
    rows.second = features.second.data;
    rows.second_stride = features.second.strides[0];
  }
  rows.mean = static_cast<const float*>(features.mean.data);
  rows.std = static_cast<const float*>(features.std.data);
  return rows;
}

}  // namespace segpref::cuda_backend
