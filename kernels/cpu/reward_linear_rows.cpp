// The one reading of the wide features: sums per segment, and rewards of steps in passing.
#include "kernels/cpu/reward_linear_reading.hpp"
#include "kernels/math/half.hpp"

namespace segpref::cpu {
namespace {

/// Columns of one task that adds up partial sums.
constexpr std::int64_t columns_per_addition = 512;

/// One call of sum_features.
template <typename Element, typename Real>
struct Summation {
  FeatureReading<Element, Real> in;
  ThreadPool& pool;

  void read_first_pieces() const {
    std::int64_t num_rows = 0;
    for (std::int64_t segment = 0; segment < in.batch.num_segments; ++segment) num_rows += std::min(rows_per_piece, in.rows_of(segment));
    const std::int64_t each = in.per_task(num_rows / std::max<std::int64_t>(1, in.batch.num_segments));
    pool.run(blocks_of(in.batch.num_segments, each), [&](std::int64_t task, int) {
      for (std::int64_t segment = task * each; segment < std::min(in.batch.num_segments, (task + 1) * each); ++segment)
        read_piece(in.piece_of(segment, 0, in.out.sums + segment * in.features.feature_dim));
    });
  }

  /// The pieces beyond the first, as many at a time as there are partial sums.
  void read_further_pieces() const {
    const std::int64_t dim = in.features.feature_dim, at_once = num_partial_sums(in.batch.num_steps);
    std::int64_t* begins = in.out.piece_begins;
    begins[0] = 0;
    for (std::int64_t segment = 0; segment < in.batch.num_segments; ++segment)
      begins[segment + 1] = begins[segment] + std::max<std::int64_t>(0, blocks_of(in.rows_of(segment), rows_per_piece) - 1);
    const std::int64_t num_pieces = begins[in.batch.num_segments];
    const auto segment_of = [&](std::int64_t piece) { return std::upper_bound(begins, begins + in.batch.num_segments + 1, piece) - begins - 1; };
    const std::int64_t each = in.per_task(rows_per_piece);
    for (std::int64_t first = 0; first < num_pieces; first += at_once) {
      const std::int64_t end = std::min(num_pieces, first + at_once);
      pool.run(blocks_of(end - first, each), [&](std::int64_t task, int) {
        for (std::int64_t piece = first + task * each; piece < std::min(end, first + (task + 1) * each); ++piece) {
          const std::int64_t segment = segment_of(piece);
          read_piece(in.piece_of(segment, 1 + piece - begins[segment], in.out.partial_sums + (piece - first) * dim));
        }
      });
      pool.run(blocks_of(dim, columns_per_addition), [&](std::int64_t task, int) {
        const std::int64_t column_begin = task * columns_per_addition, column_end = std::min(dim, column_begin + columns_per_addition);
        for (std::int64_t piece = first; piece < end; ++piece) {
          const std::int64_t segment = segment_of(piece);
          if (!in.used[segment]) continue;
          const Real* partial = in.out.partial_sums + (piece - first) * dim;
          Real* sum = in.out.sums + segment * dim;
          for (std::int64_t column = column_begin; column < column_end; ++column) sum[column] += partial[column];
        }
      });
    }
  }

  void sum_segments() const {
    read_first_pieces();
    read_further_pieces();
    const std::int64_t each = in.per_task(1);
    pool.run(blocks_of(in.batch.num_segments, each), [&](std::int64_t task, int) {
      for (std::int64_t segment = task * each; segment < std::min(in.batch.num_segments, (task + 1) * each); ++segment) in.finish_segment(segment);
    });
  }
};

}  // namespace

template <typename Element, typename Real>
void sum_features(const Batch& batch, const AggregationParams<Real>& params, const FeatureRows<Element>& features, const LinearWeights<Real>& head,
                  const std::uint8_t* used, const FeatureSums<Real>& out, Real* step_rewards, ThreadPool& pool) {
  Summation<Element, Real> summation{{batch, params, features, head, used, out, step_rewards}, pool};
  // Windows may hold a step twice or leave it out, and `last` leaves most of them out: rewards of all steps are then a reading of their own.
  const bool in_passing = !batch.windows() && !summation.in.only_last() && batch.num_segments > 0;
  if (step_rewards != nullptr && !in_passing) {
    summation.in.read_steps(0, batch.num_steps, pool);
    summation.in.step_rewards = nullptr;
  }
  if (in_passing) summation.in.read_steps_outside(pool);
  summation.sum_segments();
}

#define SEGPREF_FOR_ELEMENTS(DO) DO(float, float) DO(double, double) DO(bf16, float) DO(f16, float)
#define SEGPREF_INSTANTIATE(Element, Real)                                                                                                  \
  template void sum_features<Element, Real>(const Batch&, const AggregationParams<Real>&, const FeatureRows<Element>&,                      \
                                            const LinearWeights<Real>&, const std::uint8_t*, const FeatureSums<Real>&, Real*, ThreadPool&);
SEGPREF_FOR_ELEMENTS(SEGPREF_INSTANTIATE)
#undef SEGPREF_INSTANTIATE

}  // namespace segpref::cpu
