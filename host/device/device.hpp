// The CUDA devices of this process, for code that knows nothing of CUDA. Without a driver, or in a build without CUDA, there are none.
#pragma once

#include <cstdint>
#include <string>

namespace segpref::device {

/// What was found, once per process.
struct Driver {
  bool built_with_cuda = false;
  std::string architectures;  ///< of the code in this library: "80-real, 90-real, 90-virtual"
  int runtime_version = 0;    ///< 1000 * major + 10 * minor; 0: none
  int driver_version = 0;     ///< the newest CUDA that the driver runs; 0: none
  int num_devices = 0;
  std::string problem;        ///< why there are no devices, as a clause: "no CUDA driver was found"; empty where there are some
};

/// What a plan may depend on, and what a person wants to know.
struct Description {
  std::string name;
  int compute_capability = 0;                ///< 10 * major + minor: 90 is sm_90
  int num_multiprocessors = 0;
  std::int64_t shared_memory_per_block = 0;  ///< bytes that one block may ask for
  std::int64_t memory_bytes = 0;
};

/// Looked for when it is first asked for. Never throws for a lack of devices: that is an answer.
const Driver& driver();

/// The description of a device of [0, driver().num_devices), looked at when it is first asked for. Threads may ask at the same time.
/// @throws Error(invalid_argument) for another index, Error(device_failed) where the device does not answer
const Description& description(int index);

/// "13.0" for 13000.
std::string version_words(int version);

/// One line for people: "2 CUDA devices: NVIDIA H100 (sm_90), NVIDIA H100 (sm_90)", or why there are none.
std::string cuda_summary();

}  // namespace segpref::device
