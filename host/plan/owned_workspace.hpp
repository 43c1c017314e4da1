// A workspace of a call's own, for the overloads that do not take one.
#pragma once

#include <memory>
#include <new>

#include "host/plan/workspace_layout.hpp"

namespace segpref {

class OwnedWorkspace {
 public:
  explicit OwnedWorkspace(std::size_t bytes) : bytes_(bytes) {
    const std::size_t rounded = (bytes + WorkspaceLayout::alignment) / WorkspaceLayout::alignment * WorkspaceLayout::alignment;
    data_.reset(static_cast<std::byte*>(std::aligned_alloc(WorkspaceLayout::alignment, rounded)));
    if (!data_) throw Error(ErrorCode::out_of_memory, fmt::format("cannot allocate a workspace of {} bytes", bytes));
  }
  Workspace get() const { return {data_.get(), bytes_}; }

 private:
  struct Free {
    void operator()(std::byte* data) const { std::free(data); }
  };
  std::unique_ptr<std::byte[], Free> data_;
  std::size_t bytes_;
};

}  // namespace segpref
