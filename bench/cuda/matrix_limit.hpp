// What this GPU's tensor cores give to mma.sync at best, measured in turns with a row.
#pragma once

#include <vector>

#include "bench/cuda/device.hpp"
#include "bench/cuda/matrix_kernel.hpp"
#include "bench/cuda/median.hpp"
#include "segpref/reward_mlp.hpp"

namespace segpref::bench {

class MatrixLimit {
 public:
  explicit MatrixLimit(Compute compute) : compute_(compute), sink_(1) {
    device::check(cudaDeviceGetAttribute(&num_multiprocessors_, cudaDevAttrMultiProcessorCount, gpu.index), "cudaDeviceGetAttribute");
  }
  void run(const Stream& stream) {
    const MatrixOperands operands = compute_ == Compute::bf16 ? MatrixOperands::bf16 : MatrixOperands::tf32;
    times_us_.push_back(stopwatch_.microseconds(stream, [&] { device::check(launch_products(operands, num_multiprocessors_, sink_.get(), stream.get()), "launch_products"); }));
  }
  /// Median of all runs, of useful FLOP: an f32 product takes three of tf32.
  double tflops() const { return 1e-6 * flop_of_products(num_multiprocessors_) / median(times_us_) / (compute_ == Compute::bf16 ? 1 : 3); }

 private:
  Compute compute_;
  int num_multiprocessors_ = 0;
  DeviceArray<float> sink_;
  Stopwatch stopwatch_;
  std::vector<double> times_us_;
};

}  // namespace segpref::bench
