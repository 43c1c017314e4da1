// The object behind segpref_context.
#pragma once

#include "host/c_abi/status.hpp"
#include "segpref/context.hpp"

struct segpref_context {
  segpref::Context context;
};

namespace segpref::c_abi {

inline const Context& read_context(const segpref_context* context) {
  require("context", context);
  return context->context;
}

}  // namespace segpref::c_abi
