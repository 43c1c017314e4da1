#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>

#include "tests/support/backend.hpp"

namespace segpref::testing {
namespace {

/// Reads and writes host memory itself.
class CpuBackend final : public Backend {
 public:
  std::string name() const override { return fmt::format("cpu ({})", Context::instruction_set()); }
  const Context& context(int num_threads) override { return contexts_.try_emplace(num_threads, num_threads).first->second; }
  ConstTensorView input(const ConstTensorView& host) override { return host; }
  TensorView output(const TensorView& host) override { return host; }
  Workspace workspace(std::size_t bytes) override {
    memory_.assign(bytes + alignment + guard_bytes, dirty);
    const std::size_t begin = (alignment - reinterpret_cast<std::uintptr_t>(memory_.data()) % alignment) % alignment;
    end_ = begin + bytes;
    return Workspace(memory_).subspan(begin, bytes);
  }
  void finish() override {
    EXPECT_TRUE(std::all_of(memory_.begin() + static_cast<std::ptrdiff_t>(end_), memory_.end(), [](std::byte b) { return b == dirty; }))
        << "something was written beyond the workspace";
  }

 private:
  static constexpr std::size_t alignment = 64, guard_bytes = 256;
  static constexpr std::byte dirty{0xFF};  // NaN in every floating-point type

  std::vector<std::byte> memory_;
  std::size_t end_ = 0;
  std::map<int, Context> contexts_;
};

}  // namespace

const std::vector<Backend*>& backends() {
  static CpuBackend cpu;
  static const std::vector<Backend*> all = {&cpu};
  return all;
}

}  // namespace segpref::testing
