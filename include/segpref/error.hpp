// The one exception type of segpref.
#pragma once

#include <stdexcept>
#include <string>

#include "export.hpp"

namespace segpref {

/// What kind of thing went wrong. The values are the status codes of the C ABI (segpref.h).
enum class ErrorCode {
  invalid_argument = 1,  ///< a value, shape or size breaks a rule
  invalid_type = 2,      ///< a dtype or device that this argument does not take
  unsupported = 3,       ///< legal, but not done by this version or this machine
  bad_data = 4,          ///< a file's contents are wrong
  io = 5,                ///< the system refused to read or write
  out_of_memory = 6,
  internal = 7,          ///< a defect of segpref: please report it
  device_failed = 8      ///< a CUDA call failed; `what()` says whether the device needs a new process
};

/// Thrown by every function of the C++ API. `what()` names argument, position, value and rule:
/// `pairs[17, second] = 240 is outside [0, 200) (num_segments)`.
/// Nothing has been written when the code is invalid_argument, invalid_type or unsupported.
class SEGPREF_API Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace segpref
