// The pair stage of the resident kernel: rewards of a tile's rows to scores, losses, and gradients of the rows' raw outputs.
//   order  a score as warp_segment_scores_kernel adds it; sums over pairs: a lane adds its pairs tile by tile, then warp_sum
#pragma once

#include "kernels/cuda/preference_loss/any_objective.cuh"
#include "kernels/cuda/preference_loss/pair_access.cuh"
#include "kernels/cuda/reward_mlp/activations.cuh"
#include "kernels/cuda/reward_mlp/resident_config.cuh"
#include "kernels/cuda/reward_mlp/resident_params.hpp"
#include "kernels/cuda/segment_reduce/expand_kernel.cuh"

namespace segpref::cuda {

template <class Tile>
class ResidentPairs {
  using Storage = typename Tile::SharedStorage;

 public:
  SEGPREF_DEVICE ResidentPairs(const MlpResidentParams& p, std::int64_t member, Storage& shared) : p_(p), member_(member), shared_(shared) {}

  /// Once per block, by whoever comes; a barrier follows.
  SEGPREF_DEVICE void begin() const {
    if (warp_of_thread() == judge) {
      SEGPREF_UNROLL
      for (int i = 0; i < num_pair_sums; ++i) shared_.pair_sums[i][lane_of_thread()] = 0.0;
    }
    if (threadIdx.x < Tile::rows) shared_.grad_raw_sums[threadIdx.x] = 0.0f;
    if (threadIdx.x != Tile::num_threads - 1) return;  // of a warp that places no segments
    const double tie_parameter = static_cast<double>(static_cast<float>(p_.pairs.tie_parameter(member_, 0)));
    const math::ObjectiveConstants constants = math::objective_constants(p_.pairs.loss.tie_model, p_.pairs.loss.lapse, tie_parameter);
    shared_.constants = constants;
  }

  /// Parts of raw outputs to scores: a warp per segment, a lane per step. A barrier comes before and follows.
  SEGPREF_DEVICE void score(int num_slots) const {
    const int lane = opaque_lane();
    for (int slot = warp_of_thread(); slot < num_slots; slot += Tile::num_warps) {
      const int length = shared_.slot_length[slot], row = slot * p_.grid.segment_rows + lane;
      float part = 0.0f;
      if (lane < length) {
        float raw = shared_.row_trace[row] + shared_.bias_out;
        SEGPREF_UNROLL
        for (int warp = 0; warp < Tile::warps_along_columns; ++warp) raw += shared_.reward_parts[warp][row];
        const ValueAndSlope reward = output_of(p_.formula, raw);
        shared_.output_slopes[row] = reward.slope;
        part = part_of_score(reward.value, lane, length);
      }
      const float sum = warp_sum(part);
      const float score = p_.aggregation == Aggregation::mean && length > 0 ? divide(sum, static_cast<float>(length)) : sum;
      if (lane == 0) shared_.scores[slot] = score + shared_.slot_trace[slot];
    }
  }

  /// Scores to losses, what is written of each pair, and gradients of scores: a lane of one warp per pair. A barrier comes before and follows.
  SEGPREF_DEVICE void judge_pairs(std::int64_t first_pair, int num_pairs) const {
    if (warp_of_thread() != judge) return;
    const int lane = opaque_lane();
    PairInput in;
    in.present = lane < num_pairs;
    if (in.present) {
      in.label = shared_.labels[lane];
      in.weight = shared_.weights_of_pairs[lane];
      in.margin = shared_.margins[lane];
      in.first = static_cast<double>(shared_.scores[2 * lane]);
      in.second = static_cast<double>(shared_.scores[2 * lane + 1]);
    }
    const kernels::LossParams& loss = p_.pairs.loss;
    const bool has_margins = p_.pairs.batch.margins.present();
    const auto objective_at = [&](double logit, double label, double margin) { return any_objective(loss, has_margins, shared_.constants, logit, label, margin); };
    const PairStep step = pair_step_with<float>(loss, in, objective_at);
    if (in.present) {
      store_pair(p_.pairs, member_ * p_.pairs.batch.num_batch_pairs + first_pair + lane, step);
      shared_.grad_scores[2 * lane] = static_cast<float>(step.grad_first);
      shared_.grad_scores[2 * lane + 1] = static_cast<float>(step.grad_second);
    }
    SEGPREF_UNROLL
    for (int i = 0; i < num_pair_sums; ++i) shared_.pair_sums[i][lane] += step.sums[i];
  }

  /// Gradients of raw outputs, a thread per row. A barrier comes before and follows.
  SEGPREF_DEVICE void grade_rows() const {
    const int row = opaque_thread();
    if (row >= Tile::rows) return;
    const int slot = shared_.slot_of_row[row], step = shared_.step_in_slot[row], length = shared_.slot_length[slot];
    float grad_raw = 0.0f;
    if (step < length) {
      const float grad_reward = step_gradient(p_, shared_.grad_scores[slot], 0, length, step);
      if (grad_reward != 0) grad_raw = grad_reward * shared_.output_slopes[row];
    }
    shared_.grad_raw[row] = grad_raw;
    shared_.grad_raw_sums[row] += grad_raw;
  }

  /// The block's sums over pairs.
  SEGPREF_DEVICE void store_sums() const {
    if (warp_of_thread() != judge) return;
    double* const to = p_.pairs.block_sums + (member_ * p_.grid.num_blocks + blockIdx.x) * num_pair_sums;
    SEGPREF_UNROLL
    for (int i = 0; i < num_pair_sums; ++i) {
      const double sum = warp_sum(shared_.pair_sums[i][lane_of_thread()]);
      if (lane_of_thread() == 0) to[i] = sum;
    }
  }

 private:
  static constexpr int judge = 0;  ///< the warp that has the pairs

  /// What a step's reward adds to the sum of its segment.
  SEGPREF_DEVICE float part_of_score(float reward, int step, int length) const {
    if (p_.aggregation == Aggregation::last) return step == length - 1 ? reward : 0.0f;
    return p_.is_discounted ? reward * static_cast<float>(p_.discount(step)) : reward;
  }

  const MlpResidentParams& p_;
  std::int64_t member_;
  Storage& shared_;
};

}  // namespace segpref::cuda
