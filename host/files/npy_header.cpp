#include "host/files/npy_header.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "segpref/error.hpp"

namespace segpref::files {
namespace {

struct TypeName {
  std::string_view descr;
  NpyType type;
};
constexpr TypeName type_names[] = {{"|b1", NpyType::boolean}, {"|i1", NpyType::i8},  {"|u1", NpyType::u8},
                                   {"<i2", NpyType::i16},     {"<u2", NpyType::u16}, {"<i4", NpyType::i32},
                                   {"<u4", NpyType::u32},     {"<i8", NpyType::i64}, {"<u8", NpyType::u64},
                                   {"<f2", NpyType::f16},     {"<f4", NpyType::f32}, {"<f8", NpyType::f64}};

// The dictionary's text, read from left to right.
class Parser {
 public:
  Parser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  NpyHeader parse() {
    NpyHeader header;
    bool has_descr = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = string();
      expect(':');
      if (key == "descr" && !has_descr) {
        has_descr = true;
        header.type = descr();
      } else if (key == "fortran_order" && !has_order) {
        has_order = true;
        header.fortran_order = boolean();
      } else if (key == "shape" && !has_shape) {
        has_shape = true;
        header.shape = shape();
      } else {
        fail(fmt::format("the key '{}' is unknown or repeated", printable(key)));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (!text_.empty()) fail("text follows the dictionary");
    if (!has_descr || !has_order || !has_shape) fail("'descr', 'fortran_order' or 'shape' is missing");
    check_size(header);
    if (std::ranges::count_if(header.shape, [](std::int64_t extent) { return extent != 1; }) < 2) header.fortran_order = false;
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(ErrorCode::bad_data, fmt::format("{}: the .npy header is not valid: {}", where_, reason));
  }
  static std::string printable(std::string_view text) {
    std::string result;
    for (const char c : text.substr(0, 40)) result += c >= ' ' && c <= '~' ? c : '?';
    return result;
  }
  void skip_space() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\n')) text_.remove_prefix(1);
  }
  bool accept(char c) {
    skip_space();
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("'{}' is missing before '{}'", c, printable(text_)));
  }
  std::string_view string() {
    skip_space();
    if (text_.empty() || (text_[0] != '\'' && text_[0] != '"'))
      fail(fmt::format("a string is missing before '{}'", printable(text_)));
    const std::size_t end = text_.find(text_[0], 1);
    if (end == std::string_view::npos) fail("a string does not end");
    const std::string_view result = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return result;
  }
  bool boolean() {
    skip_space();
    for (const auto& [word, value] : {std::pair{std::string_view("True"), true}, std::pair{std::string_view("False"), false}}) {
      if (!text_.starts_with(word)) continue;
      text_.remove_prefix(word.size());
      return value;
    }
    fail("'fortran_order' is neither True nor False");
  }
  NpyType descr() {
    skip_space();
    if (!text_.empty() && text_[0] == '[')
      throw Error(ErrorCode::bad_data, fmt::format("{}: is a structured array; save each field as an array of its own", where_));
    const std::string_view name = string();
    for (const auto& [text, type] : type_names)
      if (text == name) return type;
    if (name.starts_with("|O") || name == "O")
      throw Error(ErrorCode::bad_data,
                  fmt::format("{}: is an object array, which is never unpickled; save plain numbers", where_));
    if (name.starts_with(">"))
      throw Error(ErrorCode::bad_data,
                  fmt::format("{}: is big-endian ('{}'); save it as little-endian, for example array.astype('<{}')", where_,
                              printable(name), printable(name.substr(1))));
    throw Error(ErrorCode::bad_data,
                fmt::format("{}: the element type '{}' is not one of bool, int8 to uint64, float16, float32, float64", where_,
                            printable(name)));
  }
  std::vector<std::int64_t> shape() {
    std::vector<std::int64_t> result;
    expect('(');
    while (!accept(')')) {
      skip_space();
      std::int64_t extent = 0;
      std::size_t digits = 0;
      for (; digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9'; ++digits)
        if (__builtin_mul_overflow(extent, 10, &extent) || __builtin_add_overflow(extent, text_[digits] - '0', &extent))
          fail("an axis of the shape is 2^63 or more");
      if (digits == 0) fail(fmt::format("the shape has '{}' where a size belongs", printable(text_)));
      text_.remove_prefix(digits);
      result.push_back(extent);
      if (result.size() > max_npy_rank) fail("the shape has more than 32 axes");
      if (!accept(',')) {
        expect(')');
        if (result.size() == 1) fail("the shape of one axis lacks its comma");
        break;
      }
    }
    return result;
  }
  void check_size(const NpyHeader& header) const {
    // Zeros do not hide an overflow of the other axes.
    std::int64_t bytes = size_of(header.type);
    for (const std::int64_t extent : header.shape)
      if (extent != 0 && __builtin_mul_overflow(bytes, extent, &bytes))
        fail(fmt::format("the shape {} has 2^63 bytes or more", format_shape(header.shape)));
  }

  std::string_view text_;
  const std::string& where_;
};

}  // namespace

std::int64_t size_of(NpyType type) {
  switch (type) {
    case NpyType::boolean:
    case NpyType::i8:
    case NpyType::u8:
      return 1;
    case NpyType::i16:
    case NpyType::u16:
    case NpyType::f16:
      return 2;
    case NpyType::i32:
    case NpyType::u32:
    case NpyType::f32:
      return 4;
    case NpyType::i64:
    case NpyType::u64:
    case NpyType::f64:
      return 8;
  }
  return 0;
}

bool is_float(NpyType type) { return type == NpyType::f16 || type == NpyType::f32 || type == NpyType::f64; }

std::int64_t NpyHeader::num_elements() const {
  std::int64_t product = 1;
  for (const std::int64_t extent : shape) {
    if (extent == 0) return 0;
    product *= extent;
  }
  return product;
}

NpyPreamble parse_npy_preamble(std::span<const char> bytes, const std::string& where) {
  const auto byte = [&](std::size_t i) { return static_cast<std::int64_t>(static_cast<unsigned char>(bytes[i])); };
  if (static_cast<std::int64_t>(bytes.size()) < npy_preamble_bytes || std::memcmp(bytes.data(), "\x93NUMPY", 6) != 0)
    throw Error(ErrorCode::bad_data, fmt::format("{}: is not a .npy array (its first bytes are not \\x93NUMPY)", where));
  const std::int64_t version = byte(6);
  if (version < 1 || version > 3 || byte(7) != 0)
    throw Error(ErrorCode::bad_data, fmt::format("{}: .npy version {}.{} is not 1.0, 2.0 or 3.0", where, version, byte(7)));
  NpyPreamble preamble;
  preamble.text_begin = version == 1 ? 10 : 12;
  preamble.text_bytes = byte(8) | byte(9) << 8;
  if (version > 1) preamble.text_bytes |= byte(10) << 16 | byte(11) << 24;
  if (preamble.text_bytes > max_npy_header_bytes)
    throw Error(ErrorCode::bad_data, fmt::format("{}: the .npy header of {} bytes is longer than {}", where, preamble.text_bytes,
                                                 max_npy_header_bytes));
  return preamble;
}

NpyHeader parse_npy_header(std::span<const char> text, const std::string& where) {
  return Parser(std::string_view(text.data(), text.size()), where).parse();
}

std::string format_npy_header(NpyType type, const std::vector<std::int64_t>& shape) {
  const auto name = std::ranges::find(type_names, type, &TypeName::type);
  std::string dictionary = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", name->descr,
                                       fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  const std::size_t padded = (10 + dictionary.size() + 1 + 63) / 64 * 64;
  dictionary.resize(padded - 10 - 1, ' ');
  dictionary += '\n';
  std::string result("\x93NUMPY\x01\x00", 8);
  result += static_cast<char>(dictionary.size() & 255);
  result += static_cast<char>(dictionary.size() >> 8);
  return result + dictionary;
}

std::string format_shape(const std::vector<std::int64_t>& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace segpref::files
