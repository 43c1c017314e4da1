// An epoch's minibatches on the modelled device: the bits of the CPU's generator, from one graph for every epoch.
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/cpu/random.hpp"
#include "kernels/cuda/counter/launch.hpp"
#include "kernels/cuda/minibatch/launch.hpp"
#include "kernels/math/epoch_stream.hpp"
#include "tests/simt/cuda_runtime/failures.hpp"
#include "tests/simt/host/device_call.hpp"

namespace segpref::simt {
namespace {

constexpr std::uint64_t seed = 5;

std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }

/// Lists of pairs, an epoch of which is put into order by the CPU and by the device.
class Lists {
 public:
  Lists(std::int64_t num_lists, std::int64_t num_pairs, std::int64_t batch_pairs, bool is_bootstrap)
      : keys_(count(num_lists * num_pairs)), sorted_keys_(keys_.size()), entries_(keys_.size()), sorted_entries_(keys_.size()), drawn_(keys_.size()), order_(keys_.size()),
        pairs_(pairs_of(num_pairs)), d_pairs_(pairs_) {
    params.draws.seed = seed;
    params.num_lists = num_lists;
    params.num_pairs = num_pairs;
    params.batch_pairs = batch_pairs;
    params.pairs = is_bootstrap ? drawn_.get() : d_pairs_.get();
    params.has_own_pairs = is_bootstrap;
    params.keys = keys_.get();
    params.sorted_keys = sorted_keys_.get();
    params.entries = entries_.get();
    params.sorted_entries = sorted_entries_.get();
    params.order = order_.get();
  }

  void draw_bootstrap(cudaStream_t stream) const {
    EXPECT_EQ(cuda::launch_bootstrap_pairs({{seed, 0, nullptr}, params.num_lists, params.num_pairs, d_pairs_.get(), drawn_.get()}, stream), cudaSuccess);
  }
  void put_in_order(cudaStream_t stream) const {
    std::size_t bytes = 0;
    EXPECT_EQ(cuda::epoch_order_storage_bytes(params.num_lists, params.num_pairs, bytes), cudaSuccess);
    const Buffer<unsigned char> storage(bytes);
    EXPECT_EQ(cuda::launch_epoch_order(params, storage.get(), bytes, stream), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  }
  std::vector<std::int64_t> order() const { return order_.to_host(); }

  /// As host/trainer/trainer.cpp makes it.
  std::vector<std::int64_t> order_of_cpu(std::int64_t epoch) const {
    std::vector<std::vector<std::int64_t>> lists;
    std::vector<std::int64_t> indices(pairs_.size());
    for (std::int64_t list = 0; list < params.num_lists; ++list) {
      std::vector<std::int64_t> own = pairs_;
      if (params.has_own_pairs) {
        cpu::fill_bootstrap(seed, math::epoch_stream(math::RandomPurpose::bootstrap, 0, list), indices);
        for (std::size_t i = 0; i < own.size(); ++i) own[i] = pairs_[count(indices[i])];
      }
      cpu::fill_permutation(seed, math::epoch_stream(math::RandomPurpose::permutation, epoch, list), indices);
      lists.emplace_back();
      for (const std::int64_t position : indices) lists.back().push_back(own[count(position)]);
    }
    std::vector<std::int64_t> order;
    for (std::int64_t begin = 0; begin < params.num_pairs; begin += params.batch_pairs)
      for (const auto& list : lists) order.insert(order.end(), list.begin() + begin, list.begin() + std::min(begin + params.batch_pairs, params.num_pairs));
    return order;
  }

  cuda::EpochOrderParams params;

 private:
  static std::vector<std::int64_t> pairs_of(std::int64_t n) {
    std::vector<std::int64_t> pairs(count(n));
    for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = 2 * static_cast<std::int64_t>(i) + 1;
    return pairs;
  }
  Buffer<std::uint64_t> keys_, sorted_keys_;
  Buffer<std::uint32_t> entries_, sorted_entries_;
  Buffer<std::int64_t> drawn_, order_;
  std::vector<std::int64_t> pairs_;
  Buffer<std::int64_t> d_pairs_;
};

TEST(EpochOrder, HasTheBitsOfTheCpu) {
  const Stream stream;
  for (const bool is_bootstrap : {false, true})
    for (const std::int64_t num_lists : {1, 2, 5})
      for (const std::int64_t num_pairs : {1, 7, 300}) {
        Lists lists(num_lists, num_pairs, 64, is_bootstrap);
        if (is_bootstrap) lists.draw_bootstrap(stream.get());
        for (const std::int64_t epoch : {0, 1, 1000}) {
          lists.params.draws.epoch = epoch;
          lists.put_in_order(stream.get());
          EXPECT_EQ(lists.order(), lists.order_of_cpu(epoch)) << num_lists << " lists of " << num_pairs << " pairs, epoch " << epoch << (is_bootstrap ? ", bootstrap" : "");
        }
      }
}

TEST(EpochOrder, OfAnEpochOnTheDeviceCountsOnInAGraph) {
  const Stream stream;
  Lists lists(3, 40, 16, false);
  const Buffer<std::int64_t> epoch(1, 8);
  lists.params.draws.epoch = 77;  // not looked at
  lists.params.draws.device_epoch = epoch.get();
  std::size_t bytes = 0;
  ASSERT_EQ(cuda::epoch_order_storage_bytes(3, 40, bytes), cudaSuccess);
  const Buffer<unsigned char> storage(bytes);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), cudaSuccess);
  EXPECT_EQ(cuda::launch_epoch_order(lists.params, storage.get(), bytes, stream.get()), cudaSuccess);
  EXPECT_EQ(cuda::launch_advance_counter(epoch.get(), stream.get()), cudaSuccess);
  ASSERT_EQ(cudaStreamEndCapture(stream.get(), &graph), cudaSuccess) << "something waited or allocated";
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  for (std::int64_t replay = 0; replay < 3; ++replay) {
    ASSERT_EQ(cudaGraphLaunch(executable, stream.get()), cudaSuccess);
    stream.wait();
    EXPECT_EQ(lists.order(), lists.order_of_cpu(8 + replay));
  }
  EXPECT_EQ(epoch.to_host()[0], 11);
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
}

TEST(EpochOrder, OfNoPairsEnqueuesNothing) {
  const Stream stream;
  std::size_t bytes = 7;
  EXPECT_EQ(cuda::epoch_order_storage_bytes(3, 0, bytes), cudaSuccess);
  EXPECT_EQ(bytes, 0u);
  EXPECT_EQ(cuda::launch_epoch_order({}, nullptr, 0, stream.get()), cudaSuccess);
  EXPECT_EQ(cuda::launch_bootstrap_pairs({}, stream.get()), cudaSuccess);
  EXPECT_EQ(num_pending_operations(), 0u);
}

TEST(EpochOrder, EndsWithTheLaunchThatFails) {
  const Stream stream;
  const Lists lists(2, 10, 4, false);
  std::size_t bytes = 0;
  ASSERT_EQ(cuda::epoch_order_storage_bytes(2, 10, bytes), cudaSuccess);
  const Buffer<unsigned char> storage(bytes);
  for (int num_good = 0; num_good < 5; ++num_good) {  // draws, sort, lists, sort, order
    fail_launch_after(num_good, cudaErrorInvalidConfiguration);
    EXPECT_EQ(cuda::launch_epoch_order(lists.params, storage.get(), bytes, stream.get()), cudaErrorInvalidConfiguration);
    EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
    EXPECT_EQ(num_pending_operations(), static_cast<std::size_t>(num_good));
    stream.wait();
  }
  EXPECT_EQ(cuda::launch_epoch_order(lists.params, storage.get(), bytes, stream.get()), cudaSuccess);
  stream.wait();
  EXPECT_EQ(lists.order(), lists.order_of_cpu(0));
}

TEST(EpochOrder, NeedsTheStorageThatItAsksFor) {
  const Stream stream;
  const Lists lists(2, 10, 4, false);
  EXPECT_EQ(cuda::launch_epoch_order(lists.params, nullptr, 0, stream.get()), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  stream.wait();
}

}  // namespace
}  // namespace segpref::simt
