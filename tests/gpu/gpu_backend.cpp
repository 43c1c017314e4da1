// This machine's first CUDA device as a back end of the conformance suite: every array is copied to memory of its own between guards, as far
// from a 64-byte boundary as it is on the host, and outputs are copied home when the stream is done.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "host/device/device.hpp"
#include "tests/gpu/guarded_buffer.hpp"
#include "tests/support/backend.hpp"

namespace segpref::testing {
namespace {

class GpuBackend final : public Backend {
 public:
  GpuBackend() {
    check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    context_ = Context(1).on_stream(stream_);
  }
  std::string name() const override { return device::description(0).name; }
  const Context& context(int) override { return context_; }
  Device device() const override { return {Device::Kind::cuda, 0}; }
  ConstTensorView input(const ConstTensorView& host) override {
    ConstTensorView view = host;
    if (!host.present()) return view;
    view.data = copy_in(host)->get();
    view.device = device();
    return view;
  }
  TensorView output(const TensorView& host) override {
    TensorView view = host;
    if (!host.present()) return view;
    const auto buffer = copy_in(host);
    outputs_.push_back({host.data, buffer});
    view.data = buffer->get();
    view.device = device();
    return view;
  }
  Workspace workspace(std::size_t bytes) override {
    buffers_.push_back(std::make_shared<GuardedBuffer>(bytes, 0));
    return {buffers_.back()->get(), bytes};
  }
  void finish() override {
    check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
    for (const auto& [host, buffer] : outputs_) buffer->write_to(host);
    for (const auto& buffer : buffers_) EXPECT_TRUE(buffer->guards_intact()) << "something was written beside an array or the workspace";
    outputs_.clear();
    buffers_.clear();
  }

 private:
  using Shared = std::shared_ptr<GuardedBuffer>;

  Shared copy_in(const ConstTensorView& host) {
    const auto lead = reinterpret_cast<std::uintptr_t>(host.data) % GuardedBuffer::alignment;
    buffers_.push_back(std::make_shared<GuardedBuffer>(spanned_bytes(host), lead));
    buffers_.back()->read_from(host.data);
    return buffers_.back();
  }

  cudaStream_t stream_ = nullptr;  // ends with the process
  Context context_{1};
  std::vector<Shared> buffers_;
  std::vector<std::pair<void*, Shared>> outputs_;
};

}  // namespace

const std::vector<Backend*>& backends() {
  static GpuBackend gpu;
  static const std::vector<Backend*> all = {&gpu};
  return all;
}

}  // namespace segpref::testing
