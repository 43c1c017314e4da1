// Books buffers when a plan is made and finds them again when it runs: both use the same layout function, so that the booked size
// and the used size cannot drift apart.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>

#include "host/validate/tensor.hpp"
#include "segpref/plan.hpp"

namespace segpref {

/// A buffer of `count` elements inside a workspace.
template <typename T>
struct Booked {
  std::size_t begin_bytes = 0;
  std::int64_t count = 0;

  T* in(Workspace workspace) const { return count == 0 ? nullptr : reinterpret_cast<T*>(workspace.data() + begin_bytes); }
};

class WorkspaceLayout {
 public:
  static constexpr std::int64_t alignment = 64;

  template <typename T>
  Booked<T> book(std::int64_t count) {
    const Booked<T> booked{static_cast<std::size_t>(total_bytes_), count};
    const std::int64_t bytes = validation::product("workspace", count, sizeof(T));
    if (bytes > (std::int64_t{1} << 62) - total_bytes_) throw Error(ErrorCode::invalid_argument, "workspace: size overflows");
    total_bytes_ += (bytes + alignment - 1) / alignment * alignment;
    return booked;
  }
  std::size_t total_bytes() const { return static_cast<std::size_t>(total_bytes_); }

 private:
  std::int64_t total_bytes_ = 0;
};

/// The caller's workspace must be large enough and aligned.
inline void check_workspace(Workspace workspace, std::size_t needed_bytes) {
  if (workspace.size() < needed_bytes)
    throw Error(ErrorCode::invalid_argument, fmt::format("workspace has {} bytes; the plan needs {}", workspace.size(), needed_bytes));
  if (needed_bytes > 0 && reinterpret_cast<std::uintptr_t>(workspace.data()) % WorkspaceLayout::alignment != 0)
    throw Error(ErrorCode::invalid_argument, "workspace must be aligned to 64 bytes");
}

}  // namespace segpref
