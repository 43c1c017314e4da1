// The modelled devices: two alike, with the limits of core/options.hpp. They share one memory: a kernel that reads the other device's goes unseen.
#include <cstdio>

#include "tests/simt/cuda_runtime/cuda_runtime.hpp"
#include "tests/simt/cuda_runtime/streams.hpp"

using segpref::simt::returned;

namespace segpref::simt {
namespace {

constexpr int num_devices = 2;
thread_local int chosen_device = 0;

bool exists(int device) { return device >= 0 && device < num_devices; }

}  // namespace

int current_device() { return chosen_device; }

}  // namespace segpref::simt

using segpref::simt::exists;

extern "C" {

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) { return cudaRuntimeGetVersion(version); }

cudaError_t cudaGetDeviceCount(int* count) {
  *count = segpref::simt::num_devices;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = segpref::simt::chosen_device;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (!exists(device)) return returned(cudaErrorInvalidDevice);
  segpref::simt::chosen_device = device;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (!exists(device)) return returned(cudaErrorInvalidDevice);
  *properties = {};
  std::snprintf(properties->name, sizeof properties->name, "modelled device %d", device);
  properties->major = 9;
  properties->multiProcessorCount = 4;
  properties->sharedMemPerBlock = segpref::simt::max_static_shared_bytes;
  properties->sharedMemPerBlockOptin = segpref::simt::max_shared_bytes;
  properties->totalGlobalMem = std::size_t{1} << 30;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (!exists(device)) return returned(cudaErrorInvalidDevice);
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount: *value = 4; return cudaSuccess;
    case cudaDevAttrMaxThreadsPerBlock: *value = segpref::simt::max_threads_per_block; return cudaSuccess;
    case cudaDevAttrWarpSize: *value = segpref::simt::warp_size; return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlock: *value = static_cast<int>(segpref::simt::max_static_shared_bytes); return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = static_cast<int>(segpref::simt::max_shared_bytes); return cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor: *value = 9; return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor: *value = 0; return cudaSuccess;
    default: throw segpref::simt::Error("cudaDeviceGetAttribute: attribute " + std::to_string(attribute) + " is not modelled");
  }
}

const char* cudaGetErrorName(cudaError_t code) {
  switch (code) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
    case cudaErrorInvalidConfiguration: return "cudaErrorInvalidConfiguration";
    case cudaErrorInvalidDevice: return "cudaErrorInvalidDevice";
    case cudaErrorInvalidResourceHandle: return "cudaErrorInvalidResourceHandle";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorIllegalAddress: return "cudaErrorIllegalAddress";
    case cudaErrorIllegalState: return "cudaErrorIllegalState";
    case cudaErrorNotReady: return "cudaErrorNotReady";
    case cudaErrorStreamCaptureUnsupported: return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorStreamCaptureInvalidated: return "cudaErrorStreamCaptureInvalidated";
    default: return "unrecognised error";
  }
}
const char* cudaGetErrorString(cudaError_t code) { return cudaGetErrorName(code); }

}  // extern "C"
