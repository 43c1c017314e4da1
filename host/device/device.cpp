#include "host/device/device.hpp"

#include <fmt/format.h>

#include <mutex>
#include <vector>

#include "host/device/query.hpp"
#include "segpref/error.hpp"

namespace segpref::device {
namespace {

struct Slot {
  std::once_flag is_filled;
  Description description;
};

}  // namespace

const Driver& driver() {
  static const Driver found = find_driver();
  return found;
}

const Description& description(int index) {
  static std::vector<Slot> slots(static_cast<std::size_t>(driver().num_devices));
  if (index < 0 || index >= driver().num_devices)
    throw Error(ErrorCode::invalid_argument, fmt::format("cuda:{} is outside [0, {}) (number of CUDA devices)", index, driver().num_devices));
  Slot& slot = slots[static_cast<std::size_t>(index)];
  std::call_once(slot.is_filled, [&] { slot.description = describe(index); });
  return slot.description;
}

std::string version_words(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

std::string cuda_summary() {
  const int num_devices = driver().num_devices;
  if (num_devices == 0) return driver().problem;
  std::string summary = fmt::format("{} CUDA device{}:", num_devices, num_devices == 1 ? "" : "s");
  for (int index = 0; index < num_devices; ++index) {
    const Description& device = description(index);
    summary += fmt::format("{} {} (sm_{})", index == 0 ? "" : ",", device.name, device.compute_capability);
  }
  return summary;
}

}  // namespace segpref::device
