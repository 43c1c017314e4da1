#include "host/parallel/thread_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace segpref {
namespace {

class ThreadPoolOfSize : public testing::TestWithParam<int> {};

TEST_P(ThreadPoolOfSize, RunsEveryTaskOnce) {
  ThreadPool pool(GetParam());
  for (int num_tasks : {0, 1, 2, 3, 100, 1000}) {
    std::vector<std::atomic<int>> runs(static_cast<std::size_t>(num_tasks));
    pool.run(num_tasks, [&](std::int64_t task_idx, int thread_idx) {
      EXPECT_GE(thread_idx, 0);
      EXPECT_LT(thread_idx, pool.num_threads());
      ++runs[static_cast<std::size_t>(task_idx)];
    });
    for (const std::atomic<int>& count : runs) EXPECT_EQ(count, 1);
  }
}

TEST_P(ThreadPoolOfSize, ManyShortRunsInARow) {
  ThreadPool pool(GetParam());
  std::atomic<int> total = 0;
  for (int round = 0; round < 2000; ++round) pool.run(3, [&](std::int64_t, int) { ++total; });
  EXPECT_EQ(total, 6000);
}

TEST_P(ThreadPoolOfSize, TwoCallersTakeTurns) {
  ThreadPool pool(GetParam());
  std::atomic<int> total = 0;
  const auto caller = [&] {
    for (int round = 0; round < 200; ++round) pool.run(5, [&](std::int64_t, int) { ++total; });
  };
  std::thread other(caller);
  caller();
  other.join();
  EXPECT_EQ(total, 2000);
}

INSTANTIATE_TEST_SUITE_P(Sizes, ThreadPoolOfSize, testing::Values(1, 2, 3, 7));

}  // namespace
}  // namespace segpref
