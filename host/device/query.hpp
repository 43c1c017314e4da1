// What the runtime says, asked anew by every call: device.hpp keeps the answers. One version for builds with CUDA, one for those without.
#pragma once

#include "host/device/device.hpp"

namespace segpref::device {

Driver find_driver();
/// `index` exists.
Description describe(int index);

}  // namespace segpref::device
