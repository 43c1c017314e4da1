// predict_rewards on a device: the forward kernel on some steps at a time, then what the prediction asks for.
#include <algorithm>

#include "host/cuda_backend/cuda_backend.hpp"
#include "host/cuda_backend/with_cuda/check_values.hpp"
#include "host/cuda_backend/with_cuda/mlp_network.hpp"
#include "host/device/stream_memory.hpp"
#include "host/device/with_cuda/current_device.hpp"
#include "host/plan/workspace_layout.hpp"

namespace segpref::cuda_backend {
namespace {

/// Steps at a time: rewards of so many wait in scratch memory for their mean. Their tiles, 512 or more of each member, fill a device several times.
constexpr std::int64_t rows_at_once = std::int64_t{1} << 16;

/// The same features from step `first` on.
cuda::MlpRows rows_from(cuda::MlpRows rows, std::int64_t first, std::int64_t count) {
  const std::int64_t bytes = size_of(rows.dtype);
  const auto moved = [&](const void* data, std::int64_t stride) { return data == nullptr ? nullptr : static_cast<const std::byte*>(data) + first * stride * bytes; };
  rows.first = moved(rows.first, rows.first_stride);
  rows.second = moved(rows.second, rows.second_stride);
  rows.num_rows = count;
  return rows;
}

float* from(const TensorView& view, std::int64_t first) { return view.present() ? static_cast<float*>(view.data) + first : nullptr; }

}  // namespace

void predict_rewards(const Context& context, const RewardArchitecture& architecture, Compute compute, const ConstTensorView& parameters, const Features& features, const Prediction& prediction,
                     const RewardNormalization& normalization) {
  const device::CurrentDevice current(parameters.device.index);
  const MlpNetwork network = mlp_network(architecture, parameters.dtype, compute, parameters.device.index);
  check_standardisation(context, features);
  const auto stream = static_cast<cudaStream_t>(context.stream());
  const std::int64_t num_steps = features.first.shape[0];
  cuda::MlpRows all = feature_rows(features);
  all.row_capacity = std::min(rows_at_once, num_steps);

  WorkspaceLayout layout;
  const auto packed = layout.book<std::byte>(network.packed_bytes());
  const auto rewards = layout.book<float>(validation::product("workspace", architecture.num_members, all.row_capacity));
  const device::StreamMemory memory(layout.total_bytes(), parameters.device.index, context.stream());
  const Workspace workspace{memory.data(), layout.total_bytes()};
  const auto* values = static_cast<const float*>(parameters.data);

  cuda::MlpPredictionParams p;
  p.num_members = network.shape.num_members;
  p.row_capacity = all.row_capacity;
  p.rewards = rewards.in(workspace);
  p.shift = static_cast<const float*>(normalization.shift.data);
  p.scale = static_cast<const float*>(normalization.scale.data);
  p.member_stride = num_steps;
  device::check(cuda::launch_pack_weights(network.precision, {network.shape, values, packed.in(workspace)}, stream), "launch_pack_weights");
  for (std::int64_t first = 0; first < num_steps; first += rows_at_once) {
    const cuda::MlpRows rows = rows_from(all, first, std::min(rows_at_once, num_steps - first));
    const cuda::MlpForwardParams forward{network.shape, cuda::mlp_formula(architecture, false, 0, 0), rows, values, packed.in(workspace), {}, rewards.in(workspace)};
    device::check(cuda::launch_mlp_forward(network.precision, forward, stream), "launch_mlp_forward");
    p.num_rows = rows.num_rows;
    p.members = from(prediction.members, first);
    p.mean = from(prediction.mean, first);
    p.std = from(prediction.std, first);
    device::check(cuda::launch_mlp_prediction(p, stream), "launch_mlp_prediction");
  }
}

}  // namespace segpref::cuda_backend
