#include "host/device/with_cuda/check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "segpref/error.hpp"

namespace segpref::device {
namespace {

/// A source's path inside the repository, wherever that lies: this file's own path says where it begins.
std::string_view path_in_repository(std::string_view path) {
  std::string_view root = __FILE__;
  root.remove_suffix(std::string_view("host/device/with_cuda/check.cpp").size());
  return path.starts_with(root) ? path.substr(root.size()) : path;
}

}  // namespace

bool is_sticky(cudaError_t code) {
  // Those of which the toolkit's documentation says that the process must be terminated and relaunched, and uncorrectable faults of the hardware.
  // By number where older toolkits have no name: cudaErrorContained, cudaErrorTensorMemoryLeak, cudaErrorExternalDevice.
  constexpr int sticky[] = {cudaErrorECCUncorrectable, cudaErrorNvlinkUncorrectable, 226, cudaErrorIllegalAddress, cudaErrorLaunchTimeout, cudaErrorAssert,
                            cudaErrorHardwareStackError, cudaErrorIllegalInstruction, cudaErrorMisalignedAddress, cudaErrorInvalidAddressSpace,
                            cudaErrorInvalidPc, cudaErrorLaunchFailure, 721, cudaErrorMpsClientTerminated, 911};
  return std::find(std::begin(sticky), std::end(sticky), static_cast<int>(code)) != std::end(sticky);
}

void check(cudaError_t code, std::string_view call, std::source_location where) {
  if (code == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());
  throw Error(code == cudaErrorMemoryAllocation ? ErrorCode::out_of_memory : ErrorCode::device_failed,
              fmt::format("{}:{}: {} failed: {} ({}){}", path_in_repository(where.file_name()), where.line(), call, cudaGetErrorString(code), cudaGetErrorName(code),
                          is_sticky(code) ? "; the device needs a new process" : ""));
}

}  // namespace segpref::device
