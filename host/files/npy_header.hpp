// The header of NumPy's .npy format, versions 1 to 3.
// Source  https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace segpref::files {

/// Element types that are read: everything a little-endian NumPy array of plain numbers can hold.
enum class NpyType : std::uint8_t { boolean, i8, u8, i16, u16, i32, u32, i64, u64, f16, f32, f64 };

std::int64_t size_of(NpyType type);
bool is_float(NpyType type);

struct NpyHeader {
  NpyType type = NpyType::f32;
  bool fortran_order = false;  ///< of two or more axes longer than 1; otherwise the two orders are the same
  std::vector<std::int64_t> shape;

  std::int64_t num_elements() const;  ///< fits, also times the element's size: parse checked it
  std::int64_t data_bytes() const { return num_elements() * size_of(type); }
};

/// Most axes of an array, as in NumPy before version 2.
inline constexpr std::size_t max_npy_rank = 32;
/// The longest header that is read. A header of plain arrays has about 128 bytes.
inline constexpr std::int64_t max_npy_header_bytes = 65536;

/// Bytes from the start of the file to the header text: 10 (version 1) or 12; and the text's length.
struct NpyPreamble {
  std::int64_t text_begin = 0, text_bytes = 0;
};
inline constexpr std::int64_t npy_preamble_bytes = 12;

/// @param bytes  the first 12 bytes      @throws Error(bad_data) beginning with `where`
NpyPreamble parse_npy_preamble(std::span<const char> bytes, const std::string& where);
/// @param text   the header's dictionary, `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`
/// Strict: the three keys, once each, of the right kind, and nothing else; nothing is evaluated.
NpyHeader parse_npy_header(std::span<const char> text, const std::string& where);
/// Preamble and header of version 1, padded so that the data begin at a multiple of 64 bytes.
std::string format_npy_header(NpyType type, const std::vector<std::int64_t>& shape);
/// "[3, 4]"
std::string format_shape(const std::vector<std::int64_t>& shape);

}  // namespace segpref::files
