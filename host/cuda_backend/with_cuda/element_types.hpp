// From the type of step rewards or features, known at run time, to the type that a kernel is compiled for.
#pragma once

#include "segpref/dtype.hpp"

namespace segpref::cuda_backend {

/// call(Element(), Real()), where Real is what a kernel computes in: f64 for f64, else f32.
template <typename Call>
auto with_element_types(DType elements, Call call) {
  switch (elements) {
    case DType::f32: return call(float(), float());
    case DType::f64: return call(double(), double());
    case DType::bf16: return call(bf16(), float());
    default: return call(f16(), float());
  }
}

}  // namespace segpref::cuda_backend
