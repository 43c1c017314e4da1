#include "kernels/cpu/reward_linear_sweep.hpp"

#include <algorithm>
#include <mutex>
#include <ranges>

#include "kernels/cpu/preference_loss.hpp"
#include "kernels/cpu/reward_linear_reading.hpp"
#include "kernels/math/half.hpp"

namespace segpref::cpu {
namespace {

/// Shorter rows are left to the passes one after the other: a pair costs a sweep as much as writing some KiB.
constexpr std::int64_t least_row_bytes = 1024;
constexpr std::int64_t least_pairs = 4;
/// Rows that are written at a time when none is left to read.
constexpr std::int64_t rows_per_write = 64;
/// Elements of one task that clears steps outside all segments.
constexpr std::int64_t elements_per_clearing = 65536;

/// Pieces of a segment beyond its first.
std::int64_t further_pieces(const Batch& batch, std::int64_t segment) {
  return std::max<std::int64_t>(0, blocks_of(batch.segment_end(segment) - batch.segment_begin(segment), rows_per_piece) - 1);
}

/// One call of linear_sweep. Which thread writes a row, and when, is left to chance; what it writes is not.
template <typename Element, typename Real>
struct Sweep {
  const FeatureReading<Element, Real> in;
  const BatchLossArgs<Real>& args;
  const Real scale;
  Real* const scores;
  Element* const grad_features;
  std::int64_t* const pieces_left;  ///< [num_pairs]; is_scored: the gradient of the pair is known
  ThreadPool& pool;

  static constexpr std::int64_t is_scored = -1;
  std::mutex mutex{};                      // of pieces_left and of what follows
  std::int64_t num_scored = 0;             // the pairs before it are all scored
  std::int64_t segment_to_write = 0;       // rows before it are written, or a thread has taken them
  std::int64_t first_row_to_write = 0;     // in that segment

  std::int64_t dim() const { return in.features.feature_dim; }
  Element* grad_row(std::int64_t step) const { return grad_features + step * dim(); }

  void run() {
    in.read_steps_outside(pool);
    clear_steps(0, in.batch.segment_begin(0));
    clear_steps(in.batch.segment_end(in.batch.num_segments - 1), in.batch.num_steps);
    std::int64_t* further = in.out.piece_begins;
    further[0] = 0;
    for (std::int64_t segment = 0; segment < in.batch.num_segments; ++segment) further[segment + 1] = further[segment] + further_pieces(in.batch, segment);
    for (std::int64_t pair = 0; pair < in.batch.num_pairs; ++pair) pieces_left[pair] = 2 + further[2 * pair + 2] - further[2 * pair];
    // As many pairs at a time as there is room for partial sums.
    for (std::int64_t pair = 0, end = 0; pair < in.batch.num_pairs; pair = end) {
      for (end = pair + 1; end < in.batch.num_pairs && further[2 * end + 2] - further[2 * pair] <= num_partial_sums(in.batch.num_steps);) ++end;
      sweep_pairs(pair, end);
    }
    pool.run(pool.num_threads(), [&](std::int64_t, int) {
      Piece<Element, Real> nothing;
      nothing.feature_dim = dim();
      EqualRows<Element> runs[segments_per_piece];
      nothing.equal_rows = runs;
      while ((nothing.num_equal_rows = take_rows(rows_per_write, runs)) > 0) read_piece(nothing);
    });
  }

  void clear_steps(std::int64_t begin, std::int64_t end) const {
    const std::int64_t count = (end - begin) * dim();
    pool.run(blocks_of(count, elements_per_clearing), [&](std::int64_t task, int) {
      const std::int64_t first = task * elements_per_clearing;
      std::fill_n(grad_row(begin) + first, std::min(elements_per_clearing, count - first), math::from_real<Element>(Real(0)));
    });
  }

  /// Reads the pairs [first_pair, end_pair), scores them, and writes what can be written.
  void sweep_pairs(std::int64_t first_pair, std::int64_t end_pair) {
    const std::int64_t* further = in.out.piece_begins;
    const auto first_piece_of = [&](std::int64_t segment) { return segment + further[segment]; };
    Real* partial_sums = in.out.partial_sums - further[2 * first_pair] * dim();
    const std::int64_t begin = first_piece_of(2 * first_pair), end = first_piece_of(2 * end_pair);
    const std::int64_t num_rows = in.batch.segment_end(2 * end_pair - 1) - in.batch.segment_begin(2 * first_pair), each = in.per_task(num_rows / (end - begin));
    pool.run(blocks_of(end - begin, each), [&](std::int64_t task, int) {
      for (std::int64_t piece = begin + task * each; piece < std::min(end, begin + (task + 1) * each); ++piece) {
        const auto segments = std::views::iota(2 * first_pair, 2 * end_pair);
        const std::int64_t segment = *std::ranges::partition_point(segments, [&](std::int64_t s) { return first_piece_of(s + 1) <= piece; });
        const std::int64_t piece_in_segment = piece - first_piece_of(segment);
        read_and_write(in.piece_of(segment, piece_in_segment, piece_in_segment == 0 ? in.out.sums + segment * dim()
                                                                                      : partial_sums + (further[segment] + piece_in_segment - 1) * dim()));
        if (!was_last_piece_of(segment / 2)) continue;
        score(segment / 2, partial_sums);
        publish(segment / 2);
      }
    });
  }

  void read_and_write(Piece<Element, Real> piece) {
    EqualRows<Element> runs[segments_per_piece];
    piece.equal_rows = runs;
    piece.num_equal_rows = take_rows(piece.num_rows, runs);
    read_piece(piece);
  }

  /// At most `most_rows` rows of scored pairs that no thread has taken yet. The first and the last row of a segment are none of them.
  int take_rows(std::int64_t most_rows, EqualRows<Element>* runs) {
    std::lock_guard lock(mutex);
    int num_runs = 0;
    while (num_runs < segments_per_piece && most_rows > 0 && segment_to_write < 2 * num_scored) {
      const std::int64_t begin = in.batch.segment_begin(segment_to_write), end = in.batch.segment_end(segment_to_write);
      const std::int64_t step = begin + 1 + first_row_to_write, num_rows = std::min(most_rows, end - 1 - step);
      if (num_rows > 0) {
        runs[num_runs++] = {grad_row(begin), grad_row(step), num_rows};
        most_rows -= num_rows;
        first_row_to_write += num_rows;
      }
      if (step + num_rows >= end - 1) ++segment_to_write, first_row_to_write = 0;
    }
    return num_runs;
  }

  bool was_last_piece_of(std::int64_t pair) {
    std::lock_guard lock(mutex);
    return --pieces_left[pair] == 0;
  }

  void publish(std::int64_t pair) {
    std::lock_guard lock(mutex);
    pieces_left[pair] = is_scored;
    while (num_scored < in.batch.num_pairs && pieces_left[num_scored] == is_scored) ++num_scored;
  }

  /// Sums, scores and gradients of a pair whose rows have been read.
  void score(std::int64_t pair, const Real* partial_sums) const {
    const Batch& batch = in.batch;
    Real grad[2][32];
    for (std::int64_t segment = 2 * pair; segment <= 2 * pair + 1; ++segment) {
      Real* sum = in.out.sums + segment * dim();
      for (std::int64_t piece = in.out.piece_begins[segment]; piece < in.out.piece_begins[segment + 1]; ++piece)
        for (std::int64_t column = 0; column < dim(); ++column) sum[column] += partial_sums[piece * dim() + column];
      in.finish_segment(segment);
      for (std::int64_t member = 0; member < batch.num_members; ++member)
        scores[member * batch.num_segments + segment] = linear_score(batch, in.head, dim(), in.out, member, segment);
    }
    for (std::int64_t member = 0; member < batch.num_members; ++member) {
      const Real* of_pair = scores + member * batch.num_segments + 2 * pair;
      Real label, weight, margin;
      PairInputs<Real> pair_in{1, of_pair, of_pair + 1, nullptr, nullptr, nullptr, static_cast<Real>(args.tie_parameter(member, 0))};
      pair_in.label = in_order(batch.labels, 0, pair, 1, &label);
      pair_in.weight = in_order(batch.weights, member, pair, 1, &weight);
      pair_in.margin = in_order(batch.margins, member, pair, 1, &margin);
      PairOutputs<Real> pair_out;
      pair_out.grad_first = &grad[0][member];
      pair_out.grad_second = &grad[1][member];
      PairSums ignored;  // batch_loss adds up, in its own order
      evaluate_pairs(args.loss, pair_in, pair_out, ignored);
    }
    for (int side : {0, 1}) {
      const std::int64_t length = in.length_of(2 * pair + side);
      if (length == 0) continue;
      for (std::int64_t member = 0; member < batch.num_members; ++member) {
        grad[side][member] *= scale;
        if (in.params.aggregation == Aggregation::mean) grad[side][member] /= static_cast<Real>(length);
      }
      write_ends(2 * pair + side, grad[side]);
    }
  }

  /// The first row of a segment's gradient, the last one, and what is left of the second one before its first whole line.
  void write_ends(std::int64_t segment, const Real* grad) const {
    const std::int64_t begin = in.batch.segment_begin(segment), last = in.batch.segment_end(segment) - 1;
    const Element* model = grad_row(begin);
    linear_grad_row(in.batch.num_members, dim(), in.head.weight, grad, grad_row(begin));
    if (last == begin) return;
    const std::int64_t before = elements_before_line(model);
    std::copy_n(model, before, grad_row(begin + 1));
    std::copy_n(model + before, dim() - before, grad_row(last) + before);
  }
};

}  // namespace

template <typename Element, typename Real>
std::optional<Real> linear_sweep_scale(const BatchLossArgs<Real>& args, const AggregationParams<Real>& params, std::int64_t feature_dim) {
  const Batch& batch = *args.batch;
  const std::int64_t row_bytes = feature_dim * static_cast<std::int64_t>(sizeof(Element));
  if (row_bytes % bytes_per_line != 0 || row_bytes < least_row_bytes || batch.num_steps * row_bytes <= stream_from_bytes || batch.num_pairs < least_pairs)
    return std::nullopt;
  const std::optional<Real> scale = scale_beforehand(args, params);
  if (!scale) return std::nullopt;
  for (std::int64_t pair = 0; pair < batch.num_pairs; ++pair)
    if (further_pieces(batch, 2 * pair) + further_pieces(batch, 2 * pair + 1) > num_partial_sums(batch.num_steps)) return std::nullopt;
  return scale;
}

template <typename Element, typename Real>
void linear_sweep(const BatchLossArgs<Real>& args, const AggregationParams<Real>& params, Real scale, const FeatureRows<Element>& features,
                  const LinearWeights<Real>& head, const std::uint8_t* used, const FeatureSums<Real>& out, Real* step_rewards, Real* scores,
                  Element* grad_features, std::int64_t* pieces_left, ThreadPool& pool) {
  Sweep<Element, Real>{{*args.batch, params, features, head, used, out, step_rewards}, args, scale, scores, grad_features, pieces_left, pool}.run();
}

#define SEGPREF_FOR_ELEMENTS(DO) DO(float, float) DO(double, double) DO(bf16, float) DO(f16, float)
#define SEGPREF_INSTANTIATE(Element, Real)                                                                                                       \
  template std::optional<Real> linear_sweep_scale<Element, Real>(const BatchLossArgs<Real>&, const AggregationParams<Real>&, std::int64_t);      \
  template void linear_sweep<Element, Real>(const BatchLossArgs<Real>&, const AggregationParams<Real>&, Real, const FeatureRows<Element>&,       \
                                            const LinearWeights<Real>&, const std::uint8_t*, const FeatureSums<Real>&, Real*, Real*, Element*,   \
                                            std::int64_t*, ThreadPool&);
SEGPREF_FOR_ELEMENTS(SEGPREF_INSTANTIATE)
#undef SEGPREF_INSTANTIATE

}  // namespace segpref::cpu
