#include "host/files/crc32.hpp"

#include <array>

namespace segpref::files {
namespace {

using Table = std::array<std::array<std::uint32_t, 256>, 8>;

// table[k][b]: the checksum of byte b followed by k zero bytes, so that eight bytes are one step.
constexpr Table make_table() {
  Table table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xedb88320u : 0u);
    table[0][byte] = value;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte)
      table[k][byte] = (table[k - 1][byte] >> 8) ^ table[0][table[k - 1][byte] & 255];
  return table;
}
constexpr Table table = make_table();

}  // namespace

std::uint32_t crc32(std::uint32_t crc, const void* data, std::size_t bytes) {
  const auto* cursor = static_cast<const unsigned char*>(data);
  crc = ~crc;
  for (; bytes >= 8; bytes -= 8, cursor += 8) {
    const std::uint32_t low = crc ^ (std::uint32_t{cursor[0]} | std::uint32_t{cursor[1]} << 8 | std::uint32_t{cursor[2]} << 16 |
                                     std::uint32_t{cursor[3]} << 24);
    crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24] ^ table[3][cursor[4]] ^
          table[2][cursor[5]] ^ table[1][cursor[6]] ^ table[0][cursor[7]];
  }
  for (; bytes > 0; --bytes, ++cursor) crc = (crc >> 8) ^ table[0][(crc ^ *cursor) & 255];
  return ~crc;
}

}  // namespace segpref::files
