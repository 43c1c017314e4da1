// Memory of arrays read from files: 64-byte aligned, not initialised, sized once.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "segpref/error.hpp"

namespace segpref::files {

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::int64_t bytes) : bytes_(bytes) {
    if (bytes == 0) return;
    const std::size_t rounded = (static_cast<std::size_t>(bytes) + 63) / 64 * 64;
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(64, rounded)));
    if (!memory_) throw Error(ErrorCode::out_of_memory, fmt::format("no memory for an array of {} bytes", bytes));
  }
  std::byte* data() { return memory_.get(); }
  const std::byte* data() const { return memory_.get(); }
  std::int64_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::int64_t bytes_ = 0;
};

}  // namespace segpref::files
