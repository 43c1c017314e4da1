// One model trained by every GPU of this machine: each takes its part of a minibatch, one all-reduce adds the flat gradients, and all take the same step.
// The divisor of the mean is that of the whole minibatch: a normalizer from outside. Without a GPU the program says so and ends with 77.
#include <cuda_runtime_api.h>
#include <nccl.h>
#include <segpref/segpref.hpp>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

namespace {

void require(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  std::fprintf(stderr, "%s: %s\n", call, cudaGetErrorString(code));
  std::exit(1);
}
void require(ncclResult_t code, const char* call) {
  if (code == ncclSuccess) return;
  std::fprintf(stderr, "%s: %s\n", call, ncclGetErrorString(code));
  std::exit(1);
}

constexpr std::int64_t num_pairs = 64, length = 10, feature_dim = 3, num_segments = 2 * num_pairs, num_steps = num_segments * length, num_members = 2;

struct Data {
  std::vector<float> features, labels;
  std::vector<std::int64_t> offsets = {0}, pairs;

  Data() {
    for (std::int64_t i = 0; i < num_steps * feature_dim; ++i) features.push_back(static_cast<float>(std::sin(0.7 * static_cast<double>(i))));
    for (std::int64_t s = 1; s <= num_segments; ++s) offsets.push_back(s * length);
    for (std::int64_t p = 0; p < num_pairs; ++p) {
      labels.push_back(p % 3 == 0 ? 0.0f : 1.0f);
      pairs.push_back(p);
    }
  }
};

template <typename T>
T* on_device(const std::vector<T>& values) {
  void* copy = nullptr;
  require(cudaMalloc(&copy, values.size() * sizeof(T)), "cudaMalloc");
  require(cudaMemcpy(copy, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
  return static_cast<T*>(copy);
}

/// What one GPU holds: the data, and a model that is the same on all. Lives as long as the program.
struct Rank {
  segpref::Device device;
  cudaStream_t stream = nullptr;
  float *features, *labels, *parameters, *gradient, *first_moment, *second_moment;
  std::int64_t *offsets, *pairs;
  std::int64_t begin, count;  // its pairs
};

Rank make_rank(int index, int num_ranks, const Data& data, const std::vector<float>& parameters) {
  require(cudaSetDevice(index), "cudaSetDevice");
  const std::vector<float> zeros(parameters.size(), 0.0f);
  Rank rank;
  rank.device = {segpref::Device::Kind::cuda, index};
  require(cudaStreamCreateWithFlags(&rank.stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  rank.features = on_device(data.features);
  rank.labels = on_device(data.labels);
  rank.offsets = on_device(data.offsets);
  rank.pairs = on_device(data.pairs);
  rank.parameters = on_device(parameters);
  rank.gradient = on_device(zeros);
  rank.first_moment = on_device(zeros);
  rank.second_moment = on_device(zeros);
  rank.begin = num_pairs * index / num_ranks;
  rank.count = num_pairs * (index + 1) / num_ranks - rank.begin;
  require(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  return rank;
}

segpref::PreferenceBatch batch_of(const std::int64_t* offsets, const float* labels, const std::int64_t* pairs, std::int64_t count, const segpref::Device& device) {
  segpref::PreferenceBatch batch;
  batch.offsets = segpref::view(offsets, {num_segments + 1}, device);
  batch.labels = segpref::view(labels, {num_pairs}, device);
  batch.pair_order = segpref::view(pairs, {count}, device);
  return batch;
}

}  // namespace

int main() {
  int num_ranks = 0;
  if (cudaGetDeviceCount(&num_ranks) != cudaSuccess || num_ranks == 0) {
    std::printf("not run: no GPU\n");
    return 77;
  }
  const Data data;
  segpref::RewardArchitecture architecture;
  architecture.feature_dim = feature_dim;
  architecture.hidden = {32};
  architecture.num_members = num_members;
  architecture.activation = segpref::Activation::tanh;
  std::vector<float> parameters;
  segpref::initialize_parameters(architecture, 0, parameters);
  const auto size = static_cast<std::int64_t>(parameters.size());
  segpref::PreferenceOptions options;
  options.normalizer = static_cast<double>(num_pairs);  // the sum of all weights, whoever holds them

  std::vector<Rank> ranks;
  for (int index = 0; index < num_ranks; ++index) ranks.push_back(make_rank(index, num_ranks, data, parameters));
  std::vector<ncclComm_t> communicators(static_cast<std::size_t>(num_ranks));
  require(ncclCommInitAll(communicators.data(), num_ranks, nullptr), "ncclCommInitAll");

  const segpref::Context context;
  std::vector<float> gradient_of_first_step(parameters.size());
  for (std::int64_t step = 1; step <= 20; ++step) {
    for (const Rank& rank : ranks) {
      segpref::Features features;
      features.first = segpref::view(static_cast<const float*>(rank.features), {num_steps, feature_dim}, rank.device);
      segpref::MlpGradients gradients;
      gradients.parameters = segpref::view(rank.gradient, {size}, rank.device);
      segpref::mlp_preference_loss(context.on_stream(rank.stream), architecture, segpref::view(static_cast<const float*>(rank.parameters), {size}, rank.device), features,
                                   batch_of(rank.offsets, rank.labels, rank.pairs + rank.begin, rank.count, rank.device), options, {}, gradients);
    }
    require(ncclGroupStart(), "ncclGroupStart");
    for (std::size_t i = 0; i < ranks.size(); ++i)
      require(ncclAllReduce(ranks[i].gradient, ranks[i].gradient, parameters.size(), ncclFloat, ncclSum, communicators[i], ranks[i].stream), "ncclAllReduce");
    require(ncclGroupEnd(), "ncclGroupEnd");
    if (step == 1) {
      require(cudaStreamSynchronize(ranks[0].stream), "cudaStreamSynchronize");
      require(cudaMemcpy(gradient_of_first_step.data(), ranks[0].gradient, parameters.size() * sizeof(float), cudaMemcpyDeviceToHost), "cudaMemcpy");
    }
    for (const Rank& rank : ranks)
      segpref::adamw_step(context.on_stream(rank.stream), segpref::view(rank.parameters, {size}, rank.device), segpref::view(static_cast<const float*>(rank.gradient), {size}, rank.device),
                          segpref::view(rank.first_moment, {size}, rank.device), segpref::view(rank.second_moment, {size}, rank.device), step, {});
  }

  // The gradient is that of the whole minibatch, here computed on the CPU, and all GPUs hold the same model.
  std::vector<float> expected(parameters.size());
  segpref::Features features;
  features.first = segpref::view(data.features.data(), {num_steps, feature_dim});
  segpref::MlpGradients gradients;
  gradients.parameters = segpref::view(expected);
  segpref::mlp_preference_loss(context, architecture, segpref::view(static_cast<const float*>(parameters.data()), {size}), features,
                               batch_of(data.offsets.data(), data.labels.data(), data.pairs.data(), num_pairs, {}), {}, {}, gradients);
  double largest = 0, worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::fmax(largest, std::fabs(static_cast<double>(expected[i])));
    worst = std::fmax(worst, std::fabs(static_cast<double>(expected[i]) - static_cast<double>(gradient_of_first_step[i])));
  }
  bool are_equal = true;
  std::vector<float> first, model(parameters.size());
  for (const Rank& rank : ranks) {
    require(cudaSetDevice(rank.device.index), "cudaSetDevice");
    require(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    require(cudaMemcpy(model.data(), rank.parameters, parameters.size() * sizeof(float), cudaMemcpyDeviceToHost), "cudaMemcpy");
    if (first.empty()) first = model;
    are_equal = are_equal && model == first;
  }
  for (ncclComm_t communicator : communicators) require(ncclCommDestroy(communicator), "ncclCommDestroy");
  std::printf("%d GPUs: the summed gradient is off by %.1e of its largest; models are %s\n", num_ranks, worst / largest, are_equal ? "equal" : "DIFFERENT");
  return are_equal && worst < 1e-5 * largest ? 0 : 1;
}
