// Exceptions become statuses here; none gets past.
#pragma once

#include <string_view>

#include "segpref/segpref.h"

namespace segpref::c_abi {

/// The status of the exception being handled; its sentence becomes the thread's last error.
segpref_status record_current_exception() noexcept;

/// Runs the body of a C function.
template <typename Body>
segpref_status guarded(Body&& body) noexcept {
  try {
    body();
    return SEGPREF_OK;
  } catch (...) {
    return record_current_exception();
  }
}

/// @throws Error(invalid_argument) "context is NULL"
void require(std::string_view name, const void* pointer);

}  // namespace segpref::c_abi
