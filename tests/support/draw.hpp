// A seeded source of choices: the same seed gives the same case with every compiler and standard library.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace segpref::testing {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}

  std::int64_t below(std::int64_t limit) { return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(limit)); }
  bool chance(int percent) { return below(100) < percent; }
  double real(double low, double high) { return low + (high - low) * static_cast<double>(random_() >> 11) * 0x1p-53; }
  /// A number that f32 holds exactly, so that both precisions get the same input.
  double narrow(double low, double high) { return static_cast<double>(static_cast<float>(real(low, high))); }
  template <typename T>
  T one_of(const std::vector<T>& values) {
    return values[static_cast<std::size_t>(below(static_cast<std::int64_t>(values.size())))];
  }
  unsigned seed() { return static_cast<unsigned>(random_()); }

 private:
  std::mt19937_64 random_;
};

}  // namespace segpref::testing
