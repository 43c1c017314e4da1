#include "host/c_abi/context.hpp"

using namespace segpref::c_abi;

segpref_status segpref_context_create(int32_t num_threads, segpref_context** context) {
  return guarded([&] {
    require("context", context);
    *context = nullptr;
    *context = new segpref_context{segpref::Context(num_threads)};
  });
}

void segpref_context_destroy(segpref_context* context) { delete context; }

int32_t segpref_context_num_threads(const segpref_context* context) { return context == nullptr ? 0 : context->context.num_threads(); }
