// The one reading of the wide features: coefficient-weighted sums of the rows of every segment, and, if wanted, rewards of all steps in passing.
//   reads   every row of a used segment once (of all steps, where rewards are wanted), 16 bytes a thread where rows are aligned
//   writes  a row of f32 (f64) per segment, one per stretch at most for long ones; per member and step a dot product for each warp over a row
//   floor   num_steps * feature_dim elements read; 2 flops for each, and 2 per member for rewards: bound by memory up to about 8 members
//           (4096 bf16 columns: 8 KiB a row, beside 128 bytes of sums and 64 of parts of rewards per member, written and read once more)
//   order   rows of a piece in groups of 8, last to first; pieces are added later, last to first. Nothing depends on neighbours or the grid
//   empty   segments without rows and unused ones write nothing: nobody reads their sums
// Nothing was measured on a GPU.
#pragma once

#include "kernels/cuda/primitives/search.cuh"
#include "kernels/cuda/reward_linear/row_reader.cuh"

namespace segpref::cuda {

/// Segments [offsets[s], offsets[s + 1]), and two more that nobody sums, so that rewards of all steps are read: -1 before the first segment and
/// num_segments behind the last. Without offsets there is -1 alone, and it holds all steps.
class SegmentsAndRest {
 public:
  SEGPREF_DEVICE explicit SegmentsAndRest(const FeatureSegments& segments) : segments_(segments), count_(segments.offsets.present() ? segments.num_segments + 1 : 0) {}

  SEGPREF_DEVICE std::int64_t begin(std::int64_t segment) const { return segment < 0 ? 0 : segments_.offsets[segment]; }
  SEGPREF_DEVICE std::int64_t end(std::int64_t segment) const { return segment + 1 < count_ ? segments_.offsets[segment + 1] : segments_.num_steps; }
  SEGPREF_DEVICE bool is_summed(std::int64_t segment) const { return segment >= 0 && segment < segments_.num_segments && segments_.is_used(segment); }
  /// The last segment that begins at or before the step; all lanes come.
  SEGPREF_DEVICE std::int64_t at(std::int64_t step) const { return warp_last_not_above(segments_.offsets, count_, step); }
  /// The same for the segment's own end: the next one that is not empty, or the rest.
  SEGPREF_DEVICE std::int64_t after(std::int64_t segment) const { return last_not_above(segments_.offsets, count_, end(segment), segment); }

 private:
  const FeatureSegments& segments_;
  std::int64_t count_;
};

/// Grid (blocks of columns x stretches, columns first: neighbours read the same rows). With rewards the aggregation is not `last`, and
/// num_segments may be 0: then rewards are all that is read.
template <class Tile, bool with_rewards, typename Element, typename Real>
__global__ void __launch_bounds__(Tile::num_threads) feature_sums_kernel(const __grid_constant__ FeatureSumsParams<Element, Real> p) {
  SEGPREF_SHARED(PieceCoefficients<Real>, coefficients);
  // Place: a block of columns, and the pieces whose first rows lie in a stretch of rows
  const auto column_blocks = static_cast<unsigned>(Tile::column_blocks(p.weights.feature_dim));
  RowReader<Tile, with_rewards, Element, Real> reader(p, blockIdx.x % column_blocks);
  const std::int64_t stretch = blockIdx.x / column_blocks, stretch_begin = stretch * rows_per_piece;
  const std::int64_t stretch_end = smaller(stretch_begin + rows_per_piece, p.segments.num_steps), stride = stride_of_sums(p.weights.feature_dim);
  const SegmentsAndRest segments(p.segments);

  std::int64_t filled_for = -1;
  for (std::int64_t segment = segments.at(stretch_begin);; segment = segments.after(segment)) {
    const std::int64_t begin = segments.begin(segment), end = segments.end(segment);
    if (begin >= stretch_end) break;
    // The segment's only piece that begins in this stretch
    const std::int64_t piece = begin < stretch_begin ? blocks_of(stretch_begin - begin, rows_per_piece) : 0;
    std::int64_t first_row = begin + piece * rows_per_piece, last_row = smaller(first_row + rows_per_piece, end);
    if (p.segments.only_last()) {
      last_row = piece == 0 ? end : begin;
      first_row = larger(begin, last_row - 1);
    }
    const bool is_summed = segments.is_summed(segment);
    if (first_row < last_row && (is_summed || with_rewards)) {
      if (filled_for < 0 || (p.segments.is_discounted && filled_for != piece)) {
        fill_coefficients(p.segments, piece * rows_per_piece, Tile::num_threads, coefficients);
        filled_for = piece;
      }
      reader.begin_sum();
      reader.add_rows(first_row, last_row - first_row, coefficients);
      if (is_summed) reader.store_sum(piece == 0 ? p.sums + segment * stride : p.partial_sums + stretch * stride);
    }
    if (end >= stretch_end) break;
  }
}

/// Grid (blocks of columns x windows, pieces of the longest window).
template <class Tile, typename Element, typename Real>
__global__ void __launch_bounds__(Tile::num_threads) window_sums_kernel(const __grid_constant__ FeatureSumsParams<Element, Real> p) {
  SEGPREF_SHARED(PieceCoefficients<Real>, coefficients);
  // Place: a block of columns, and a piece of a window
  const auto column_blocks = static_cast<unsigned>(Tile::column_blocks(p.weights.feature_dim));
  const std::int64_t segment = blockIdx.x / column_blocks, piece = blockIdx.y, length = p.segments.length_of(segment), num_rows = p.segments.num_rows(length);
  const std::int64_t first = piece * p.segments.rows_per_window_piece(num_rows), end = smaller(first + p.segments.rows_per_window_piece(num_rows), num_rows);
  if (first >= end || !p.segments.is_used(segment)) return;
  const std::int64_t first_row = p.segments.begin_of(segment) + length - num_rows, stride = stride_of_sums(p.weights.feature_dim);

  RowReader<Tile, false, Element, Real> reader(p, blockIdx.x % column_blocks);
  reader.begin_sum();
  const std::int64_t last_chunk = first + (end - first - 1) / rows_per_piece * rows_per_piece;
  for (std::int64_t chunk = last_chunk; chunk >= first; chunk -= rows_per_piece) {
    if (chunk == last_chunk || p.segments.is_discounted) fill_coefficients(p.segments, chunk, Tile::num_threads, coefficients);
    reader.add_rows(first_row + chunk, smaller(end - chunk, rows_per_piece), coefficients);
  }
  reader.store_sum(piece == 0 ? p.sums + segment * stride : p.partial_sums + (p.segments.first_partial_sum(segment) + piece - 1) * stride);
}

}  // namespace segpref::cuda
