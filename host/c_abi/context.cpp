#include "host/c_abi/context.hpp"

#include "host/c_abi/struct.hpp"

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

segpref_status segpref_context_set_stream(segpref_context* context, void* cuda_stream) {
  return guarded([&] {
    require("context", context);
    context->context = context->context.on_stream(cuda_stream);
  });
}

segpref_status segpref_context_set_check_values(segpref_context* context, int32_t check_values) {
  return guarded([&] {
    require("context", context);
    context->context = context->context.checking_values(read_switch("check_values", check_values));
  });
}
