// DLPack tensors as segpref's views.
#pragma once

#include <string_view>

#include "segpref/segpref.h"
#include "segpref/view.hpp"

namespace segpref::c_abi {

/// An element type, or Error(invalid_type) naming the argument.
DType read_dtype(std::string_view name, const DLDataType& dtype);
DLDataType dlpack_dtype(DType dtype);

/// Views of the tensors of one call; all must live on one device. NULL gives an absent view.
/// Checks what a view cannot express (ndim, lanes, unknown dtypes and devices); the rest is host/validate's.
class Tensors {
 public:
  ConstTensorView in(std::string_view name, const DLTensor* tensor) { return view(name, tensor); }
  TensorView out(std::string_view name, const DLTensor* tensor) { return view(name, tensor); }

 private:
  TensorView view(std::string_view name, const DLTensor* tensor);
  void check_device(std::string_view name, const Device& device);

  std::string_view first_name_;  // of the tensor that fixed the device; names are string literals
  Device device_;
};

}  // namespace segpref::c_abi
