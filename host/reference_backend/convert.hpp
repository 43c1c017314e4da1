// Between the public views and the oracle's vectors of double.
#pragma once

#include <vector>

#include "kernels/cpu/batch.hpp"
#include "kernels/reference/preference_loss.hpp"
#include "segpref/preference_options.hpp"

namespace segpref::reference_backend {

using Row = std::vector<double>;
using Rows = std::vector<Row>;

/// [rows, columns], rows may be strided; [columns] is one row. Any floating type.
Rows rows_of(const ConstTensorView& view);
/// Every element in row-major order.
Row values_of(const ConstTensorView& view);

/// Rounds to the view's type; an absent view takes nothing.
void store(const TensorView& view, const Row& values);
void store(const TensorView& view, const Rows& rows);

std::vector<reference::Segment> segments_of(const cpu::Batch& batch);
reference::PreferenceProblem problem_of(const cpu::Batch& batch, const PreferenceOptions& options);

/// Everything of a result but the scores, which reward models define each in their way.
void store_result(const PreferenceResult& result, const reference::PreferenceSolution& solution);

/// By segment: a pair of this member that was not left out (weight 0, or skipped) uses it.
std::vector<bool> counted_segments(const reference::PreferenceProblem& problem, const reference::PreferenceSolution& solution, std::size_t member);

}  // namespace segpref::reference_backend
