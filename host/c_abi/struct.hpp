// Structs that may grow: reading one that a program compiled against another version of the header passes.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "host/c_abi/status.hpp"
#include "segpref/error.hpp"

namespace segpref::c_abi {

/// The caller's struct in this version's layout. Fields that its struct_size does not reach keep their `defaults`; bytes beyond what this
/// version knows must be 0, because they ask for something it cannot do. `first_size` is the struct's size in its first version.
template <typename Struct>
Struct read_struct(std::string_view name, const Struct* given, const Struct& defaults = {}, std::size_t first_size = sizeof(Struct)) {
  static_assert(std::is_trivially_copyable_v<Struct> && std::is_standard_layout_v<Struct>);
  require(name, given);
  const auto* bytes = reinterpret_cast<const std::byte*>(given);
  std::size_t size = 0;
  std::memcpy(&size, bytes, sizeof(size));
  if (size < first_size)
    throw Error(ErrorCode::invalid_argument, fmt::format("{}.struct_size = {} must be sizeof of the struct, {} or more", name, size, first_size));
  // A size beyond reason is memory that nobody initialised, not a later version.
  constexpr std::size_t most = 4096;
  if (size > most) throw Error(ErrorCode::invalid_argument, fmt::format("{}.struct_size = {} must be at most {}", name, size, most));
  for (std::size_t i = sizeof(Struct); i < size; ++i)
    if (bytes[i] != std::byte{0})
      throw Error(ErrorCode::unsupported,
                  fmt::format("{} has {} bytes and uses fields beyond the {} bytes that this version of segpref knows", name, size, sizeof(Struct)));
  Struct result = defaults;
  std::memcpy(&result, bytes, std::min(size, sizeof(Struct)));
  return result;
}

/// The same where NULL stands for the defaults.
template <typename Struct>
Struct read_optional_struct(std::string_view name, const Struct* given, const Struct& defaults = {}) {
  return given == nullptr ? defaults : read_struct(name, given, defaults);
}

/// A constant of a C enum, 0 to `last`, as the C++ enum with the same values.
template <typename Enum>
Enum read_enum(std::string_view name, std::int32_t value, Enum last) {
  if (value < 0 || value > static_cast<std::int32_t>(last))
    throw Error(ErrorCode::invalid_argument, fmt::format("{} = {} is outside [0, {}]", name, value, static_cast<std::int32_t>(last)));
  return static_cast<Enum>(value);
}

/// A switch that is 0 or 1.
inline bool read_switch(std::string_view name, std::int32_t value) {
  if (value != 0 && value != 1) throw Error(ErrorCode::invalid_argument, fmt::format("{} = {} must be 0 or 1", name, value));
  return value == 1;
}

/// A field kept for later versions.
inline void check_reserved(std::string_view name, std::int32_t value) {
  if (value != 0) throw Error(ErrorCode::invalid_argument, fmt::format("{} = {} must be 0", name, value));
}

}  // namespace segpref::c_abi
