#include <algorithm>
#include <cmath>
#include <vector>

#include "host/cuda_backend/cuda_backend.hpp"
#include "host/plan/owned_workspace.hpp"
#include "host/reference_backend/reference_backend.hpp"
#include "host/validate/mlp.hpp"
#include "host/validate/tensor.hpp"
#include "kernels/cpu/reward_mlp/activations.hpp"
#include "kernels/cpu/reward_mlp/feature_rows.hpp"
#include "kernels/cpu/reward_mlp/precise_network.hpp"
#include "segpref/reward_mlp.hpp"

namespace segpref {
namespace {

using cpu::mlp::PreciseNetwork;
using cpu::mlp::rows_per_tile;
using cpu::mlp::Shape;

template <typename Real>
void predict(const Context& context, const PreciseNetwork<Real>& network, const Real* parameters, const Features& features, std::int64_t num_steps,
             const Prediction& prediction, const RewardNormalization& normalization) {
  const RewardArchitecture& architecture = network.architecture;
  const Shape& shape = network.shape;
  const std::int64_t members = architecture.num_members;
  WorkspaceLayout layout;
  const int threads = context.num_threads();
  const auto packed = layout.book<Real>(members * shape.packed_size);
  const auto rows = layout.book<Real>(threads * rows_per_tile * shape.padded_width[0]);
  const auto activations = layout.book<Real>(threads * rows_per_tile * network.stored_width());
  const auto slopes = layout.book<Real>(shape.needs_slopes ? threads * rows_per_tile * network.stored_width() : 0);
  const auto tile_scratch = layout.book<Real>(threads * network.scratch_size(rows_per_tile));
  const auto feature_scale = layout.book<Real>(2 * shape.padded_width[0]);
  const auto rewards = layout.book<Real>(threads * members * rows_per_tile);
  const OwnedWorkspace owned(layout.total_bytes());
  const Workspace workspace = owned.get();

  network.pack(parameters, packed.in(workspace), context.pool());
  const auto scale_of_features = cpu::mlp::feature_scale(features, architecture.feature_dim, shape.padded_width[0], feature_scale.in(workspace));
  const float* shift = static_cast<const float*>(normalization.shift.data);
  const float* scale = static_cast<const float*>(normalization.scale.data);
  context.pool().run((num_steps + rows_per_tile - 1) / rows_per_tile, [&](std::int64_t tile, int thread) {
    const std::int64_t first = tile * rows_per_tile, count = std::min(rows_per_tile, num_steps - first);
    Real* tile_rows = rows.in(workspace) + thread * rows_per_tile * shape.padded_width[0];
    Real traces[rows_per_tile];
    cpu::mlp::pack_rows(features, scale_of_features, count, [=](std::int64_t row) { return first + row; }, shape.padded_width[0], tile_rows, traces);
    cpu::mlp::TileActivations<Real> scratch;
    scratch.capacity = rows_per_tile;
    if (activations.count > 0) scratch.values = activations.in(workspace) + thread * rows_per_tile * network.stored_width();
    if (slopes.count > 0) scratch.slopes = slopes.in(workspace) + thread * rows_per_tile * network.stored_width();
    Real* out = rewards.in(workspace) + thread * members * rows_per_tile;
    for (std::int64_t member = 0; member < members; ++member) {
      Real* reward = out + member * rows_per_tile;
      network.forward(packed.in(workspace) + member * shape.packed_size, tile_rows, nullptr, count, member, DropoutState{}, scratch,
                      tile_scratch.in(workspace) + thread * network.scratch_size(rows_per_tile), reward);
      for (std::int64_t row = 0; row < count; ++row) {
        Real slope;
        reward[row] = cpu::mlp::output_of(architecture, reward[row] + traces[row], slope);
        if (shift != nullptr) reward[row] = (reward[row] - static_cast<Real>(shift[member])) * static_cast<Real>(scale[member]);
      }
      if (prediction.members.present()) std::copy_n(reward, count, static_cast<Real*>(prediction.members.data) + member * num_steps + first);
    }
    for (std::int64_t row = 0; row < count; ++row) {
      Real sum = 0, squares = 0;
      for (std::int64_t member = 0; member < members; ++member) sum += out[member * rows_per_tile + row];
      const Real mean = sum / static_cast<Real>(members);
      for (std::int64_t member = 0; member < members; ++member) {
        const Real difference = out[member * rows_per_tile + row] - mean;
        squares += difference * difference;
      }
      if (prediction.mean.present()) static_cast<Real*>(prediction.mean.data)[first + row] = mean;
      if (prediction.std.present()) static_cast<Real*>(prediction.std.data)[first + row] = std::sqrt(squares / static_cast<Real>(members));
    }
  });
}

}  // namespace

void predict_rewards(const Context& context, const RewardArchitecture& architecture, ConstTensorView parameters, const Features& features,
                     const Prediction& prediction, const RewardNormalization& normalization, Compute compute) {
  validate(architecture);
  const validation::CallDevice device = validation::device_of_call("predict_rewards", "parameters", parameters);
  validation::parameters(architecture, parameters, device);
  const std::int64_t num_steps = validation::features(features, architecture.feature_dim, device);
  const DType real = parameters.dtype;
  validation::compute(compute, real, device.device.kind);
  if (prediction.members.present()) validation::tensor("members", prediction.members, device, {real}, {architecture.num_members, num_steps}, "[num_members, num_steps]");
  if (prediction.mean.present()) validation::tensor("mean", prediction.mean, device, {real}, {num_steps}, "[num_steps]");
  if (prediction.std.present()) validation::tensor("std", prediction.std, device, {real}, {num_steps}, "[num_steps]");
  if (normalization.shift.present() != normalization.scale.present()) throw Error(ErrorCode::invalid_argument, "normalization.shift and normalization.scale come together");
  if (normalization.shift.present()) {
    validation::tensor("normalization.shift", normalization.shift, device, {DType::f32}, {architecture.num_members}, "[num_members]");
    validation::tensor("normalization.scale", normalization.scale, device, {DType::f32}, {architecture.num_members}, "[num_members]");
  }
  if (device.is_cuda()) return cuda_backend::predict_rewards(context, architecture, compute, parameters, features, prediction, normalization);
  if (reference_backend::selected()) return reference_backend::predict_rewards(architecture, compute, parameters, features, prediction, normalization);
  if (real == DType::f64) predict<double>(context, {architecture, compute}, static_cast<const double*>(parameters.data), features, num_steps, prediction, normalization);
  else predict<float>(context, {architecture, compute}, static_cast<const float*>(parameters.data), features, num_steps, prediction, normalization);
}

}  // namespace segpref
