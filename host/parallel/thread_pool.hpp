// A fixed set of threads that share numbered tasks. Which thread takes which task is left to chance, so whatever a task
// writes must depend on its number alone: that is what makes results independent of the number of threads.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace segpref {

class ThreadPool {
 public:
  explicit ThreadPool(int num_threads);  ///< >= 1, counting the caller's thread
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int num_threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls task(task_idx, thread_idx) for every task_idx in [0, num_tasks), thread_idx in [0, num_threads()), and waits for all.
  /// Allocates nothing. Tasks must not throw and must not call run() of the same pool.
  template <typename Task>
  void run(std::int64_t num_tasks, Task&& task) {
    using Function = std::remove_reference_t<Task>;
    run_erased(num_tasks, const_cast<void*>(static_cast<const void*>(&task)),
               [](void* function, std::int64_t task_idx, int thread_idx) { (*static_cast<Function*>(function))(task_idx, thread_idx); });
  }

 private:
  using ErasedTask = void (*)(void* function, std::int64_t task_idx, int thread_idx);
  struct Job {
    void* function = nullptr;
    ErasedTask call = nullptr;
    std::int64_t num_tasks = 0;
  };

  void run_erased(std::int64_t num_tasks, void* function, ErasedTask call);
  void work(int thread_idx);
  void stop();
  void take_tasks(const Job& job, int thread_idx);

  std::vector<std::thread> workers_;
  std::mutex run_mutex_;    // one run at a time
  std::mutex state_mutex_;  // guards job_, stopping_ and the wait for a new generation
  std::condition_variable new_job_;
  std::condition_variable job_done_;
  Job job_;
  bool stopping_ = false;
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<std::int64_t> next_task_{0};
  std::atomic<int> num_busy_{0};
};

}  // namespace segpref
