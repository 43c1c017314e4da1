// One optimiser step and the scores of a segment that it feeds, on two streams, the second time from a graph.
#include "kernels/cuda/adamw/launch.hpp"
#include "kernels/cuda/segment_reduce/launch.hpp"
#include "tests/simt/cuda_runtime/cuda_runtime.hpp"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

namespace {

void require(cudaError_t code) {
  if (code != cudaSuccess) throw simt::Error(cudaGetErrorName(code));
}

simt::Finding run() {
  constexpr std::size_t n = 8;
  const std::vector<float> parameters(n, 1.0f), gradients(n, 0.25f), zeros(n, 0.0f);
  const std::vector<std::int32_t> offsets = {0, 8};
  const simt::Buffer<float> d_parameters(n), d_gradients(gradients), d_first(zeros), d_second(zeros), d_score(1);
  const simt::Buffer<std::int32_t> d_offsets(offsets);
  cudaStream_t update = nullptr, score = nullptr;
  cudaEvent_t updated = nullptr;
  require(cudaStreamCreateWithFlags(&update, cudaStreamNonBlocking));
  require(cudaStreamCreateWithFlags(&score, cudaStreamNonBlocking));
  require(cudaEventCreateWithFlags(&updated, cudaEventDisableTiming));

  cuda::AdamWParams<float> step{};
  step.parameters = d_parameters.get();
  step.gradients = d_gradients.get();
  step.first_moment = d_first.get();
  step.second_moment = d_second.get();
  step.num_parameters = n;
  math::AdamWCoefficients<float>& c = step.coefficients;
  c.beta1 = c.rest1 = c.beta2 = c.rest2 = 0.5f;
  c.step_size = c.root_scale = c.keep = 1;
  cuda::SegmentScoresParams<float, float> scores{};
  scores.step_rewards = d_parameters.get();
  scores.offsets = {d_offsets.get(), false};
  scores.scores = d_score.get();
  scores.num_steps = n;
  scores.num_segments = scores.num_members = 1;

  float result = 0;
  require(cudaMemcpyAsync(d_parameters.get(), parameters.data(), n * sizeof(float), cudaMemcpyHostToDevice, update));
  require(cuda::launch_adamw(step, update));
  require(cudaEventRecord(updated, update));
  require(cudaStreamWaitEvent(score, updated, 0));
  require(cuda::launch_segment_scores(scores, cuda::SegmentRegime::short_segments, score));
  require(cudaMemcpyAsync(&result, d_score.get(), sizeof(float), cudaMemcpyDeviceToHost, score));
  require(cudaStreamSynchronize(score));
  const simt::Finding first = simt::compare(std::vector<float>{result}, std::vector<float>{8 * (1 - 0.5f / std::sqrt(0.5f))});

  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  require(cudaStreamBeginCapture(score, cudaStreamCaptureModeGlobal));
  const cudaError_t in_capture = cuda::launch_segment_scores(scores, cuda::SegmentRegime::long_segments, score);
  require(cudaStreamEndCapture(score, &graph));
  require(in_capture);
  require(cudaGraphInstantiate(&executable, graph, 0));
  require(cudaGraphLaunch(executable, score));
  require(cudaDeviceSynchronize());
  const simt::Finding second = simt::compare(d_score.to_host(), std::vector<float>{result});
  require(cudaGraphExecDestroy(executable));
  require(cudaGraphDestroy(graph));
  require(cudaEventDestroy(updated));
  require(cudaStreamDestroy(update));
  require(cudaStreamDestroy(score));
  return first.empty() ? second : first;
}

}  // namespace

int main() { return simt::run_over_seeds(run); }
