// What is asked of the values of a batch, in the order in which offenders are reported, for raw forms that lie in host or in device memory.
#pragma once

#include "host/validate/value_checks.hpp"
#include "kernels/common/batch.hpp"
#include "kernels/common/rankings.hpp"
#include "segpref/preference_options.hpp"

namespace segpref::validation {

/// Offsets or windows alone.
void add_segment_values(const kernels::Batch& batch, ValueChecks& checks);

/// All arrays of a batch, the tie parameter, and the rules between ties and margins.
/// @param tie_parameter      the raw form of options.tie_parameter; not looked at without a tie model
/// @param max_segment_steps  the plan's promise; 0 promises nothing
ValueChecks preference_values(const kernels::Batch& batch, const PreferenceOptions& options, const kernels::RealArray& tie_parameter, std::int64_t max_segment_steps);

/// @param segments  num_steps and num_segments, offsets or windows
ValueChecks ranking_values(const kernels::Batch& segments, const kernels::Rankings& rankings, std::int64_t max_segment_steps);

/// Means and standard deviations of features.
ValueChecks standardisation_values(const kernels::RealArray& mean, const kernels::RealArray& std, std::int64_t feature_dim);

/// Pairs of query_scores.
ValueChecks query_values(const kernels::IndexArray& pairs, std::int64_t num_pairs, std::int64_t num_segments);

/// The step of adamw_step, [1].
ValueChecks adamw_values(const kernels::IndexArray& step);

}  // namespace segpref::validation
