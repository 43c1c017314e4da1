// Which instruction set ran: the best one of this processor, or the one that SEGPREF_ISA lowered it to.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "segpref/context.hpp"

namespace segpref {
namespace {

/// What the compiler's own run-time library says of this processor, weakest first.
std::vector<std::string> supported() {
#if defined(__x86_64__)
  std::vector<std::string> names = {"baseline"};
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  if (avx2) names.push_back("avx2");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd"))
    names.push_back("avx512");
  return names;
#else
  return {"baseline", "neon"};
#endif
}

TEST(InstructionSet, IsTheOneAskedForOrTheBestBelowIt) {
  std::vector<std::string> names = supported();
  const char* asked = std::getenv("SEGPREF_ISA");
  const auto place = std::find(names.begin(), names.end(), asked == nullptr ? "" : asked);  // a better one than there is changes nothing
  if (place != names.end()) names.erase(place + 1, names.end());
  EXPECT_EQ(Context::instruction_set(), names.back());
  RecordProperty("instruction_set", Context::instruction_set());
}

}  // namespace
}  // namespace segpref
