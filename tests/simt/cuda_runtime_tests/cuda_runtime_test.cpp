// What the fake CUDA runtime promises, and the mistakes of host code that it must find.
#include "tests/simt/cuda_runtime/cuda_runtime.hpp"

#include "tests/simt/harness_tests/expect_error.hpp"

namespace segpref::simt {
namespace {

__global__ void add_kernel(const float* x, float* y, float summand) { y[threadIdx.x] = x[threadIdx.x] + summand; }

class Stream {
 public:
  Stream() { cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking); }
  ~Stream() { cudaStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  Event() { cudaEventCreateWithFlags(&event_, cudaEventDisableTiming); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  operator cudaEvent_t() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

cudaError_t add(const float* x, float* y, float summand, cudaStream_t stream) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(1);
  config.blockDim = dim3(4);
  config.stream = stream;
  return cudaLaunchKernelEx(&config, add_kernel, x, y, summand);
}

constexpr std::size_t bytes = 4 * sizeof(float);
const std::vector<float> one_to_four = {1, 2, 3, 4};

TEST(CudaRuntime, NothingHappensBeforeSomebodyWaits) {
  const Stream stream;
  const Buffer<float> x(one_to_four), y(4);
  std::vector<float> result(4, 5.0f);
  EXPECT_EQ(add(x.get(), y.get(), 1, stream), cudaSuccess);
  EXPECT_EQ(cudaMemcpyAsync(result.data(), y.get(), bytes, cudaMemcpyDeviceToHost, stream), cudaSuccess);
  EXPECT_EQ(num_pending_operations(), 2u);
  EXPECT_EQ(cudaStreamQuery(stream), cudaErrorNotReady);
  EXPECT_NE(result[0], result[0]) << "the host buffer holds NaN until the copy was waited for";
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(result, (std::vector<float>{2, 3, 4, 5}));
  EXPECT_EQ(cudaStreamQuery(stream), cudaSuccess);
}

TEST(CudaRuntime, AHostBufferReusedTooEarlyArrivesChanged) {
  const Stream stream;
  const Buffer<float> x(4);
  std::vector<float> source = one_to_four;
  EXPECT_EQ(cudaMemcpyAsync(x.get(), source.data(), bytes, cudaMemcpyHostToDevice, stream), cudaSuccess);
  source[0] = 9;
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(x.to_host()[0], 9.0f);
}

TEST(CudaRuntime, AnEventOrdersStreams) {
  const Stream first, second;
  const Event event;
  const Buffer<float> x(one_to_four), y(4), z(4);
  EXPECT_EQ(add(x.get(), y.get(), 1, first), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(event, first), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(second, event, 0), cudaSuccess);
  EXPECT_EQ(add(y.get(), z.get(), 1, second), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(second), cudaSuccess);
  EXPECT_EQ(z.to_host(), (std::vector<float>{3, 4, 5, 6}));
}

TEST(CudaRuntime, TheHostOrdersStreamsToo) {
  const Stream first, second;
  const Buffer<float> x(one_to_four), y(4), z(4);
  EXPECT_EQ(add(x.get(), y.get(), 1, first), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(first), cudaSuccess);
  EXPECT_EQ(add(y.get(), z.get(), 1, second), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(z.to_host()[3], 6.0f);
}

TEST(CudaRuntime, WaitingForAnEventOrdersTheHost) {
  const Stream stream;
  const Event event;
  const Buffer<float> x(one_to_four), y(4);
  EXPECT_EQ(cudaEventQuery(event), cudaSuccess) << "never recorded counts as done";
  EXPECT_EQ(add(x.get(), y.get(), 1, stream), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(event, stream), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(event), cudaErrorNotReady);
  EXPECT_EQ(cudaEventSynchronize(event), cudaSuccess);
  EXPECT_EQ(y.to_host()[0], 2.0f);
}

TEST(CudaRuntime, AMissingEventIsFound) {
  const Stream first, second;
  const Buffer<float> x(one_to_four), y(4, 0.0f), z(4);
  if (mode == Mode::check) {
    EXPECT_EQ(add(x.get(), y.get(), 1, first), cudaSuccess);
    EXPECT_EQ(add(y.get(), z.get(), 1, second), cudaSuccess);
    EXPECT_LAUNCH_ERROR("of another launch or copy are not ordered", cudaDeviceSynchronize());
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    return;
  }
  int num_stale = 0;  // in the other modes by its result: some orders show it
  for (int attempt = 0; attempt < 40; ++attempt) {
    const Buffer<float> fresh(4, 0.0f);
    EXPECT_EQ(add(x.get(), fresh.get(), 1, first), cudaSuccess);
    EXPECT_EQ(add(fresh.get(), z.get(), 1, second), cudaSuccess);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    num_stale += z.to_host()[0] != 3.0f;
  }
  EXPECT_GT(num_stale, 0);
}

TEST(CudaRuntime, MemoryExistsWhenItsStreamComesThere) {
  const Stream stream;
  float* y = nullptr;
  const Buffer<float> x(one_to_four);
  std::vector<float> result(4);
  EXPECT_EQ(cudaMallocAsync(&y, bytes, stream), cudaSuccess);
  EXPECT_EQ(add(x.get(), y, 1, stream), cudaSuccess);
  EXPECT_EQ(cudaMemcpyAsync(result.data(), y, bytes, cudaMemcpyDeviceToHost, stream), cudaSuccess);
  EXPECT_EQ(cudaFreeAsync(y, stream), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(result[3], 5.0f);
}

TEST(CudaRuntime, CopiesStayInsideTheMemoryThatTheirKindNames) {
  const Stream stream;
  const Buffer<float> x(one_to_four);
  std::vector<float> host(8);
  const auto copy = [&](void* to, const void* from, std::size_t size, cudaMemcpyKind kind) {
    cudaMemcpyAsync(to, from, size, kind, stream);
    cudaStreamSynchronize(stream);
  };
  EXPECT_LAUNCH_ERROR("the target is not the memory that the kind names", copy(host.data(), x.get(), bytes, cudaMemcpyHostToDevice));
  EXPECT_LAUNCH_ERROR("the target is not the memory that the kind names", copy(x.get(), host.data(), bytes + 4, cudaMemcpyHostToDevice));
  EXPECT_LAUNCH_ERROR("the source is not the memory that the kind names", copy(host.data(), x.get(), bytes + 4, cudaMemcpyDeviceToHost));
  EXPECT_LAUNCH_ERROR("cudaMemset: not device memory", cudaMemsetAsync(host.data(), 0, 4, stream); cudaStreamSynchronize(stream));
}

TEST(CudaRuntime, DefaultStreamsAreRefused) {
  const Buffer<float> x(one_to_four), y(4);
  EXPECT_LAUNCH_ERROR("default stream", add(x.get(), y.get(), 1, nullptr));
}

TEST(CudaRuntime, AGraphRepeatsWhatWasCaptured) {
  const Stream stream;
  const Buffer<float> x(one_to_four), y(4);
  std::vector<float> result(4, 0.0f);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  EXPECT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  EXPECT_EQ(add(x.get(), y.get(), 1, stream), cudaSuccess);
  EXPECT_EQ(cudaMemcpyAsync(result.data(), y.get(), bytes, cudaMemcpyDeviceToHost, stream), cudaSuccess);
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  EXPECT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(result[0], 0.0f) << "a capture runs nothing";
  for (float value : {5.0f, 7.0f}) {
    const std::vector<float> next(4, value);
    EXPECT_EQ(cudaMemcpyAsync(x.get(), next.data(), bytes, cudaMemcpyHostToDevice, stream), cudaSuccess);
    EXPECT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(result[2], value + 1);
  }
  EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
}

TEST(CudaRuntime, WaitingAndAllocatingSpoilACapture) {
  const Stream stream;
  void* p = nullptr;
  cudaGraph_t graph = nullptr;
  const auto calls = {+[](cudaStream_t s, void**) { return cudaStreamSynchronize(s); }, +[](cudaStream_t, void**) { return cudaDeviceSynchronize(); },
                      +[](cudaStream_t, void** q) { return cudaMalloc(q, 4); }, +[](cudaStream_t, void**) { return cudaFree(nullptr); },
                      +[](cudaStream_t s, void**) { return cudaStreamQuery(s); }};
  for (const auto call : calls) {
    EXPECT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
    EXPECT_EQ(call(stream, &p), cudaErrorStreamCaptureUnsupported);
    EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
  }
  EXPECT_EQ(cudaGetLastError(), cudaErrorStreamCaptureInvalidated);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST(CudaRuntime, LaunchesAreChecked) {
  const Stream stream;
  const Buffer<float> x(one_to_four), y(4);
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(1);
  config.blockDim = dim3(32);
  config.dynamicSmemBytes = 64 << 10;
  config.stream = stream;
  EXPECT_EQ(cudaLaunchKernelEx(&config, add_kernel, x.get(), y.get(), 1.0f), cudaErrorInvalidValue) << "more than 48 KiB must be allowed first";
  EXPECT_EQ(cudaFuncSetAttribute(add_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 64 << 10), cudaSuccess);
  config.blockDim = dim3(4);
  EXPECT_EQ(cudaLaunchKernelEx(&config, add_kernel, x.get(), y.get(), 1.0f), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(y.to_host()[0], 2.0f);
  EXPECT_EQ(cudaFuncSetAttribute(add_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 48 << 10), cudaSuccess);  // as it was
  config.gridDim = dim3(0);
  EXPECT_EQ(cudaLaunchKernelEx(&config, add_kernel, x.get(), y.get(), 1.0f), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaFuncSetAttribute(add_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 300 << 10), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
}

}  // namespace
}  // namespace segpref::simt
