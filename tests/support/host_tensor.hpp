// A host array of any element type, read and written as doubles, between guards that show a write outside of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "segpref/view.hpp"

namespace segpref::testing {

class HostTensor {
 public:
  HostTensor() = default;  ///< absent: its view is an absent one
  /// @param lead  elements between a 64-byte boundary and the first element: 0 to 31
  HostTensor(DType dtype, std::vector<std::int64_t> shape, double fill = 0, std::int64_t lead = 0);
  /// One axis, the given values rounded to `dtype`.
  static HostTensor of(DType dtype, const std::vector<double>& values, std::int64_t lead = 0);

  bool present() const { return !shape_.empty(); }
  DType dtype() const { return dtype_; }
  std::int64_t size() const { return size_; }
  double operator[](std::int64_t i) const;
  void set(std::int64_t i, double value);
  void fill(double value);
  TensorView view();
  ConstTensorView view() const;
  /// Both guards are as they were made.
  bool guards_intact() const;
  bool same_bits(const HostTensor& other) const;

 private:
  std::byte* data() { return storage_.data() + begin_; }
  const std::byte* data() const { return storage_.data() + begin_; }

  DType dtype_ = DType::f32;
  std::vector<std::int64_t> shape_;
  std::int64_t size_ = 0;
  std::size_t begin_ = 0, bytes_ = 0;
  std::vector<std::byte> storage_;
};

}  // namespace segpref::testing
