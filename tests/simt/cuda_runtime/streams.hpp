// Streams, events and graphs of the fake runtime, and the order they give to operations.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace segpref::simt {

/// How far each stream has come, seen from somewhere: stream number -> operations done.
class StreamClock {
 public:
  std::uint64_t of(int stream) const;
  void set(int stream, std::uint64_t operation) { done_[stream] = operation; }
  void join(const StreamClock& other);

 private:
  std::map<int, std::uint64_t> done_;
};

/// One recording of an event. An event that was never recorded counts as done.
struct Recording {
  bool is_done = true;
  StreamClock clock;  ///< what was done when it was
};

struct Operation {
  std::function<void()> run;
  std::function<void()> on_enqueue;        ///< what the caller may not rely on any more, from now on
  std::shared_ptr<Recording> waits_for, records;
  StreamClock host;  ///< what the host had waited for when it enqueued
};

/// Appends to the stream, or to the graph that it captures. Throws Error for the default stream and for one that is gone.
void enqueue(cudaStream_t stream, Operation operation);

/// Runs operations of all streams, in random order, until the stream is empty, or the recording is done, or nothing is left.
void wait_for_stream(cudaStream_t stream);
void wait_for_recording(const Recording& recording);
void wait_for_all();

int current_device();
bool is_any_capturing();
/// Remembers the code for cudaGetLastError, and hands it through.
cudaError_t returned(cudaError_t code);
/// What calls with this stream return, remembered too: not cudaSuccess where its device is broken. Throws Error as enqueue does.
cudaError_t failure_of(cudaStream_t stream);
/// A call that must not happen while a stream captures: refuses, and spoils the capture as CUDA does.
cudaError_t refuse_in_capture();

}  // namespace segpref::simt

// The toolkit declares these names and leaves the content to the runtime.
struct CUgraph_st {
  std::vector<segpref::simt::Operation> nodes;
};
struct CUgraphExec_st {
  std::vector<segpref::simt::Operation> nodes;
};
struct CUevent_st {
  std::shared_ptr<segpref::simt::Recording> recording = std::make_shared<segpref::simt::Recording>();
};
struct CUstream_st {
  int number = 0;
  int device = 0;
  std::deque<segpref::simt::Operation> operations;
  segpref::simt::StreamClock clock;  ///< of what has run
  std::uint64_t num_done = 0;
  std::unique_ptr<CUgraph_st> capture;
  bool capture_is_spoilt = false;
};
