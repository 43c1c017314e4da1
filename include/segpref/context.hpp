// Where a call runs: threads, back end, checks.
#pragma once

#include <memory>

#include "export.hpp"

namespace segpref {

class ThreadPool;

/// Threads and settings that calls run on. Cheap to pass, costly to make (it starts threads): keep one.
/// Calls on one context run one after the other (a second thread waits); different contexts are independent.
/// Results never depend on the number of threads.
class SEGPREF_API Context {
 public:
  /// @param num_threads  0 means one per available core; at most 1024
  explicit Context(int num_threads = 0);
  ~Context();
  Context(Context&&) noexcept;
  Context& operator=(Context&&) noexcept;

  int num_threads() const;
  /// Instruction set the CPU kernels of this process use: "avx512", "avx2", "neon" or "baseline".
  static const char* instruction_set();

  ThreadPool& pool() const { return *pool_; }  ///< internal: for segpref's own kernels

 private:
  std::unique_ptr<ThreadPool> pool_;
};

}  // namespace segpref
