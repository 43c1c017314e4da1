// Where a call runs: threads, stream, back end, checks.
#pragma once

#include <memory>

#include "export.hpp"

namespace segpref {

class ThreadPool;

/// Threads and settings that calls run on. Cheap to pass and to copy: copies share the threads. Costly to make (it starts threads): make one, keep it.
/// Calls on one context and its copies run one after the other (a second thread waits); contexts made apart are independent.
/// Results never depend on the number of threads.
class SEGPREF_API Context {
 public:
  /// @param num_threads  0 means one per available core; at most 1024
  explicit Context(int num_threads = 0);
  ~Context();
  Context(const Context&);
  Context& operator=(const Context&);
  Context(Context&&) noexcept;
  Context& operator=(Context&&) noexcept;

  /// A copy whose calls on CUDA tensors are enqueued on `cuda_stream`, a cudaStream_t of the tensors' device; they return before they are done.
  /// Null, as in a new context: the legacy default stream. Calls on host memory take no notice.
  Context on_stream(void* cuda_stream) const;
  /// A copy whose calls check the values of tensors in device memory too, as every call does in host memory, in the same words. They wait for the stream
  /// to do so, and are refused with Error(unsupported) while it is being captured. For debugging.
  Context checking_values(bool checks = true) const;

  int num_threads() const;
  void* stream() const { return stream_; }
  bool checks_values() const { return checks_values_; }
  /// Instruction set the CPU kernels of this process use: "avx512", "avx2", "neon" or "baseline".
  static const char* instruction_set();

  ThreadPool& pool() const { return *pool_; }  ///< internal: for segpref's own kernels

 private:
  std::shared_ptr<ThreadPool> pool_;
  void* stream_ = nullptr;
  bool checks_values_ = false;
};

}  // namespace segpref
