// Labels of a file to the probability that the second segment is preferred.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/files/npz_reader.hpp"
#include "segpref/dataset.hpp"

namespace segpref::files {

/// @param array  [num_pairs], or [num_pairs, 2] with two_columns    @throws Error(bad_data) naming position, value and rule
std::vector<float> convert_labels(const NpyArray& array, LabelConvention convention, std::int64_t num_pairs,
                                  const std::string& where);

}  // namespace segpref::files
