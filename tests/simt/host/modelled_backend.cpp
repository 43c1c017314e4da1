// The modelled CUDA device as a back end of the conformance suite: inputs and outputs are copied to its memory, and home when the stream is done.
#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <memory>

#include "tests/simt/host/device_call.hpp"
#include "tests/support/backend.hpp"

namespace segpref::testing {
namespace {

class ModelledBackend final : public Backend {
 public:
  std::string name() const override { return "cuda (modelled)"; }
  const Context& context(int) override { return context_; }
  Device device() const override { return {Device::Kind::cuda, 0}; }
  ConstTensorView input(const ConstTensorView& host) override {
    ConstTensorView view = host;
    if (!host.present()) return view;
    view.data = copy_in(host.data, bytes_of(host))->get();
    view.device = device();
    return view;
  }
  TensorView output(const TensorView& host) override {
    TensorView view = host;
    if (!host.present()) return view;
    const auto buffer = copy_in(host.data, bytes_of(host));
    outputs_.push_back({host.data, buffer});
    view.data = buffer->get();
    view.device = device();
    return view;
  }
  /// Nobody wrote it: a kernel that reads it before it writes is reported.
  Workspace workspace(std::size_t bytes) override {
    buffers_.push_back(std::make_shared<simt::Buffer<std::byte>>(bytes));
    return {buffers_.back()->get(), bytes};
  }
  void finish() override {
    stream_.wait();
    for (const auto& [host, buffer] : outputs_) {
      const std::vector<std::byte> bytes = buffer->to_host();
      if (!bytes.empty()) std::memcpy(host, bytes.data(), bytes.size());
    }
    outputs_.clear();
    buffers_.clear();
  }

 private:
  using Bytes = std::shared_ptr<simt::Buffer<std::byte>>;

  /// From the first element to the last: rows may have gaps.
  static std::size_t bytes_of(const ConstTensorView& view) {
    if (view.size() == 0) return 0;
    std::int64_t elements = 1;
    for (int axis = 0; axis < view.rank; ++axis) elements += (view.shape[static_cast<std::size_t>(axis)] - 1) * view.strides[static_cast<std::size_t>(axis)];
    return static_cast<std::size_t>(elements * size_of(view.dtype));
  }
  Bytes copy_in(const void* host, std::size_t bytes) {
    const auto* begin = static_cast<const std::byte*>(host);
    buffers_.push_back(std::make_shared<simt::Buffer<std::byte>>(bytes == 0 ? std::vector<std::byte>() : std::vector<std::byte>(begin, begin + bytes)));
    return buffers_.back();
  }

  simt::Stream stream_;
  Context context_ = Context(1).on_stream(stream_.get());
  std::vector<Bytes> buffers_;
  std::vector<std::pair<void*, Bytes>> outputs_;
};

}  // namespace

const std::vector<Backend*>& backends() {
  static ModelledBackend device;
  static const std::vector<Backend*> all = {&device};
  return all;
}

}  // namespace segpref::testing
