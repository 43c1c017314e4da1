#include "host/cuda_backend/with_cuda/check_values.hpp"

#include "host/device/stream_memory.hpp"
#include "host/device/with_cuda/check.hpp"
#include "kernels/cuda/check_values/launch.hpp"

namespace segpref::cuda_backend {
namespace {

/// What comes back from the device.
struct Answer {
  unsigned long long first_offender;
  kernels::ValuesAt values;
};

void refuse_capture(cudaStream_t stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  device::check(cudaStreamIsCapturing(stream, &status), "cudaStreamIsCapturing");
  if (status != cudaStreamCaptureStatusNone)
    throw Error(ErrorCode::unsupported, "the context checks values in device memory, which waits for its stream; a stream that is being captured cannot be waited for: "
                                        "capture with a context without checking_values()");
}

template <typename T>
T read_back(const T* on_device, cudaStream_t stream) {
  T value;
  device::check(cudaMemcpyAsync(&value, on_device, sizeof(T), cudaMemcpyDeviceToHost, stream), "cudaMemcpyAsync");
  device::check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  return value;
}

}  // namespace

void check_values(const Context& context, int device_index, const validation::ValueChecks& checks) {
  const auto stream = static_cast<cudaStream_t>(context.stream());
  refuse_capture(stream);
  const device::StreamMemory memory(sizeof(Answer), device_index, stream);
  auto* answer = reinterpret_cast<Answer*>(memory.data());

  static_assert(cuda::max_value_checks >= validation::ValueChecks::max_checks);
  cuda::CheckValuesParams params;
  for (const validation::ValueCheck& check : checks.all()) params.checks[params.num_checks++] = check.values;
  params.first_offender = &answer->first_offender;
  device::check(cudaMemsetAsync(params.first_offender, 0xff, sizeof *params.first_offender, stream), "cudaMemsetAsync");
  device::check(cuda::launch_check_values(params, stream), "launch_check_values");
  const unsigned long long offender = read_back(params.first_offender, stream);
  if (offender == cuda::no_offender) return;

  const validation::ValueCheck& broken = checks.all()[static_cast<std::size_t>(offender >> cuda::offender_position_bits)];
  const auto position = static_cast<std::int64_t>(offender & ((1ull << cuda::offender_position_bits) - 1));
  device::check(cuda::launch_read_offender({broken.values, position, &answer->values}, stream), "launch_read_offender");
  throw broken.error(position, read_back(&answer->values, stream));
}

}  // namespace segpref::cuda_backend
