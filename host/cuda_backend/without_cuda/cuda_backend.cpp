// Builds without CUDA: validation refuses CUDA tensors before anything gets here.
#include "host/cuda_backend/cuda_backend.hpp"

#include "host/device/device.hpp"
#include "segpref/error.hpp"

namespace segpref::cuda_backend {
namespace {

[[noreturn]] void refuse() { throw Error(ErrorCode::unsupported, device::driver().problem); }

}  // namespace

void adamw_step(const Context&, const cpu::AdamWCoefficients&, const TensorView&, const ConstTensorView&, const TensorView&, const TensorView&) { refuse(); }

}  // namespace segpref::cuda_backend
