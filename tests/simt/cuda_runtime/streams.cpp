#include "tests/simt/cuda_runtime/streams.hpp"

#include <algorithm>
#include <utility>

#include "tests/simt/cuda_runtime/cuda_runtime.hpp"
#include "tests/simt/cuda_runtime/failures.hpp"
#include "tests/simt/harness/core/happens_before.hpp"
#include "tests/simt/harness/core/options.hpp"
#include "tests/simt/harness/core/random.hpp"

namespace segpref::simt {
namespace {

/// Which operation took the block serial numbers from `first_serial` on.
struct Span {
  std::uint32_t first_serial;
  int stream;
  std::uint64_t operation;
};

struct Runtime {
  std::vector<cudaStream_t> streams;
  int num_created = 0;
  StreamClock host;            // what the host has waited for
  StreamClock current;         // what is ordered before the operation that runs
  std::vector<Span> spans;     // by first_serial
  cudaError_t last_error = cudaSuccess;
  std::map<const void*, std::size_t> allowed_shared_bytes;
};

Runtime& runtime() {
  static Runtime instance;
  return instance;
}

bool is_ordered(std::uint32_t block) {
  const Runtime& r = runtime();
  auto span = std::upper_bound(r.spans.begin(), r.spans.end(), block, [](std::uint32_t b, const Span& s) { return b < s.first_serial; });
  if (span == r.spans.begin()) return true;  // before the first operation of any stream
  --span;
  return r.current.of(span->stream) >= span->operation;
}

/// Runs the stream's next operation; false when there is none, or when it waits for an event.
bool advance(cudaStream_t stream) {
  if (stream->operations.empty()) return false;
  if (const auto& awaited = stream->operations.front().waits_for; awaited != nullptr && !awaited->is_done) return false;
  const Operation operation = std::move(stream->operations.front());
  stream->operations.pop_front();
  stream->clock.join(operation.host);
  if (operation.waits_for != nullptr) stream->clock.join(operation.waits_for->clock);
  stream->clock.set(stream->number, ++stream->num_done);
  Runtime& r = runtime();
  r.current = stream->clock;
  r.spans.push_back({take_block_serial(), stream->number, stream->num_done});
  set_launch_order(is_ordered);
  if (operation.run) operation.run();
  if (operation.records != nullptr) {
    operation.records->is_done = true;
    operation.records->clock = stream->clock;
  }
  return true;
}

template <typename Condition>
void run_until(Condition is_reached) {
  static Random random(options().seed);
  static std::uint64_t seed = options().seed;
  if (seed != options().seed) random = Random(seed = options().seed);
  while (!is_reached()) {
    const std::vector<cudaStream_t> streams = runtime().streams;
    const std::size_t first = random.below(streams.size());
    bool has_advanced = false;
    for (std::size_t i = 0; i < streams.size() && !has_advanced; ++i) has_advanced = advance(streams[(first + i) % streams.size()]);
    if (!has_advanced) throw Error("streams deadlock: an event that is waited for is never recorded");
  }
}

void require_live(cudaStream_t stream) {
  const auto& streams = runtime().streams;
  if (stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread)
    throw Error("work on a default stream: library code uses the caller's stream");
  if (std::find(streams.begin(), streams.end(), stream) == streams.end()) throw Error("work on a stream that does not exist (any more)");
}

}  // namespace

std::uint64_t StreamClock::of(int stream) const {
  const auto found = done_.find(stream);
  return found == done_.end() ? 0 : found->second;
}

void StreamClock::join(const StreamClock& other) {
  for (const auto& [stream, operation] : other.done_) done_[stream] = std::max(done_[stream], operation);
}

void enqueue(cudaStream_t stream, Operation operation) {
  require_live(stream);
  operation.host = runtime().host;
  if (stream->capture != nullptr) {
    stream->capture->nodes.push_back(std::move(operation));
    return;
  }
  if (operation.on_enqueue) operation.on_enqueue();
  stream->operations.push_back(std::move(operation));
}

void wait_for_stream(cudaStream_t stream) {
  require_live(stream);
  run_until([&] { return stream->operations.empty(); });
  runtime().host.join(stream->clock);
}

void wait_for_recording(const Recording& recording) {
  run_until([&] { return recording.is_done; });
  runtime().host.join(recording.clock);
}

void wait_for_all() {
  run_until([] { return num_pending_operations() == 0; });
  for (cudaStream_t stream : runtime().streams) runtime().host.join(stream->clock);
}

bool is_any_capturing() {
  const auto& streams = runtime().streams;
  return std::any_of(streams.begin(), streams.end(), [](cudaStream_t s) { return s->capture != nullptr; });
}

cudaError_t returned(cudaError_t code) {
  if (code != cudaSuccess) runtime().last_error = code;
  return code;
}

cudaError_t refuse_in_capture() {
  for (cudaStream_t stream : runtime().streams)
    if (stream->capture != nullptr) stream->capture_is_spoilt = true;
  return returned(cudaErrorStreamCaptureUnsupported);
}

cudaError_t failure_of(cudaStream_t stream) {
  require_live(stream);
  return returned(failure_of_device(stream->device));
}

std::size_t num_pending_operations() {
  std::size_t count = 0;
  for (cudaStream_t stream : runtime().streams) count += stream->operations.size();
  return count;
}

cudaError_t enqueue_kernel(const cudaLaunchConfig_t& config, const void* kernel, std::function<void()> run) {
  const std::size_t threads = std::size_t{config.blockDim.x} * config.blockDim.y * config.blockDim.z;
  const auto allowed = runtime().allowed_shared_bytes.find(kernel);
  const std::size_t shared_limit = allowed == runtime().allowed_shared_bytes.end() ? max_static_shared_bytes : allowed->second;
  if (threads == 0 || threads > static_cast<std::size_t>(max_threads_per_block)) return returned(cudaErrorInvalidConfiguration);
  if (config.gridDim.x == 0 || config.gridDim.y == 0 || config.gridDim.z == 0) return returned(cudaErrorInvalidConfiguration);
  if (config.dynamicSmemBytes > shared_limit) return returned(cudaErrorInvalidValue);
  require_live(config.stream);
  if (config.stream->device != current_device()) return returned(cudaErrorInvalidResourceHandle);
  if (const cudaError_t code = failure_of_launch(config.stream->device); code != cudaSuccess) return returned(code);
  enqueue(config.stream, {std::move(run), nullptr, nullptr, nullptr, {}});
  return cudaSuccess;
}

}  // namespace segpref::simt

using segpref::simt::returned;
using segpref::simt::runtime;

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new CUstream_st;
  (*stream)->number = ++runtime().num_created;
  (*stream)->device = segpref::simt::current_device();
  runtime().streams.push_back(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  segpref::simt::wait_for_stream(stream);  // CUDA goes on and frees it later; the work is done all the same
  std::erase(runtime().streams, stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (segpref::simt::is_any_capturing()) return segpref::simt::refuse_in_capture();
  if (const cudaError_t code = segpref::simt::failure_of(stream); code != cudaSuccess) return code;
  segpref::simt::wait_for_stream(stream);
  return cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  if (segpref::simt::is_any_capturing()) return segpref::simt::refuse_in_capture();
  if (const cudaError_t code = segpref::simt::failure_of(stream); code != cudaSuccess) return code;
  return stream->operations.empty() ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaDeviceSynchronize() {
  if (segpref::simt::is_any_capturing()) return segpref::simt::refuse_in_capture();
  segpref::simt::wait_for_all();
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new CUevent_st;
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  event->recording = std::make_shared<segpref::simt::Recording>();
  event->recording->is_done = false;
  segpref::simt::enqueue(stream, {nullptr, nullptr, nullptr, event->recording, {}});
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (segpref::simt::is_any_capturing()) throw segpref::simt::Error("an event between streams during capture is not modelled");
  segpref::simt::enqueue(stream, {nullptr, nullptr, event->recording, nullptr, {}});
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (segpref::simt::is_any_capturing()) return segpref::simt::refuse_in_capture();
  segpref::simt::wait_for_recording(*event->recording);
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (segpref::simt::is_any_capturing()) return segpref::simt::refuse_in_capture();
  return event->recording->is_done ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || static_cast<std::size_t>(value) > segpref::simt::max_shared_bytes) return returned(cudaErrorInvalidValue);
  runtime().allowed_shared_bytes[kernel] = static_cast<std::size_t>(value);
  return cudaSuccess;
}

cudaError_t cudaGetLastError() { return std::exchange(runtime().last_error, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return runtime().last_error; }

}  // extern "C"
