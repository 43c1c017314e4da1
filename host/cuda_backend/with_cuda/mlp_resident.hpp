// The resident path of mlp_preference_loss: a whole training step of a narrow network in three launches (kernels/cuda/reward_mlp/resident_kernel.cuh).
#pragma once

#include "host/cuda_backend/cuda_backend.hpp"
#include "host/cuda_backend/with_cuda/mlp_network.hpp"
#include "host/cuda_backend/with_cuda/mlp_optimizer.hpp"
#include "host/cuda_backend/with_cuda/pair_work.hpp"
#include "host/device/device.hpp"
#include "kernels/cuda/reward_mlp/launch_resident.hpp"

namespace segpref::cuda_backend {

struct MlpResidentBuffers {
  std::string why_not;           ///< a plan's calls do not take this path; empty: those do that it can serve
  cuda::MlpResidentGrid grid;
  Booked<double> block_sums;     ///< [num_members, num_blocks, num_pair_sums]
  Booked<float> partial;         ///< [num_blocks, num_parameters]
};

/// A plan decides by its capacity and device.
/// @param are_bits  cuda::MlpFormula::has_bit_slopes in training
inline MlpResidentBuffers book_resident(const MlpNetwork& network, bool are_bits, const PreferenceCapacity& capacity, WorkspaceLayout& layout) {
  MlpResidentBuffers b;
  cuda::MlpResidentCapacity resident;
  resident.precision = network.precision;
  resident.shape = network.shape;
  resident.has_bit_slopes = are_bits;
  resident.num_batch_pairs = num_batch_pairs(capacity);
  resident.max_segment_steps = capacity.max_segment_steps;
  const device::Description& device = device::description(capacity.device.index);
  resident.shared_memory_per_block = device.shared_memory_per_block;
  b.why_not = cuda::why_not_resident(resident);
  if (!b.why_not.empty()) return b;
  b.grid = cuda::mlp_resident_grid(resident, device.num_multiprocessors);
  b.block_sums = layout.book<double>(network.shape.num_members * b.grid.num_blocks * cuda::num_pair_sums);
  b.partial = layout.book<float>(validation::product("workspace", b.grid.num_blocks, network.shape.num_parameters));
  return b;
}

/// A block knows its own pairs alone: what is of all segments or steps goes the general way.
inline bool can_run_resident(const MlpResidentBuffers& buffers, const MlpLossCall& call) {
  return buffers.why_not.empty() && !call.result.scores.present() && !call.step_rewards.present() && !call.gradients.features_first.present() &&
         !call.gradients.features_second.present();
}

inline void run_resident(const MlpResidentBuffers& buffers, const MlpNetwork& network, const cuda::MlpFormula& formula, const MlpLossCall& call, const PairWork<float>& pairs) {
  cuda::MlpResidentParams p;
  p.shape = network.shape;
  p.formula = formula;
  p.features = feature_rows(call.features);
  p.pairs = pairs.pair_params();
  p.pairs.block_sums = buffers.block_sums.in(pairs.workspace);
  p.sums = pairs.sums_params();
  p.sums.grad_scale = pairs.buffers.grad_scale.in(pairs.workspace);
  p.aggregation = call.options.aggregation;
  p.is_discounted = call.options.discount != 1.0;
  p.discount = cuda::DiscountPowers::of(call.options.discount);
  p.grid = buffers.grid;
  p.parameters = static_cast<const float*>(call.parameters.data);
  if (call.gradients.parameters.present()) {
    p.partial = buffers.partial.in(pairs.workspace);
    if (call.optimizer == nullptr) p.gradients = static_cast<float*>(call.gradients.parameters.data);
  }
  device::check(cuda::launch_mlp_resident(network.precision, p, pairs.stream), "launch_mlp_resident");
  if (call.optimizer == nullptr) return;
  cuda::MlpReduceAdamWParams step = optimizer_params(call);
  step.sums = p.parts();
  step.sums.gradients = static_cast<float*>(call.gradients.parameters.data);
  device::check(cuda::launch_mlp_resident_adamw(network.precision, step, pairs.stream), "launch_mlp_resident_adamw");
}

}  // namespace segpref::cuda_backend
