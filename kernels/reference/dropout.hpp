// The oracle of the dropout mask: which hidden units of which step a call drops. A pure function, drawn from Philox4x32-10.
//
// The unit is dropped when u < rate, else multiplied by 1 / (1 - rate); u is the upper 24 bits of word (index mod 4) over 2^24, of the block
//   key      seed, low word first
//   counter  index / 4 in the two low words, then the stream in the two high words, low word first
//   stream   3 in the upper 16 bits (dropout's own draws), below it ((call * 32 + member) * 4 + layer) mod 2^48
//   index    step * 1024 + unit; a step is its row in the features
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <cstdint>

#include "kernels/reference/reward_mlp.hpp"

namespace segpref::reference {

struct Dropout {
  double rate = 0;
  std::uint64_t seed = 0, call = 0;
};

DropoutMask dropout_mask(const Dropout& dropout);

}  // namespace segpref::reference
