// Elements of file arrays as the numbers the library works with.
#pragma once

#include <cstdint>
#include <vector>

#include "host/files/npz_reader.hpp"
#include "segpref/dtype.hpp"

namespace segpref::files {

/// Any element type to f64, exact except for 64-bit integers beyond 2^53.
std::vector<double> to_reals(const NpyArray& array);
/// Integers (bool included) to i64. @throws Error(bad_data) for floats, and for a u64 beyond 2^63 with its position
std::vector<std::int64_t> to_integers(const NpyArray& array, const std::string& where);

/// How features of this type are kept: f16 as f16, all else as f32.
DType feature_dtype_of(NpyType type);
/// Reads the next elements of a stream into `out` as `dtype` (f16 only from f16, f32 from anything); Fortran order only all at
/// once.
void read_features(NpyStream& stream, DType dtype, std::byte* out, std::int64_t num_elements);
/// Index of the first element that is NaN or infinite, or -1.
std::int64_t find_nonfinite(DType dtype, const std::byte* elements, std::int64_t num_elements);
/// The element as f64; dtype f16 or f32.
double element_at(DType dtype, const std::byte* elements, std::int64_t element_idx);

}  // namespace segpref::files
