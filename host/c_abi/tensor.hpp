// DLPack tensors as segpref's views.
#pragma once

#include <optional>
#include <string_view>

#include "host/validate/call_device.hpp"
#include "segpref/segpref.h"
#include "segpref/view.hpp"

namespace segpref::c_abi {

/// An element type, or Error(invalid_type) naming the argument.
DType read_dtype(std::string_view name, const DLDataType& dtype);
DLDataType dlpack_dtype(DType dtype);

/// A device, or Error(invalid_type); `subject` begins the message: "labels lives", "capacity.device is".
Device read_device(std::string_view subject, const DLDevice& device);

/// Views of the tensors of one call; all must live on one device. NULL gives an absent view.
/// Checks what a view cannot express (ndim, lanes, unknown dtypes and devices); the rest is host/validate's.
class Tensors {
 public:
  ConstTensorView in(std::string_view name, const DLTensor* tensor) { return view(name, tensor); }
  TensorView out(std::string_view name, const DLTensor* tensor) { return view(name, tensor); }

 private:
  TensorView view(std::string_view name, const DLTensor* tensor);
  void check_device(std::string_view name, const Device& device);

  std::optional<validation::CallDevice> first_;  // what the first tensor fixed; names are string literals
};

}  // namespace segpref::c_abi
