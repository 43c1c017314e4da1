#include "tests/simt/cuda_runtime/failures.hpp"

#include <map>
#include <utility>

#include "tests/simt/cuda_runtime/cuda_runtime.hpp"

namespace segpref::simt {
namespace {

struct Failures {
  std::map<int, cudaError_t> of_devices;
  cudaError_t of_launch = cudaSuccess;
  int num_good_launches = 0;
};

Failures& failures() {
  static Failures instance;
  return instance;
}

}  // namespace

void fail_launch_after(int num_good, cudaError_t code) {
  failures().of_launch = code;
  failures().num_good_launches = num_good;
}
void fail_next_launch(cudaError_t code) { fail_launch_after(0, code); }

void break_device(int device, cudaError_t code) { failures().of_devices[device] = code; }
void mend_devices() { failures().of_devices.clear(); }

cudaError_t failure_of_device(int device) {
  const auto found = failures().of_devices.find(device);
  return found == failures().of_devices.end() ? cudaSuccess : found->second;
}

cudaError_t failure_of_launch(int device) {
  if (const cudaError_t code = failure_of_device(device); code != cudaSuccess) return code;
  Failures& f = failures();
  if (f.of_launch == cudaSuccess || f.num_good_launches-- > 0) return cudaSuccess;
  return std::exchange(f.of_launch, cudaSuccess);
}

}  // namespace segpref::simt
