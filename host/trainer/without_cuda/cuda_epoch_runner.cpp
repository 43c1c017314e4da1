#include "host/trainer/epoch_runner.hpp"

#include "host/device/device.hpp"
#include "segpref/error.hpp"

namespace segpref {

std::unique_ptr<EpochRunner> cuda_epoch_runner(const TrainingSetup&) { throw Error(ErrorCode::unsupported, device::driver().problem); }

}  // namespace segpref
