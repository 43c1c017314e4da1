// One column of the features for a thread that reads many steps of it: which tensor it lies in is found out once.
#pragma once

#include "kernels/cuda/primitives/convert.cuh"
#include "kernels/cuda/primitives/fast_divide.cuh"
#include "kernels/cuda/reward_mlp/params.hpp"

namespace segpref::cuda {

/// Columns beyond the features are zeros.
template <typename Feature>
class FeatureColumn {
 public:
  SEGPREF_DEVICE FeatureColumn(const MlpFeatures& features, int feature_dim, int column) : exists_(column < feature_dim) {
    const bool is_first = column < features.first_dim;
    rows_ = static_cast<const Feature*>(is_first ? features.first : features.second) + (is_first ? column : column - features.first_dim);
    stride_ = is_first ? features.first_stride : features.second_stride;
    if (!exists_ || features.mean == nullptr) return;
    mean_ = features.mean[column];
    std_ = features.std[column];
  }

  SEGPREF_DEVICE float at(std::int64_t step) const { return exists_ ? static_cast<float>(widen(rows_[step * stride_])) : 0.0f; }
  /// As what a feature enters the network.
  SEGPREF_DEVICE float standardised(float x) const { return fast_divide(x - mean_, std_); }

 private:
  const Feature* rows_;
  std::int64_t stride_;
  bool exists_;
  float mean_ = 0.0f, std_ = 1.0f;
};

}  // namespace segpref::cuda
