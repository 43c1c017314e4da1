#include "host/parallel/thread_pool.hpp"

#include <chrono>

namespace segpref {
namespace {

// A waiting thread looks this long before it sleeps: the phases of a training step follow each other within tens of microseconds, and
// waking a sleeping thread costs as much again.
constexpr auto spin_time = std::chrono::microseconds(200);

template <typename Condition>
bool spin_until(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + spin_time;
  do {
    for (int look = 0; look < 64; ++look) {
      if (condition()) return true;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return condition();
}

}  // namespace

ThreadPool::ThreadPool(int num_threads) {
  workers_.reserve(static_cast<std::size_t>(num_threads - 1));
  try {
    for (int thread_idx = 1; thread_idx < num_threads; ++thread_idx) workers_.emplace_back([this, thread_idx] { work(thread_idx); });
  } catch (...) {  // the system has no more threads; those that run must end before they go
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  {
    std::lock_guard lock(state_mutex_);
    stopping_ = true;
    generation_.fetch_add(1, std::memory_order_release);
  }
  new_job_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::take_tasks(const Job& job, int thread_idx) {
  for (;;) {
    const std::int64_t task_idx = next_task_.fetch_add(1, std::memory_order_relaxed);
    if (task_idx >= job.num_tasks) return;
    job.call(job.function, task_idx, thread_idx);
  }
}

void ThreadPool::run_erased(std::int64_t num_tasks, void* function, ErasedTask call) {
  if (num_tasks <= 0) return;
  std::lock_guard one_run(run_mutex_);
  const Job job{function, call, num_tasks};
  if (workers_.empty() || num_tasks == 1) {
    for (std::int64_t task_idx = 0; task_idx < num_tasks; ++task_idx) call(function, task_idx, 0);
    return;
  }
  {
    std::lock_guard lock(state_mutex_);
    job_ = job;
    next_task_.store(0, std::memory_order_relaxed);
    num_busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
  }
  new_job_.notify_all();
  take_tasks(job, 0);
  const auto all_done = [this] { return num_busy_.load(std::memory_order_acquire) == 0; };
  if (spin_until(all_done)) return;
  std::unique_lock lock(state_mutex_);
  job_done_.wait(lock, all_done);
}

void ThreadPool::work(int thread_idx) {
  std::uint64_t seen = 0;
  for (;;) {
    const auto is_new = [&] { return generation_.load(std::memory_order_acquire) != seen; };
    spin_until(is_new);
    Job job;
    {
      std::unique_lock lock(state_mutex_);
      new_job_.wait(lock, is_new);
      seen = generation_.load(std::memory_order_relaxed);
      if (stopping_) return;
      job = job_;
    }
    take_tasks(job, thread_idx);
    if (num_busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      // The lock makes sure that the caller either has not looked yet or is already waiting.
      std::lock_guard lock(state_mutex_);
      job_done_.notify_one();
    }
  }
}

}  // namespace segpref
