// SplitMix64 (Steele, Lea and Flood 2014): small, seedable, the same everywhere.
#pragma once

#include <cstdint>

namespace segpref::simt {

class Random {
 public:
  explicit Random(std::uint64_t seed = 0) : state_(seed * 0x2545f4914f6cdd1dull + 1) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
  bool chance(double probability) { return static_cast<double>(next() >> 11) * 0x1p-53 < probability; }

 private:
  std::uint64_t state_;
};

}  // namespace segpref::simt
