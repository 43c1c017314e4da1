#include "tests/support/host_tensor.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/math/half.hpp"

namespace segpref::testing {
namespace {

constexpr std::size_t alignment = 64, guard_bytes = 128;
constexpr std::byte guard{0xA5};

template <typename T>
double load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return static_cast<double>(math::to_f32(value));
}

template <typename T>
void store(double value, std::byte* to) {
  const T rounded = math::from_real<T>(value);
  std::memcpy(to, &rounded, sizeof(rounded));
}

}  // namespace

HostTensor::HostTensor(DType dtype, std::vector<std::int64_t> shape, double fill_value, std::int64_t lead) : dtype_(dtype), shape_(std::move(shape)) {
  size_ = 1;
  for (std::int64_t extent : shape_) size_ *= extent;
  bytes_ = static_cast<std::size_t>(size_ * size_of(dtype));
  storage_.assign(bytes_ + 2 * guard_bytes + alignment + static_cast<std::size_t>(lead * size_of(dtype)), guard);
  const auto address = reinterpret_cast<std::uintptr_t>(storage_.data() + guard_bytes);
  begin_ = guard_bytes + (alignment - address % alignment) % alignment + static_cast<std::size_t>(lead * size_of(dtype));
  fill(fill_value);
}

HostTensor HostTensor::of(DType dtype, const std::vector<double>& values, std::int64_t lead) {
  HostTensor made(dtype, {static_cast<std::int64_t>(values.size())}, 0, lead);
  for (std::int64_t i = 0; i < made.size(); ++i) made.set(i, values[static_cast<std::size_t>(i)]);
  return made;
}

double HostTensor::operator[](std::int64_t i) const {
  const std::byte* at = data() + i * size_of(dtype_);
  switch (dtype_) {
    case DType::f64: return load<double>(at);
    case DType::bf16: return load<bf16>(at);
    case DType::f16: return load<f16>(at);
    default: return load<float>(at);
  }
}

void HostTensor::set(std::int64_t i, double value) {
  std::byte* at = data() + i * size_of(dtype_);
  switch (dtype_) {
    case DType::f64: return store<double>(value, at);
    case DType::bf16: return store<bf16>(value, at);
    case DType::f16: return store<f16>(value, at);
    default: return store<float>(value, at);
  }
}

void HostTensor::fill(double value) {
  for (std::int64_t i = 0; i < size_; ++i) set(i, value);
}

TensorView HostTensor::view() {
  TensorView result;
  if (!present()) return result;
  result.data = data();
  result.dtype = dtype_;
  result.rank = static_cast<int>(shape_.size());
  std::int64_t stride = 1;
  for (std::size_t axis = shape_.size(); axis-- > 0;) {
    result.shape[axis] = shape_[axis];
    result.strides[axis] = stride;
    stride *= shape_[axis];
  }
  return result;
}

ConstTensorView HostTensor::view() const { return const_cast<HostTensor*>(this)->view(); }

bool HostTensor::guards_intact() const {
  const auto begin = storage_.begin(), data_begin = begin + static_cast<std::ptrdiff_t>(begin_);
  const auto is_guard = [](std::byte value) { return value == guard; };
  return std::all_of(begin, data_begin, is_guard) && std::all_of(data_begin + static_cast<std::ptrdiff_t>(bytes_), storage_.end(), is_guard);
}

bool HostTensor::same_bits(const HostTensor& other) const {
  return bytes_ == other.bytes_ && (bytes_ == 0 || std::memcmp(data(), other.data(), bytes_) == 0);
}

}  // namespace segpref::testing
