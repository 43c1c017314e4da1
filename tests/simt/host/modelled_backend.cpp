// The modelled CUDA device as a back end of the conformance suite: inputs and outputs are copied to its memory, as far from a 64-byte boundary as
// they are on the host, and home when the stream is done.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
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
    view.data = copy_in(host).begin();
    view.device = device();
    return view;
  }
  TensorView output(const TensorView& host) override {
    TensorView view = host;
    if (!host.present()) return view;
    outputs_.push_back({host.data, copy_in(host)});
    view.data = outputs_.back().second.begin();
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
    for (const auto& [host, copy] : outputs_) {
      const std::vector<std::byte> bytes = copy.buffer->to_host();
      if (bytes.size() > copy.lead) std::memcpy(host, bytes.data() + copy.lead, bytes.size() - copy.lead);
    }
    outputs_.clear();
    buffers_.clear();
  }

 private:
  using Bytes = std::shared_ptr<simt::Buffer<std::byte>>;
  struct Copy {
    Bytes buffer;
    std::size_t lead;  ///< bytes before the first element
    std::byte* begin() const { return buffer->get() + lead; }
  };

  Copy copy_in(const ConstTensorView& host) {
    const auto* begin = static_cast<const std::byte*>(host.data);
    const std::size_t lead = reinterpret_cast<std::uintptr_t>(begin) % 64;
    std::vector<std::byte> bytes(lead + spanned_bytes(host), std::byte{0xFF});
    std::copy_n(begin, bytes.size() - lead, bytes.begin() + static_cast<std::ptrdiff_t>(lead));
    buffers_.push_back(std::make_shared<simt::Buffer<std::byte>>(bytes));
    return {buffers_.back(), lead};
  }

  simt::Stream stream_;
  Context context_ = Context(1).on_stream(stream_.get());
  std::vector<Bytes> buffers_;
  std::vector<std::pair<void*, Copy>> outputs_;
};

}  // namespace

const std::vector<Backend*>& backends() {
  static ModelledBackend device;
  static const std::vector<Backend*> all = {&device};
  return all;
}

}  // namespace segpref::testing
