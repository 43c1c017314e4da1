// Which draws shuffle an epoch: a function of seed, purpose, epoch and member alone, so that a run that continues, and a device, draw the same.
#pragma once

#include <cstdint>

#include "kernels/math/philox.hpp"

namespace segpref::math {

/// Members of an ensemble are below 32; the numbers up to 63 are for whoever draws beside them.
SEGPREF_HOST_DEVICE constexpr std::uint64_t epoch_stream(RandomPurpose purpose, std::int64_t epoch, std::int64_t member) {
  constexpr std::uint64_t max_members = 64;
  return random_stream(purpose, static_cast<std::uint64_t>(epoch) * max_members + static_cast<std::uint64_t>(member));
}

}  // namespace segpref::math
