#include "segpref/context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "host/parallel/thread_pool.hpp"
#include "kernels/cpu/isa.hpp"
#include "segpref/error.hpp"

namespace segpref {

constexpr int max_threads = 1024;

Context::Context(int num_threads) {
  if (num_threads < 0 || num_threads > max_threads)
    throw Error(ErrorCode::invalid_argument, fmt::format("num_threads = {} is outside [0, {}]", num_threads, max_threads));
  if (num_threads == 0) num_threads = static_cast<int>(std::max(1u, std::min(std::thread::hardware_concurrency(), unsigned{max_threads})));
  pool_ = std::make_shared<ThreadPool>(num_threads);
}

Context::~Context() = default;
Context::Context(const Context&) = default;
Context& Context::operator=(const Context&) = default;
Context::Context(Context&&) noexcept = default;
Context& Context::operator=(Context&&) noexcept = default;

Context Context::on_stream(void* cuda_stream) const {
  Context copy = *this;
  copy.stream_ = cuda_stream;
  return copy;
}

Context Context::checking_values(bool checks) const {
  Context copy = *this;
  copy.checks_values_ = checks;
  return copy;
}

int Context::num_threads() const { return pool_->num_threads(); }

const char* Context::instruction_set() { return cpu::instruction_set(); }

}  // namespace segpref
