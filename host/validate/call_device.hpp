// On which device a call runs: its first tensor decides, and every other one must lie there too.
#pragma once

#include <string>
#include <string_view>

#include "segpref/view.hpp"

namespace segpref::validation {

/// The device of a call and the tensor that decided it.
struct CallDevice {
  Device device;
  std::string_view decided_by = "the call";  ///< an argument's name, for messages; a literal

  bool is_cuda() const { return device.kind == Device::Kind::cuda; }
};

/// Called with the first tensor of a call, before anything else is checked. An absent tensor means the CPU: that it is missing is for the check of its shape.
/// @throws Error(unsupported) where `operation` or this machine cannot serve the tensor's device, Error(invalid_argument) where there is no such device
CallDevice device_of_call(std::string_view operation, std::string_view name, const ConstTensorView& first);

/// The same rules for the device that something is made for. @param subject  how a message begins
void device_of_plan(std::string_view operation, std::string_view subject, const Device& device);
inline void device_of_plan(std::string_view operation, const Device& device) { device_of_plan(operation, "capacity.device is", device); }

/// A run must take place where its plan was made for.
void same_device_as_plan(const Device& planned, const CallDevice& call);

/// @throws Error(invalid_type) "pairs lives on cuda:0 and step_rewards on the CPU: all tensors of a call live on one device"
void on_device_of_call(std::string_view name, const Device& device, const CallDevice& call);

/// "the CPU" or "cuda:1".
std::string words(const Device& device);

}  // namespace segpref::validation
