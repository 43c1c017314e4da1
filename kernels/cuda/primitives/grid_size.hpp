// How many blocks a count of things takes.
#pragma once

#include <cstdint>

namespace segpref::cuda {

/// Counts of steps, segments and pairs are below 2^48 (host/validate), and a block takes at least 32 of them; where a grid's first axis ends
/// (2^31 - 1), a plan has refused the batch.
constexpr unsigned num_blocks(std::int64_t count, std::int64_t per_block) { return static_cast<unsigned>((count + per_block - 1) / per_block); }

}  // namespace segpref::cuda
