// Context::checking_values() is a promise: an operation that cannot keep it yet says so before anything is enqueued.
#pragma once

#include <fmt/format.h>

#include <string_view>

#include "segpref/context.hpp"
#include "segpref/error.hpp"

namespace segpref::cuda_backend {

inline void refuse_value_checks(const Context& context, std::string_view operation) {
  if (context.checks_values())
    throw Error(ErrorCode::unsupported, fmt::format("{} does not check values in device memory yet: use a context without checking_values()", operation));
}

}  // namespace segpref::cuda_backend
