// A workspace of a call's own, for the overloads that do not take one.
#pragma once

#include <memory>
#include <new>
#include <optional>

#include "host/device/stream_memory.hpp"
#include "host/plan/workspace_layout.hpp"
#include "segpref/context.hpp"

namespace segpref {

class OwnedWorkspace {
 public:
  /// In host memory.
  explicit OwnedWorkspace(std::size_t bytes) : bytes_(bytes) { allocate_on_host(); }
  /// Where the call's tensors lie; on a CUDA device in the order of the context's stream, so that nothing waits.
  OwnedWorkspace(std::size_t bytes, const Device& device, const Context& context) : bytes_(bytes) {
    if (device.kind == Device::Kind::cuda) data_ = on_device_.emplace(bytes, device.index, context.stream()).data();
    else allocate_on_host();
  }
  Workspace get() const { return {data_, bytes_}; }

 private:
  struct Free {
    void operator()(std::byte* data) const { std::free(data); }
  };

  void allocate_on_host() {
    const std::size_t rounded = (bytes_ + WorkspaceLayout::alignment) / WorkspaceLayout::alignment * WorkspaceLayout::alignment;
    on_host_.reset(static_cast<std::byte*>(std::aligned_alloc(WorkspaceLayout::alignment, rounded)));
    if (!on_host_) throw Error(ErrorCode::out_of_memory, fmt::format("cannot allocate a workspace of {} bytes", bytes_));
    data_ = on_host_.get();
  }

  std::unique_ptr<std::byte[], Free> on_host_;
  std::optional<device::StreamMemory> on_device_;
  std::byte* data_ = nullptr;  ///< of one of the two
  std::size_t bytes_;
};

}  // namespace segpref
