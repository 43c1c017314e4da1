// Rules on the values inside the arrays of a batch, once for host and device: does the value at a position break its rule? What is said about one
// that does is for host/validate.
#pragma once

#include <cfloat>
#include <cstdint>

#include "kernels/common/batch.hpp"
#include "kernels/math/host_device.hpp"

namespace segpref::kernels {

/// What is asked of the position i of an array.
enum class ValueForm : std::uint8_t {
  index,       ///< indices[i] is in [least, most]
  order,       ///< indices[i] is not below indices[i - 1]
  difference,  ///< indices[i + 1] - indices[i] is in [least, most]
  window,      ///< indices[i] and lengths[i] are not negative, and their sum is not above most
  real,        ///< reals[i] is in [least_real, most_real], where NaN is not
};

/// One rule for a range of positions. Arrays of other forms are not looked at.
struct ValueCheck {
  ValueForm form = ValueForm::index;
  std::int64_t begin = 0, end = 0;  ///< positions
  IndexArray indices, lengths;
  RealArray reals;                  ///< by flat position, whatever its member_stride
  std::int64_t least = 0, most = 0;
  double least_real = 0.0, most_real = DBL_MAX;
};

/// The values that a rule is about.
struct ValuesAt {
  std::int64_t index = 0;  ///< indices[i]
  std::int64_t other = 0;  ///< its neighbour, or lengths[i]
  double real = 0.0;
};

SEGPREF_HOST_DEVICE inline ValuesAt values_at(const ValueCheck& check, std::int64_t i) {
  if (check.form == ValueForm::real) return {0, 0, check.reals(0, i)};
  const std::int64_t other = check.form == ValueForm::order        ? check.indices[i - 1]
                             : check.form == ValueForm::difference ? check.indices[i + 1]
                             : check.form == ValueForm::window     ? check.lengths[i]
                                                                   : 0;
  return {check.indices[i], other, 0.0};
}

// The forms as predicates on positions: true where the rule is broken.

template <typename Index>
struct IndexOutside {
  const Index* values;
  std::int64_t least, most;
  SEGPREF_HOST_DEVICE bool operator()(std::int64_t i) const { return values[i] < least || values[i] > most; }
};

template <typename Index>
struct OrderBroken {
  const Index* values;
  SEGPREF_HOST_DEVICE bool operator()(std::int64_t i) const { return values[i] < values[i - 1]; }
};

/// Values may be anything here: a difference that overflows wraps, and belongs to values that break an earlier rule.
template <typename Index>
struct DifferenceOutside {
  const Index* values;
  std::int64_t least, most;
  SEGPREF_HOST_DEVICE bool operator()(std::int64_t i) const {
    const auto difference = static_cast<std::int64_t>(static_cast<std::uint64_t>(values[i + 1]) - static_cast<std::uint64_t>(values[i]));
    return difference < least || difference > most;
  }
};

struct WindowOutside {
  IndexArray begins, lengths;
  std::int64_t most;
  SEGPREF_HOST_DEVICE bool operator()(std::int64_t i) const {
    const std::int64_t begin = begins[i], length = lengths[i];
    return begin < 0 || length < 0 || begin > most || length > most - begin;
  }
};

template <typename Real>
struct RealOutside {
  const Real* values;
  double least, most;
  SEGPREF_HOST_DEVICE bool operator()(std::int64_t i) const { return !(values[i] >= least) || !(values[i] <= most); }
};

template <typename Index, class Scan>
SEGPREF_HOST_DEVICE std::int64_t scan_indices(const ValueCheck& check, const Scan& scan) {
  const auto* values = static_cast<const Index*>(check.indices.data);
  switch (check.form) {
    case ValueForm::order: return scan(OrderBroken<Index>{values});
    case ValueForm::difference: return scan(DifferenceOutside<Index>{values, check.least, check.most});
    default: return scan(IndexOutside<Index>{values, check.least, check.most});
  }
}

/// scan(is_broken), with a predicate whose loop holds neither a choice of form nor one of type. @return what scan returns: a position, or -1
template <class Scan>
SEGPREF_HOST_DEVICE std::int64_t scan_values(const ValueCheck& check, const Scan& scan) {
  if (check.form == ValueForm::window) return scan(WindowOutside{check.indices, check.lengths, check.most});
  if (check.form != ValueForm::real) return check.indices.wide ? scan_indices<std::int64_t>(check, scan) : scan_indices<std::int32_t>(check, scan);
  if (check.reals.wide) return scan(RealOutside<double>{static_cast<const double*>(check.reals.data), check.least_real, check.most_real});
  return scan(RealOutside<float>{static_cast<const float*>(check.reals.data), check.least_real, check.most_real});
}

}  // namespace segpref::kernels
