#include "host/c_abi/tensor.hpp"

#include <fmt/format.h>

#include <cstring>

#include "host/validate/tensor.hpp"
#include "segpref/error.hpp"

namespace segpref::c_abi {
namespace {

void* first_element(std::string_view name, const DLTensor& tensor) {
  if (tensor.data == nullptr) return nullptr;  // host/validate says whether it may be
  std::uintptr_t address = 0;
  if (__builtin_add_overflow(reinterpret_cast<std::uintptr_t>(tensor.data), tensor.byte_offset, &address))
    throw Error(ErrorCode::invalid_argument, fmt::format("{} has byte_offset {}, which leads past the end of memory", name, tensor.byte_offset));
  return reinterpret_cast<void*>(address);
}

}  // namespace

Device read_device(std::string_view subject, const DLDevice& device) {
  // By bytes: a foreign number in a C++ enum may not even be looked at.
  std::int32_t type = 0;
  static_assert(sizeof(device.device_type) == sizeof(type));
  std::memcpy(&type, &device.device_type, sizeof(type));
  switch (type) {
    case kDLCPU:
    case kDLCUDAHost: return {Device::Kind::cpu, 0};  // CPU memory has no index
    case kDLCUDA: return {Device::Kind::cuda, device.device_id};
    default:
      throw Error(ErrorCode::invalid_type, fmt::format("{} on DLPack device type {}: kDLCPU ({}), kDLCUDAHost ({}) and kDLCUDA ({}) are known", subject,
                                                       type, static_cast<int>(kDLCPU), static_cast<int>(kDLCUDAHost), static_cast<int>(kDLCUDA)));
  }
}

DType read_dtype(std::string_view name, const DLDataType& dtype) {
  if (dtype.lanes != 1) throw Error(ErrorCode::invalid_type, fmt::format("{} has {} lanes; lanes must be 1", name, dtype.lanes));
  for (DType known : {DType::f32, DType::f64, DType::f16, DType::bf16, DType::i32, DType::i64}) {
    const DLDataType same = dlpack_dtype(known);
    if (dtype.code == same.code && dtype.bits == same.bits) return known;
  }
  throw Error(ErrorCode::invalid_type, fmt::format("{} has DLPack dtype code {} with {} bits; f32, f64, f16, bf16, i32 and i64 are known", name, dtype.code, dtype.bits));
}

DLDataType dlpack_dtype(DType dtype) {
  const auto bits = static_cast<std::uint8_t>(8 * size_of(dtype));
  switch (dtype) {
    case DType::bf16: return {kDLBfloat, bits, 1};
    case DType::i32:
    case DType::i64: return {kDLInt, bits, 1};
    default: return {kDLFloat, bits, 1};
  }
}

TensorView Tensors::view(std::string_view name, const DLTensor* tensor) {
  if (tensor == nullptr) return {};
  if (tensor->ndim < 1 || tensor->ndim > max_rank)
    throw Error(ErrorCode::invalid_argument, fmt::format("{} has {} axes; 1 to {} are supported (NULL stands for absent)", name, tensor->ndim, max_rank));
  if (tensor->shape == nullptr) throw Error(ErrorCode::invalid_argument, fmt::format("{} has a NULL shape", name));
  TensorView view;
  view.dtype = read_dtype(name, tensor->dtype);
  view.device = read_device(fmt::format("{} lives", name), tensor->device);
  check_device(name, view.device);
  view.data = first_element(name, *tensor);
  view.rank = tensor->ndim;
  std::int64_t stride = 1;
  for (int axis = view.rank - 1; axis >= 0; --axis) {
    const auto at = static_cast<std::size_t>(axis);
    view.shape[at] = tensor->shape[axis];
    view.strides[at] = tensor->strides != nullptr ? tensor->strides[axis] : stride;
    stride = validation::product(name, stride, view.shape[at]);
  }
  return view;
}

void Tensors::check_device(std::string_view name, const Device& device) {
  if (first_) validation::on_device_of_call(name, device, *first_);
  else first_ = validation::CallDevice{device, name};
}

}  // namespace segpref::c_abi
