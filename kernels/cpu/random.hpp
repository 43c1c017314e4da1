// Whole arrays of draws from the counter-based generator (kernels/math/philox.hpp).
#pragma once

#include <cstdint>
#include <span>

namespace segpref::cpu {

/// values[i] = lo + (hi - lo) * uniform(seed, stream, i), in f32.
void fill_uniform(std::uint64_t seed, std::uint64_t stream, float lo, float hi, std::span<float> values);

/// A permutation of 0 .. n - 1: the indices in the order of their 64-bit draws (ties by index). Sorting by key rather than swapping
/// in turn, so that a parallel sort gives the same permutation.
void fill_permutation(std::uint64_t seed, std::uint64_t stream, std::span<std::int64_t> indices);

/// n draws with replacement from 0 .. n - 1.
void fill_bootstrap(std::uint64_t seed, std::uint64_t stream, std::span<std::int64_t> indices);

}  // namespace segpref::cpu
