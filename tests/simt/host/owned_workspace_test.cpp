// A call's own workspace on a device: there when the stream comes to it, gone when the stream has passed, and nothing waits.
#include "host/plan/owned_workspace.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/simt/host/device_call.hpp"

namespace segpref::simt {
namespace {

constexpr Device cuda_0{Device::Kind::cuda, 0}, cuda_1{Device::Kind::cuda, 1};

TEST(OwnedWorkspaceOnADevice, LivesInTheOrderOfTheStream) {
  const Stream stream;
  const Context context = Context(1).on_stream(stream.get());
  const Buffer<float> result(4);
  {
    const OwnedWorkspace workspace(16, cuda_0, context);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(workspace.get().data()) % WorkspaceLayout::alignment, 0u);
    ASSERT_EQ(workspace.get().size(), 16u);
    ASSERT_EQ(cudaMemsetAsync(workspace.get().data(), 0, 16, stream.get()), cudaSuccess);
    ASSERT_EQ(cudaMemcpyAsync(result.get(), workspace.get().data(), 16, cudaMemcpyDeviceToDevice, stream.get()), cudaSuccess);
  }
  EXPECT_EQ(num_pending_operations(), 4u) << "allocation, two uses, release: nobody waited";
  stream.wait();
  EXPECT_EQ(result.to_host(), std::vector<float>(4, 0.0f));
}

TEST(OwnedWorkspaceOnADevice, LiesOnTheDeviceThatIsNamed) {
  const Stream on_1(1);
  { const OwnedWorkspace workspace(64, cuda_1, Context(1).on_stream(on_1.get())); }
  int current = -1;
  EXPECT_EQ(cudaGetDevice(&current), cudaSuccess);
  EXPECT_EQ(current, 0);
  on_1.wait();
}

TEST(OwnedWorkspaceOnADevice, OfNoBytesAsksForNothing) {
  const Stream stream;
  EXPECT_EQ(OwnedWorkspace(0, cuda_0, Context(1).on_stream(stream.get())).get().data(), nullptr);
  EXPECT_EQ(num_pending_operations(), 0u);
}

TEST(OwnedWorkspaceOnADevice, OfTheCpuIsHostMemory) {
  const OwnedWorkspace workspace(100, Device{}, Context(1));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(workspace.get().data()) % WorkspaceLayout::alignment, 0u);
  std::fill(workspace.get().begin(), workspace.get().end(), std::byte{1});
  EXPECT_EQ(num_pending_operations(), 0u);
}

}  // namespace
}  // namespace segpref::simt
