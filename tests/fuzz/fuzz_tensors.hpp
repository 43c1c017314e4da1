// The fuzzer's bytes as DLPack tensors: mostly right, sometimes wrong in ways that validation must see.
#pragma once

#include <dlpack/dlpack.h>
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <initializer_list>
#include <limits>
#include <memory>
#include <vector>

namespace segpref::fuzz {

inline void demand(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "c_abi_fuzz: %s\n", what);
  std::abort();
}

inline constexpr DLDataType f32{kDLFloat, 32, 1}, f64{kDLFloat, 64, 1}, f16{kDLFloat, 16, 1}, bf16{kDLBfloat, 16, 1}, i32{kDLInt, 32, 1}, i64{kDLInt, 64, 1};

/// What valid elements of an input are.
enum class Values { real, probability, weight, positive, index, offsets, count };

class Tensors {
 public:
  /// @param care  false: every tensor may be wrong in some way
  Tensors(FuzzedDataProvider& choices, bool care) : choices_(choices), care_(care) {}

  /// `limit` is what indices stay below and offsets at most reach.
  const DLTensor* in(DLDataType dtype, std::initializer_list<std::int64_t> shape, Values values, std::int64_t limit = 0) {
    Tensor& tensor = make(dtype, shape);
    fill(tensor, values, limit);
    return finish(tensor, Role::in);
  }
  const DLTensor* out(DLDataType dtype, std::initializer_list<std::int64_t> shape) { return finish(make(dtype, shape), Role::out); }
  /// Read and written.
  const DLTensor* inout(DLDataType dtype, std::initializer_list<std::int64_t> shape, Values values) {
    Tensor& tensor = make(dtype, shape);
    fill(tensor, values, 0);
    return finish(tensor, Role::inout);
  }
  bool wanted() { return choices_.ConsumeBool(); }
  DLDataType index_type() { return wanted() ? i32 : i64; }

  void demand_inputs_untouched() const {
    for (const Tensor& tensor : tensors_)
      if (tensor.role == Role::in) demand(same(tensor, tensor.before), "an input was written");
  }
  void demand_nothing_written() const {
    for (const Tensor& tensor : tensors_) demand(same(tensor, tensor.before), "a refused call has written");
  }
  /// Only for types wide enough that no result looks like the pattern.
  void demand_outputs_overwritten() const {
    for (const Tensor& tensor : tensors_) {
      if (tensor.role != Role::out || tensor.dl.dtype.bits < 32) continue;
      const std::size_t width = tensor.dl.dtype.bits / 8;
      for (std::size_t at = 0; at + width <= tensor.bytes; at += width)
        demand(!std::all_of(tensor.block.get() + at, tensor.block.get() + at + width, [](std::byte b) { return b == pattern; }),
               "an output was not fully overwritten");
    }
  }
  std::vector<std::vector<std::byte>> outputs() const {
    std::vector<std::vector<std::byte>> all;
    for (const Tensor& tensor : tensors_)
      if (tensor.role != Role::in) all.emplace_back(tensor.block.get(), tensor.block.get() + tensor.bytes);
    return all;
  }
  /// As before the call.
  void restore() {
    for (Tensor& tensor : tensors_) std::copy(tensor.before.begin(), tensor.before.end(), tensor.block.get());
  }

 private:
  enum class Role { in, out, inout };
  static constexpr std::byte pattern{0xab};
  static constexpr std::size_t max_bytes = 1 << 20;

  struct Tensor {
    DLTensor dl{};
    std::array<std::int64_t, 8> shape{}, strides{};  // longer than any ndim that is looked at
    std::unique_ptr<std::byte[]> block;               // exactly the bytes that the tensor covers
    std::size_t bytes = 0;
    std::vector<std::byte> before;
    Role role = Role::in;
  };

  static bool same(const Tensor& tensor, const std::vector<std::byte>& bytes) { return std::equal(bytes.begin(), bytes.end(), tensor.block.get()); }

  Tensor& make(DLDataType dtype, std::initializer_list<std::int64_t> shape) {
    Tensor& tensor = tensors_.emplace_back();
    std::copy(shape.begin(), shape.end(), tensor.shape.begin());
    tensor.dl.device = {wanted() ? kDLCPU : kDLCUDAHost, 0};
    tensor.dl.ndim = static_cast<int>(shape.size());
    tensor.dl.dtype = dtype;
    tensor.dl.shape = tensor.shape.data();
    std::int64_t stride = 1;
    for (std::size_t axis = shape.size(); axis-- > 0; stride *= std::max<std::int64_t>(tensor.shape[axis], 1)) tensor.strides[axis] = stride;
    tensor.dl.strides = wanted() ? tensor.strides.data() : nullptr;
    wrong_ = !care_ && choices_.ConsumeIntegralInRange(0, 7) == 0 ? choices_.ConsumeIntegralInRange(1, 12) : 0;
    spoil_description(tensor);
    tensor.bytes = covered_bytes(tensor);
    tensor.block = std::make_unique<std::byte[]>(tensor.bytes + 16);  // 16: what a spoilt pointer may be off
    std::fill_n(tensor.block.get(), tensor.bytes, pattern);
    tensor.dl.data = tensor.block.get();
    return tensor;
  }

  /// Shapes, dtypes, strides and devices. What they cover stays small, or cannot be a size at all.
  void spoil_description(Tensor& tensor) {
    const auto extent = [&]() -> std::int64_t {
      constexpr std::int64_t extents[] = {0, 1, 2, 3, 5, 9, -1, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(),
                                          std::int64_t{1} << 62};
      return choices_.PickValueInArray(extents);
    };
    const std::size_t axis = choices_.ConsumeIntegralInRange<std::size_t>(0, 3);
    switch (wrong_) {
      case 1: tensor.shape[axis] = extent(); break;
      case 2: tensor.dl.ndim = choices_.ConsumeIntegralInRange(-1, 6); for (auto& e : tensor.shape) e = extent(); break;
      case 3: {
        const auto code = choices_.ConsumeIntegral<std::uint8_t>(), bits = choices_.ConsumeIntegral<std::uint8_t>();
        tensor.dl.dtype = {code, bits, choices_.ConsumeIntegralInRange<std::uint16_t>(0, 2)};
        break;
      }
      case 4: tensor.dl.dtype = choices_.PickValueInArray({f32, f64, f16, bf16, i32, i64}); break;
      case 5: tensor.strides[axis] = choices_.ConsumeIntegralInRange<std::int64_t>(-2, 40); tensor.dl.strides = tensor.strides.data(); break;
      case 6: {
        const std::int32_t device = choices_.ConsumeIntegralInRange<std::int32_t>(-1, 20);
        std::memcpy(&tensor.dl.device.device_type, &device, sizeof(device));
        break;
      }
      default: break;  // the pointers are spoilt when there is memory
    }
  }

  /// The bytes that a tensor may be read through when validation has accepted it; few where it must not accept it.
  static std::size_t covered_bytes(const Tensor& tensor) {
    if (tensor.dl.ndim < 1 || tensor.dl.ndim > 4) return 0;
    std::int64_t last = 0, stride = 1;
    for (int axis = tensor.dl.ndim - 1; axis >= 0; --axis) {
      const auto at = static_cast<std::size_t>(axis);
      if (tensor.shape[at] <= 0 || tensor.shape[at] > (1 << 12)) return 0;
      const std::int64_t step = tensor.dl.strides != nullptr ? tensor.strides[at] : stride;
      last += (tensor.shape[at] - 1) * std::max<std::int64_t>(step, 0);
      stride *= tensor.shape[at];
    }
    const std::size_t bytes = static_cast<std::size_t>(last + 1) * std::max<std::size_t>(1, tensor.dl.dtype.bits / 8u) * std::max<std::size_t>(1, tensor.dl.dtype.lanes);
    demand(bytes <= max_bytes, "the fuzzer's own sizes are too large");
    return bytes;
  }

  const DLTensor* finish(Tensor& tensor, Role role) {
    tensor.role = role;
    tensor.before.assign(tensor.block.get(), tensor.block.get() + tensor.bytes);
    switch (wrong_) {
      case 7: tensor.dl.data = nullptr; break;
      case 8: tensor.dl.byte_offset = choices_.ConsumeIntegralInRange<std::uint64_t>(1, 3); break;  // odd for every type of 4 bytes and more
      case 9: tensor.dl.byte_offset = ~std::uint64_t{0}; break;
      case 10: tensor.dl.shape = nullptr; break;
      case 11: return nullptr;
      default: break;
    }
    if (wrong_ == 8 && tensor.dl.dtype.bits < 32) tensor.dl.byte_offset = 1;
    return &tensor.dl;
  }

  void fill(Tensor& tensor, Values values, std::int64_t limit) {
    const std::size_t width = std::max<std::size_t>(1, tensor.dl.dtype.bits / 8u);
    const std::size_t count = tensor.bytes / width;
    std::int64_t offset = 0;
    for (std::size_t i = 0; i < count; ++i) {
      double real = 0;
      std::int64_t whole = 0;
      const int choice = choices_.ConsumeIntegral<std::uint8_t>();
      switch (values) {
        case Values::real: real = (choice - 128) / 16.0; break;
        case Values::probability: real = (choice % 5) / 4.0; break;
        case Values::weight: real = (choice % 4) / 2.0; break;
        case Values::positive: real = (choice % 8 + 1) / 4.0; break;
        case Values::index: whole = limit > 0 ? choice % limit : 0; break;
        case Values::count: whole = choice; break;
        case Values::offsets: whole = offset = std::min(limit, offset + choice % 4); break;
      }
      write(tensor, i, real, whole);
    }
    if (wrong_ != 12 || count == 0) return;  // one value that does not belong
    constexpr double reals[] = {-1, 2, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -0.0, 1e300};
    constexpr std::int64_t wholes[] = {-1, 1000, std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()};
    const std::size_t at = choices_.ConsumeIntegralInRange<std::size_t>(0, count - 1);
    write(tensor, at, choices_.PickValueInArray(reals), choices_.PickValueInArray(wholes));
  }

  static void write(Tensor& tensor, std::size_t at, double real, std::int64_t whole) {
    const auto put = [&](const auto value) { std::memcpy(tensor.block.get() + at * sizeof(value), &value, sizeof(value)); };
    const DLDataType& dtype = tensor.dl.dtype;
    if (dtype.code == kDLInt && dtype.bits == 32) put(static_cast<std::int32_t>(whole));
    else if (dtype.code == kDLInt && dtype.bits == 64) put(whole);
    else if (dtype.code == kDLFloat && dtype.bits == 32) put(static_cast<float>(real));
    else if (dtype.code == kDLFloat && dtype.bits == 64) put(real);
    else if (dtype.code == kDLFloat && dtype.bits == 16) put(f16_near_one(real));
    else if (dtype.code == kDLBfloat && dtype.bits == 16) put(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(real)) >> 16));
  }

  /// Some finite f16 that differs where `real` does: its values do not matter.
  static std::uint16_t f16_near_one(double real) {
    return static_cast<std::uint16_t>(0x3c00 + static_cast<int>(64 * (std::isfinite(real) ? std::clamp(real, -8.0, 8.0) : 0.0)));
  }

  FuzzedDataProvider& choices_;
  bool care_;
  int wrong_ = 0;  // how the tensor being made is wrong; 0: not at all
  std::deque<Tensor> tensors_;  // a deque: DLTensors point into it
};

}  // namespace segpref::fuzz
