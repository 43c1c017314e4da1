#include "host/files/convert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/math/half.hpp"
#include "segpref/error.hpp"

namespace segpref::files {
namespace {

struct Half {
  std::uint16_t bits;
  explicit operator float() const { return math::to_f32(f16{bits}); }
  explicit operator double() const { return math::to_f32(f16{bits}); }
};
struct Boolean {
  std::uint8_t byte;
  template <typename T>
  explicit operator T() const {
    return static_cast<T>(byte != 0);
  }
};

template <typename Element>
Element load(const std::byte* elements, std::int64_t i) {
  Element element;
  std::memcpy(&element, elements + i * static_cast<std::int64_t>(sizeof(Element)), sizeof(Element));
  return element;
}

template <typename Visit>
void visit_type(NpyType type, Visit visit) {
  switch (type) {
    case NpyType::boolean:
      return visit(Boolean{});
    case NpyType::i8:
      return visit(std::int8_t{});
    case NpyType::u8:
      return visit(std::uint8_t{});
    case NpyType::i16:
      return visit(std::int16_t{});
    case NpyType::u16:
      return visit(std::uint16_t{});
    case NpyType::i32:
      return visit(std::int32_t{});
    case NpyType::u32:
      return visit(std::uint32_t{});
    case NpyType::i64:
      return visit(std::int64_t{});
    case NpyType::u64:
      return visit(std::uint64_t{});
    case NpyType::f16:
      return visit(Half{});
    case NpyType::f32:
      return visit(float{});
    case NpyType::f64:
      return visit(double{});
  }
}

template <typename Out>
void convert(NpyType type, const std::byte* in, std::int64_t num_elements, std::byte* out) {
  visit_type(type, [&]<typename Element>(Element) {
    for (std::int64_t i = 0; i < num_elements; ++i) {
      const Out value = static_cast<Out>(load<Element>(in, i));
      std::memcpy(out + i * static_cast<std::int64_t>(sizeof(Out)), &value, sizeof(Out));
    }
  });
}

// All bits of the exponent are set exactly for infinities and NaN.
template <typename Bits>
bool has_nonfinite(const std::byte* elements, std::int64_t num_elements, Bits exponent) {
  int found = 0;
  for (std::int64_t i = 0; i < num_elements; ++i) found |= (load<Bits>(elements, i) & exponent) == exponent;
  return found != 0;
}

template <typename Bits>
std::int64_t find_exponent(const std::byte* elements, std::int64_t num_elements, Bits exponent) {
  constexpr std::int64_t block = 4096;  // whole blocks are judged without a branch per element
  for (std::int64_t begin = 0; begin < num_elements; begin += block) {
    const std::int64_t end = std::min(begin + block, num_elements);
    if (!has_nonfinite<Bits>(elements + begin * static_cast<std::int64_t>(sizeof(Bits)), end - begin, exponent)) continue;
    for (std::int64_t i = begin; i < end; ++i)
      if ((load<Bits>(elements, i) & exponent) == exponent) return i;
  }
  return -1;
}

}  // namespace

std::vector<double> to_reals(const NpyArray& array) {
  std::vector<double> result(static_cast<std::size_t>(array.header.num_elements()));
  convert<double>(array.header.type, array.data.data(), array.header.num_elements(), reinterpret_cast<std::byte*>(result.data()));
  return result;
}

std::vector<std::int64_t> to_integers(const NpyArray& array, const std::string& where) {
  if (is_float(array.header.type))
    throw Error(ErrorCode::bad_data, fmt::format("{}: holds floating-point numbers where integers belong", where));
  const std::int64_t num_elements = array.header.num_elements();
  if (array.header.type == NpyType::u64)
    for (std::int64_t i = 0; i < num_elements; ++i)
      if (const auto value = load<std::uint64_t>(array.data.data(), i);
          value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        throw Error(ErrorCode::bad_data, fmt::format("{}: element {} = {} is 2^63 or more", where, i, value));
  std::vector<std::int64_t> result(static_cast<std::size_t>(num_elements));
  visit_type(array.header.type, [&]<typename Element>(Element) {
    if constexpr (!std::is_floating_point_v<Element> && !std::is_same_v<Element, Half>)
      for (std::int64_t i = 0; i < num_elements; ++i)
        result[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(load<Element>(array.data.data(), i));
  });
  return result;
}

DType feature_dtype_of(NpyType type) { return type == NpyType::f16 ? DType::f16 : DType::f32; }

void read_features(NpyStream& stream, DType dtype, std::byte* out, std::int64_t num_elements) {
  const NpyHeader& header = stream.header();
  const bool as_stored = feature_dtype_of(header.type) == dtype && (header.type == NpyType::f16 || header.type == NpyType::f32);
  if (header.fortran_order) {
    if (num_elements != header.num_elements())
      throw Error(
          ErrorCode::bad_data,
          fmt::format("{}: is in Fortran order and cannot be read in pieces; save np.ascontiguousarray(array)", stream.where()));
    const NpyArray array = read_all(stream);
    if (as_stored)
      std::memcpy(out, array.data.data(), static_cast<std::size_t>(array.data.bytes()));
    else
      convert<float>(header.type, array.data.data(), num_elements, out);
    return;
  }
  if (as_stored) return stream.read(out, num_elements);
  constexpr std::int64_t piece = 1 << 16;
  Buffer wide(piece * size_of(header.type));
  if (num_elements == 0) return stream.read(wide.data(), 0);
  for (std::int64_t begin = 0; begin < num_elements; begin += piece) {
    const std::int64_t count = std::min(piece, num_elements - begin);
    stream.read(wide.data(), count);
    convert<float>(header.type, wide.data(), count, out + begin * static_cast<std::int64_t>(sizeof(float)));
  }
}

std::int64_t find_nonfinite(DType dtype, const std::byte* elements, std::int64_t num_elements) {
  return dtype == DType::f16 ? find_exponent<std::uint16_t>(elements, num_elements, 0x7c00u)
                             : find_exponent<std::uint32_t>(elements, num_elements, 0x7f800000u);
}

double element_at(DType dtype, const std::byte* elements, std::int64_t element_idx) {
  return dtype == DType::f16 ? static_cast<double>(load<Half>(elements, element_idx))
                             : static_cast<double>(load<float>(elements, element_idx));
}

}  // namespace segpref::files
