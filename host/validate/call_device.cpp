#include "host/validate/call_device.hpp"

#include <fmt/format.h>

#include "host/cuda_backend/cuda_backend.hpp"
#include "host/device/device.hpp"
#include "host/reference_backend/reference_backend.hpp"

namespace segpref::validation {
namespace {

/// CPU memory has no index.
bool same(const Device& a, const Device& b) { return a.kind == b.kind && (a.kind == Device::Kind::cpu || a.index == b.index); }

/// @param device   a CUDA device
/// @param subject  how the message begins: "step_rewards lives on"
void device_is_usable(std::string_view operation, std::string_view subject, const Device& device) {
  const device::Driver& driver = device::driver();
  if (!cuda_backend::has(operation)) throw Error(ErrorCode::unsupported, fmt::format("{} a CUDA device: {} does not support CUDA yet", subject, operation));
  if (!driver.built_with_cuda) throw Error(ErrorCode::unsupported, fmt::format("{} a CUDA device: {}", subject, driver.problem));
  if (reference_backend::selected())
    throw Error(ErrorCode::unsupported, fmt::format("{} a CUDA device: SEGPREF_BACKEND = reference runs on the CPU only", subject));
  if (driver.num_devices == 0) throw Error(ErrorCode::unsupported, fmt::format("{} {}: {}", subject, words(device), driver.problem));
  if (device.index < 0 || device.index >= driver.num_devices)
    throw Error(ErrorCode::invalid_argument,
                fmt::format("{} {}, which does not exist: this process has {} CUDA device{}", subject, words(device), driver.num_devices, driver.num_devices == 1 ? "" : "s"));
}

}  // namespace

CallDevice device_of_call(std::string_view operation, std::string_view name, const ConstTensorView& first) {
  if (!first.present()) return {};
  if (first.device.kind != Device::Kind::cpu) device_is_usable(operation, fmt::format("{} lives on", name), first.device);  // no sentence, and no allocation, on the CPU
  return {first.device, name};
}

void device_of_plan(std::string_view operation, std::string_view subject, const Device& device) {
  if (device.kind != Device::Kind::cpu) device_is_usable(operation, subject, device);
}

void same_device_as_plan(const Device& planned, const CallDevice& call) {
  if (!same(planned, call.device))
    throw Error(ErrorCode::invalid_argument, fmt::format("{} lives on {}; the plan was made for {}", call.decided_by, words(call.device), words(planned)));
}

void on_device_of_call(std::string_view name, const Device& device, const CallDevice& call) {
  if (!same(device, call.device))
    throw Error(ErrorCode::invalid_type,
                fmt::format("{} lives on {} and {} on {}: all tensors of a call live on one device", name, words(device), call.decided_by, words(call.device)));
}

std::string words(const Device& device) { return device.kind == Device::Kind::cpu ? "the CPU" : fmt::format("cuda:{}", device.index); }

}  // namespace segpref::validation
