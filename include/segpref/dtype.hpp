// Element types of tensors.
#pragma once

#include <cstdint>
#include <string_view>

namespace segpref {

/// Storage of a bfloat16: the upper half of an IEEE float32. Arithmetic is done in float32.
struct bf16 {
  std::uint16_t bits;
};

/// Storage of an IEEE float16. Arithmetic is done in float32.
struct f16 {
  std::uint16_t bits;
};

enum class DType : std::uint8_t { f32, f64, f16, bf16, i32, i64 };

constexpr std::int64_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32: return 4;
    case DType::f64:
    case DType::i64: return 8;
    case DType::f16:
    case DType::bf16: return 2;
  }
  return 0;
}

constexpr std::string_view name_of(DType dtype) {
  switch (dtype) {
    case DType::f32: return "f32";
    case DType::f64: return "f64";
    case DType::f16: return "f16";
    case DType::bf16: return "bf16";
    case DType::i32: return "i32";
    case DType::i64: return "i64";
  }
  return "unknown";
}

template <typename T>
struct dtype_of;
template <>
struct dtype_of<float> { static constexpr DType value = DType::f32; };
template <>
struct dtype_of<double> { static constexpr DType value = DType::f64; };
template <>
struct dtype_of<f16> { static constexpr DType value = DType::f16; };
template <>
struct dtype_of<bf16> { static constexpr DType value = DType::bf16; };
template <>
struct dtype_of<std::int32_t> { static constexpr DType value = DType::i32; };
template <>
struct dtype_of<std::int64_t> { static constexpr DType value = DType::i64; };

}  // namespace segpref
