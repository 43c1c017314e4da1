// CUDA's codes become Error here. Needs the toolkit's headers: included where the runtime is called, and nowhere else.
#pragma once

#include <cuda_runtime_api.h>

#include <source_location>
#include <string_view>

namespace segpref::device {

/// Errors after which every call of this process on the device fails: a kernel crashed, or the device is gone.
bool is_sticky(cudaError_t code);

/// Throws unless `code`, which `call` returned, is cudaSuccess. The error is also taken out of the thread's state, where the next library to ask
/// would take it for its own.
/// @throws Error(out_of_memory) for cudaErrorMemoryAllocation, else Error(device_failed), with the call, its place in the source and CUDA's own words
void check(cudaError_t code, std::string_view call, std::source_location where = std::source_location::current());

}  // namespace segpref::device
