// SEGPREF_BACKEND=reference and device memory; ctest sets the environment.
#include <gtest/gtest.h>

#include "segpref/adamw.hpp"
#include "segpref/error.hpp"
#include "tests/simt/host/device_call.hpp"

namespace segpref::simt {
namespace {

TEST(ReferenceBackend, RefusesDeviceMemory) {
  const Buffer<float> values(4, 1.0f);
  const TensorView tensor = on_device(values);
  try {
    adamw_step(Context(1), tensor, tensor, tensor, tensor, 1, {});
    ADD_FAILURE() << "the oracle took device memory";
  } catch (const segpref::Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_STREQ(error.what(), "parameters lives on a CUDA device: SEGPREF_BACKEND = reference runs on the CPU only");
  }
}

}  // namespace
}  // namespace segpref::simt
