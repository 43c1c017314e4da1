// Runs a kernel test once per seed: every iteration of Google Test is another schedule.
//   SEGPREF_SIMT_SEED=n   that seed alone: repeats a failure
//   SEGPREF_LONG_TESTS=1  20 seeds instead of 3 (in asan mode 3 instead of 1: it finds what does not depend on the schedule)
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "tests/simt/harness/core/launch.hpp"
#include "tests/simt/harness/core/options.hpp"

#if SEGPREF_SIMT_ASAN_MODE
// A thread that breaks a rule is left where it is: what it held is never freed.
extern "C" __attribute__((visibility("default"))) const char* __asan_default_options() { return "detect_leaks=0"; }
#endif

namespace segpref::simt {
namespace {

class Seeds : public testing::EmptyTestEventListener {
  void OnTestIterationStart(const testing::UnitTest&, int iteration) override {
    if (std::getenv("SEGPREF_SIMT_SEED") == nullptr) options().seed = static_cast<std::uint64_t>(iteration) + 1;
  }
  void OnTestStart(const testing::TestInfo&) override { begin_test(); }
  void OnTestEnd(const testing::TestInfo& test) override {
    if (!test.result()->Failed()) return;
    std::printf("%s.%s failed; repeat with SEGPREF_SIMT_SEED=%llu\n", test.test_suite_name(), test.name(),
                static_cast<unsigned long long>(options().seed));
  }
};

int num_seeds() {
  if (std::getenv("SEGPREF_SIMT_SEED") != nullptr) return 1;
  const bool is_long = std::getenv("SEGPREF_LONG_TESTS") != nullptr;
  return SEGPREF_SIMT_ASAN_MODE ? (is_long ? 3 : 1) : (is_long ? 20 : 3);
}

}  // namespace
}  // namespace segpref::simt

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::UnitTest::GetInstance()->listeners().Append(new segpref::simt::Seeds);
  if (GTEST_FLAG_GET(repeat) == 1) GTEST_FLAG_SET(repeat, segpref::simt::num_seeds());
  return RUN_ALL_TESTS();
}
