// Devices as the library describes them, on the modelled ones.
#include "host/device/device.hpp"

#include <gtest/gtest.h>

#include <source_location>
#include <string>
#include <thread>
#include <vector>

#include "host/device/with_cuda/check.hpp"
#include "segpref/error.hpp"
#include "tests/simt/support/kernel_test.hpp"

namespace segpref::simt {
namespace {

TEST(ModelledDevices, AreDescribedOnceForAllThreads) {
  std::vector<const device::Description*> seen(8);
  std::vector<std::thread> threads;
  for (auto& description : seen) threads.emplace_back([&] { description = &device::description(1); });
  for (std::thread& thread : threads) thread.join();
  for (const auto* description : seen) EXPECT_EQ(description, seen[0]);
  EXPECT_EQ(seen[0]->name, "modelled device 1");
  EXPECT_EQ(seen[0]->compute_capability, 90);
  EXPECT_EQ(seen[0]->num_multiprocessors, 4);
  EXPECT_EQ(seen[0]->shared_memory_per_block, 227 * 1024);
  EXPECT_EQ(seen[0]->memory_bytes, 1 << 30);
}

TEST(ModelledDevices, AreSummedUp) {
  EXPECT_EQ(device::driver().num_devices, 2);
  EXPECT_EQ(device::driver().problem, "");
  EXPECT_EQ(device::cuda_summary(), "2 CUDA devices: modelled device 0 (sm_90), modelled device 1 (sm_90)");
  EXPECT_THROW(device::description(2), segpref::Error);
}

TEST(CheckedCalls, NameCallPlaceAndWords) {
  EXPECT_NO_THROW(device::check(cudaSuccess, "cudaSomething"));
  const auto line = std::source_location::current().line() + 2;
  try {
    device::check(cudaErrorInvalidDevice, "cudaSomething");
    ADD_FAILURE() << "accepted";
  } catch (const segpref::Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::device_failed);
    EXPECT_EQ(error.what(), "tests/simt/host/device_test.cpp:" + std::to_string(line) + ": cudaSomething failed: cudaErrorInvalidDevice (cudaErrorInvalidDevice)");
  }
}

TEST(CheckedCalls, KnowWhichErrorsEndAContext) {
  for (const int code : {cudaErrorIllegalAddress, cudaErrorAssert, cudaErrorLaunchTimeout, cudaErrorLaunchFailure, cudaErrorECCUncorrectable})
    EXPECT_TRUE(device::is_sticky(static_cast<cudaError_t>(code))) << code;
  for (const int code : {cudaErrorInvalidValue, cudaErrorMemoryAllocation, cudaErrorInvalidConfiguration, cudaErrorNoDevice, cudaErrorStreamCaptureInvalidated})
    EXPECT_FALSE(device::is_sticky(static_cast<cudaError_t>(code))) << code;
}

}  // namespace
}  // namespace segpref::simt
