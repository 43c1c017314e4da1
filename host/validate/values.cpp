#include "host/validate/values.hpp"

#include "segpref/error.hpp"

namespace segpref::validation {

const void* host_data(const ConstTensorView& view) {
  if (view.device.kind != Device::Kind::cpu) throw Error(ErrorCode::internal, "a check of values on the host met device memory");
  return view.data;
}

cpu::IndexArray indices(const ConstTensorView& view) {
  // An empty array may come with a null pointer, which must not read as "absent".
  static constexpr std::int64_t empty = 0;
  const void* data = host_data(view);
  return {data != nullptr ? data : &empty, view.dtype == DType::i64};
}

cpu::RealArray reals(const ConstTensorView& view, std::int64_t num, double absent) {
  if (!view.present()) return {nullptr, false, 0, absent};
  static constexpr double empty = 0.0;
  const void* data = host_data(view);
  return {data != nullptr ? data : &empty, view.dtype == DType::f64, view.rank == 2 ? num : 0, absent};
}

}  // namespace segpref::validation
