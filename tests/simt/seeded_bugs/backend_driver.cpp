// The public preference_loss on a device, with pairs that share segments: everything on the caller's stream, then the same from a graph.
#include "segpref/preference_loss.hpp"

#include "kernels/cuda/preference_loss/small_batch_params.hpp"
#include "segpref/error.hpp"
#include "tests/simt/cuda_runtime/cuda_runtime.hpp"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

namespace {

void require(cudaError_t code) {
  if (code != cudaSuccess) throw simt::Error(cudaGetErrorName(code));
}

/// Segment 0 stands in both pairs and is preferred in none.
struct Batch {
  const std::vector<float> rewards = {0.5f, -0.25f, 1.0f, 0.75f, -0.5f, 0.25f}, labels = {1, 0};
  const std::vector<std::int32_t> offsets = {0, 2, 5, 6}, pairs = {0, 1, 2, 0};

  /// Loss, then gradients of steps, by the formula.
  std::vector<float> expected() const {
    double scores[3] = {}, grad_scores[3] = {}, loss = 0;
    for (std::size_t s = 0; s < 3; ++s)
      for (std::int32_t t = offsets[s]; t < offsets[s + 1]; ++t) scores[s] += static_cast<double>(rewards[static_cast<std::size_t>(t)]);
    for (std::size_t p = 0; p < 2; ++p) {
      const auto first = static_cast<std::size_t>(pairs[2 * p]), second = static_cast<std::size_t>(pairs[2 * p + 1]);
      const double logit = scores[second] - scores[first], label = static_cast<double>(labels[p]);
      loss += std::log1p(std::exp(label == 1 ? -logit : logit)) / 2;
      const double grad = (1 / (1 + std::exp(-logit)) - label) / 2;
      grad_scores[first] -= grad;
      grad_scores[second] += grad;
    }
    std::vector<float> all = {static_cast<float>(loss)};
    for (std::size_t s = 0; s < 3; ++s) all.insert(all.end(), static_cast<std::size_t>(offsets[s + 1] - offsets[s]), static_cast<float>(grad_scores[s]));
    return all;
  }
};

simt::Finding run_on(cudaStream_t stream) {
  constexpr Device device{Device::Kind::cuda, 0};
  const Batch host;
  const simt::Buffer<float> rewards(host.rewards), labels(host.labels), loss(1), grad(host.rewards.size());
  const simt::Buffer<std::int32_t> offsets(host.offsets), pairs(host.pairs);
  PreferenceBatch batch;
  batch.offsets = view(static_cast<const std::int32_t*>(offsets.get()), {4}, device);
  batch.labels = view(static_cast<const float*>(labels.get()), {2}, device);
  batch.pairs = view(static_cast<const std::int32_t*>(pairs.get()), {2, 2}, device);
  PreferenceResult result;
  result.loss = view(loss.get(), {1}, device);
  PreferenceCapacity capacity{1, 6, cuda::SmallBatchLimits::segments + 1, 2, 0, 0, DType::f32};  // the way of large batches
  capacity.device = device;
  const PreferenceLossPlan plan(capacity);
  const simt::Buffer<std::byte> workspace(plan.workspace_bytes());
  const Context context = Context(1).on_stream(stream);
  const auto call = [&] { preference_loss(context, plan, view(static_cast<const float*>(rewards.get()), {6}, device), batch, {}, result, view(grad.get(), {6}, device), {workspace.get(), workspace.size()}); };
  const auto results = [&] {
    require(cudaStreamSynchronize(stream));
    std::vector<float> all = loss.to_host();
    const std::vector<float> gradients = grad.to_host();
    all.insert(all.end(), gradients.begin(), gradients.end());
    return simt::compare(all, host.expected());
  };

  call();
  const simt::Finding first = results();
  if (!first.empty()) return first;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
  call();
  require(cudaStreamEndCapture(stream, &graph));
  require(cudaGraphInstantiate(&executable, graph, 0));
  require(cudaGraphLaunch(executable, stream));
  const simt::Finding second = results();
  require(cudaGraphExecDestroy(executable));
  require(cudaGraphDestroy(graph));
  return second;
}

simt::Finding run() {
  cudaStream_t stream = nullptr;
  require(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  simt::Finding finding;
  try {
    finding = run_on(stream);
  } catch (const segpref::Error& error) {
    finding = error.what();
  }
  require(cudaStreamDestroy(stream));
  return finding;
}

}  // namespace

int main() { return simt::run_over_seeds(run); }
