// The checksum of zip members.
#pragma once

#include <cstddef>
#include <cstdint>

namespace segpref::files {

/// CRC-32 of IEEE 802.3 continued over `bytes`; begin with 0.
std::uint32_t crc32(std::uint32_t crc, const void* data, std::size_t bytes);

}  // namespace segpref::files
