// What is said about CUDA on whatever machine this is: consistent, and never an exception for a lack of devices.
#include <gtest/gtest.h>

#include "host/device/device.hpp"
#include "tests/support/expect_error.hpp"

namespace segpref::device {
namespace {

TEST(Device, VersionsReadAsPeopleWriteThem) {
  EXPECT_EQ(version_words(13000), "13.0");
  EXPECT_EQ(version_words(12080), "12.8");
}

TEST(Device, ThereAreDevicesOrAReasonWhyThereAreNone) {
  EXPECT_EQ(driver().num_devices == 0, !driver().problem.empty());
  EXPECT_EQ(&driver(), &driver());
  if (driver().num_devices == 0) EXPECT_EQ(cuda_summary(), driver().problem);
  else EXPECT_EQ(cuda_summary().find(std::to_string(driver().num_devices) + " CUDA device"), 0u) << cuda_summary();
}

TEST(Device, TheBuildIsWhatCMakeChose) {
#ifdef SEGPREF_WITH_CUDA
  EXPECT_TRUE(driver().built_with_cuda);
  EXPECT_GE(driver().runtime_version, 12000);
  EXPECT_FALSE(driver().architectures.empty());
#else
  EXPECT_FALSE(driver().built_with_cuda);
  EXPECT_EQ(driver().runtime_version, 0);
  EXPECT_EQ(cuda_summary(), "this segpref was built without CUDA");
#endif
}

TEST(Device, DescriptionsAreOfDevicesThatExist) {
  const std::string range = "[0, " + std::to_string(driver().num_devices) + ") (number of CUDA devices)";
  segpref::testing::expect_error(ErrorCode::invalid_argument, "cuda:-1 is outside " + range, [] { description(-1); });
  segpref::testing::expect_error(ErrorCode::invalid_argument, "cuda:" + std::to_string(driver().num_devices) + " is outside " + range,
                                 [] { description(driver().num_devices); });
  for (int index = 0; index < driver().num_devices; ++index) {
    EXPECT_GE(description(index).num_multiprocessors, 1);
    EXPECT_GE(description(index).compute_capability, 50);
    EXPECT_GE(description(index).shared_memory_per_block, 48 * 1024);
  }
}

}  // namespace
}  // namespace segpref::device
