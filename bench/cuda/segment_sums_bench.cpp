// Scores alone: our kernel beside cub::DeviceSegmentedReduce and thrust::reduce_by_key, on the segments of given-short and given-long.
// Floor: every reward read once. A copy of as many bytes reads half of them and writes the others.
#include <cmath>
#include <functional>
#include <string>

#include "bench/common/given_workload.hpp"
#include "bench/cuda/segment_sums_peers.hpp"
#include "bench/cuda/timing.hpp"
#include "host/cuda_backend/with_cuda/segment_work.hpp"

namespace segpref::bench {
namespace {

enum class Peer { segpref, cub, thrust };

/// The sums of one workload by one of the three, with the rewards in as many places as keep the cache cold.
class Sums {
 public:
  Sums(const GivenWorkload& workload, Peer peer, const Stream& stream, int num_rotations)
      : workload_(workload), peer_(peer), stream_(stream), offsets_(workload.offsets), sums_(static_cast<std::size_t>(workload.num_segments())),
        segment_of_(peer == Peer::thrust ? segment_of(workload) : std::vector<std::int32_t>()), keys_(sums_.size()),
        pieces_(static_cast<std::size_t>(2 * cuda::num_stretches(workload.num_steps()))), storage_bytes_(bytes_of_cub()), storage_(storage_bytes_) {
    for (int i = 0; i < num_rotations; ++i) rewards_.emplace_back(workload.rewards);
    device::check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  }

  void enqueue(int rotation) {
    const DeviceArray<float>& rewards = rewards_[static_cast<std::size_t>(rotation) % rewards_.size()];
    const SegmentSums sums{rewards.get(), offsets_.get(), workload_.num_segments(), sums_.get()};
    switch (peer_) {
      case Peer::segpref: return device::check(cuda::launch_segment_scores(params(rewards.get()), cuda_backend::segment_regime(false, workload_.num_steps(), longest()), stream_.get()), "launch_segment_scores");
      case Peer::cub: return device::check(cub_segment_sums(storage_.get(), storage_bytes_, sums, stream_.get()), "cub_segment_sums");
      case Peer::thrust: return thrust_segment_sums(segment_of_.get(), workload_.num_steps(), sums, keys_.get(), stream_.get());
    }
  }
  bool is_right() {
    enqueue(0);
    stream_.wait();
    std::vector<float> got(sums_.size());
    sums_.copy_to(got);
    const std::vector<double> expected = workload_.scores();
    for (std::size_t s = 0; s < got.size(); ++s)
      if (!(std::fabs(static_cast<double>(got[s]) - expected[s]) <= 1e-5 * (1 + std::fabs(expected[s])))) return false;
    return true;
  }

 private:
  static std::vector<std::int32_t> segment_of(const GivenWorkload& workload) {
    std::vector<std::int32_t> segments;
    for (std::size_t s = 0; s + 1 < workload.offsets.size(); ++s) segments.insert(segments.end(), static_cast<std::size_t>(workload.offsets[s + 1] - workload.offsets[s]), static_cast<std::int32_t>(s));
    return segments;
  }
  std::size_t bytes_of_cub() const {
    std::size_t bytes = 0;
    device::check(cub_segment_sums(nullptr, bytes, {nullptr, offsets_.get(), workload_.num_segments(), sums_.get()}, stream_.get()), "cub_segment_sums");
    return std::max<std::size_t>(bytes, 1);
  }
  std::int64_t longest() const {
    std::int64_t most = 0;
    for (std::size_t s = 0; s + 1 < workload_.offsets.size(); ++s) most = std::max(most, workload_.offsets[s + 1] - workload_.offsets[s]);
    return most;
  }
  cuda::SegmentScoresParams<float, float> params(const float* rewards) const {
    cuda::SegmentScoresParams<float, float> p{};
    p.step_rewards = rewards;
    p.offsets = {offsets_.get(), true};
    p.scores = sums_.get();
    p.piece_sums = pieces_.get();
    p.num_steps = workload_.num_steps();
    p.num_segments = workload_.num_segments();
    p.num_members = 1;
    return p;
  }

  const GivenWorkload& workload_;
  Peer peer_;
  const Stream& stream_;
  DeviceArray<std::int64_t> offsets_;
  DeviceArray<float> sums_;
  DeviceArray<std::int32_t> segment_of_, keys_;
  DeviceArray<float> pieces_;
  std::size_t storage_bytes_;
  DeviceArray<std::byte> storage_;
  std::vector<DeviceArray<float>> rewards_;
};

void segment_sums(benchmark::State& state, std::int64_t num_pairs, std::int64_t mean_length, Peer peer) {
  const GivenWorkload workload(num_pairs, mean_length);
  const std::size_t moved_bytes = workload.rewards.size() * sizeof(float);
  const int num_calls = std::max(16, num_rotations(moved_bytes));
  const Stream stream;
  Sums sums(workload, peer, stream, num_rotations(moved_bytes));
  if (!sums.is_right()) return state.SkipWithError("a sum is wrong");
  const auto calls = [&] {
    for (int i = 0; i < num_calls; ++i) sums.enqueue(i);
  };
  if (peer == Peer::thrust) return time_moving(state, stream, moved_bytes, {num_calls, calls});  // it waits, so no graph can hold it
  const Graph graph(stream, calls);
  time_moving(state, stream, moved_bytes, {num_calls, [&] { graph.launch(stream); }});
}

BENCHMARK_CAPTURE(segment_sums, short_segpref, 100'000, 50, Peer::segpref)->Apply(as_gpu_row);
BENCHMARK_CAPTURE(segment_sums, short_cub, 100'000, 50, Peer::cub)->Apply(as_gpu_row);
BENCHMARK_CAPTURE(segment_sums, short_thrust, 100'000, 50, Peer::thrust)->Apply(as_gpu_row);
BENCHMARK_CAPTURE(segment_sums, long_segpref, 1'000, 5'000, Peer::segpref)->Apply(as_gpu_row);
BENCHMARK_CAPTURE(segment_sums, long_cub, 1'000, 5'000, Peer::cub)->Apply(as_gpu_row);
BENCHMARK_CAPTURE(segment_sums, long_thrust, 1'000, 5'000, Peer::thrust)->Apply(as_gpu_row);

}  // namespace
}  // namespace segpref::bench
