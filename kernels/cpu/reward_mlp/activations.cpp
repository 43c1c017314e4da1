#include "kernels/cpu/reward_mlp/activations.hpp"

#include "kernels/cpu/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/reward_mlp/activations.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::mlp::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<float>;
using V = hn::Vec<Tag>;

struct ValueAndSlope {
  V value, slope;
};

HWY_INLINE V number(double value) { return hn::Set(Tag(), static_cast<float>(value)); }
HWY_INLINE V negative_exp(V x) { return hn::Exp(Tag(), hn::Neg(x)); }  // of x >= 0: 1 to 0, never overflows

struct Leaky {
  V leaky_slope;
  HWY_INLINE ValueAndSlope operator()(V z) const {
    const auto positive = hn::Gt(z, hn::Zero(Tag()));
    return {hn::IfThenElse(positive, z, hn::Mul(z, leaky_slope)), hn::IfThenElse(positive, number(1), leaky_slope)};
  }
};

/// With e = exp(-2 |z|): |tanh| = (1 - e) / (1 + e), slope = 4 e / (1 + e)^2. Near 0, where 1 - e would lose digits, the Taylor series.
struct Tanh {
  HWY_INLINE ValueAndSlope operator()(V z) const {
    const V size = hn::Abs(z), e = negative_exp(hn::Add(size, size)), inverse = hn::Div(number(1), hn::Add(number(1), e));
    const V large = hn::CopySign(hn::Mul(hn::Sub(number(1), e), inverse), z);
    const V square = hn::Mul(z, z);
    V series = hn::MulAdd(number(62.0 / 2835), square, number(-17.0 / 315));
    series = hn::MulAdd(series, square, number(2.0 / 15));
    series = hn::MulAdd(series, square, number(-1.0 / 3));
    const V small = hn::MulAdd(hn::Mul(series, square), z, z);
    return {hn::IfThenElse(hn::Lt(size, number(0.25)), small, large), hn::Mul(hn::Mul(number(4), e), hn::Mul(inverse, inverse))};
  }
};

/// z sigmoid(z), with the sigmoid in the form that neither overflows nor cancels.
struct Silu {
  HWY_INLINE ValueAndSlope operator()(V z) const {
    const V e = negative_exp(hn::Abs(z)), inverse = hn::Div(number(1), hn::Add(number(1), e)), other = hn::Mul(e, inverse);
    const auto positive = hn::Ge(z, hn::Zero(Tag()));
    const V sigmoid = hn::IfThenElse(positive, inverse, other), rest = hn::IfThenElse(positive, other, inverse);
    return {hn::Mul(z, sigmoid), hn::MulAdd(hn::Mul(z, sigmoid), rest, sigmoid)};
  }
};

/// z Phi(z), Phi the normal distribution. Phi(-|z|) = exp(-z^2 / 2) t p(t) with t = 1 / (1 + 0.4 |z| / sqrt 2), the form of Hastings 1955; the
/// coefficients are a minimax fit of ours, error 2e-10. The exponential is also that of the slope, Phi(z) + z exp(-z^2 / 2) / sqrt(2 pi).
struct Gelu {
  HWY_INLINE ValueAndSlope operator()(V z) const {
    const V t = hn::Div(number(1), hn::MulAdd(number(0.4 * 0.70710678118654752), hn::Abs(z), number(1)));
    V p = number(0.03696694603);
    for (const double coefficient : {-0.1939437578, 0.3291379289, -0.1636381034, 0.1816849345, 0.08230080036, 0.1145743097, 0.1129169418})
      p = hn::MulAdd(p, t, number(coefficient));
    const V e = negative_exp(hn::Mul(hn::Mul(number(0.5), z), z)), tail = hn::Mul(hn::Mul(p, t), e);
    const V phi = hn::IfThenElse(hn::Ge(z, hn::Zero(Tag())), hn::Sub(number(1), tail), tail);
    return {hn::Mul(z, phi), hn::MulAdd(hn::Mul(z, e), number(0.39894228040143267794), phi)};
  }
};

template <typename Function>
HWY_INLINE void apply(Function function, float* HWY_RESTRICT values, float* HWY_RESTRICT slopes, std::int64_t count) {
  const Tag d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = 0; i < count; i += lanes) {
    const V z = hn::LoadU(d, values + i);
    const ValueAndSlope result = function(z);
    // A NaN stays one, whatever minima, maxima and comparisons made of it.
    hn::StoreU(hn::IfThenElse(hn::IsNaN(z), z, result.value), d, values + i);
    if (slopes != nullptr) hn::StoreU(hn::IfThenElse(hn::IsNaN(z), z, result.slope), d, slopes + i);
  }
}

void activate_f32(Activation activation, float leaky_slope, float* values, float* slopes, std::int64_t count) {
  switch (activation) {
    case Activation::relu: return apply(Leaky{hn::Zero(Tag())}, values, slopes, count);
    case Activation::leaky_relu: return apply(Leaky{hn::Set(Tag(), leaky_slope)}, values, slopes, count);
    case Activation::tanh: return apply(Tanh(), values, slopes, count);
    case Activation::silu: return apply(Silu(), values, slopes, count);
    case Activation::gelu: return apply(Gelu(), values, slopes, count);
  }
}

}  // namespace segpref::cpu::mlp::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace segpref::cpu::mlp {
HWY_EXPORT(activate_f32);

void activate(Activation activation, float leaky_slope, float* values, float* slopes, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(activate_f32)(activation, leaky_slope, values, slopes, count);
}

void activate(Activation activation, double leaky_slope, double* values, double* slopes, std::int64_t count) {
  const double inv_sqrt2 = 0.70710678118654752440, inv_sqrt_2pi = 0.39894228040143267794;
  for (std::int64_t i = 0; i < count; ++i) {
    const double z = values[i];
    double value = z, slope = 1;
    switch (activation) {
      case Activation::relu:
        value = z > 0 ? z : z * 0.0;  // NaN stays NaN
        slope = z > 0 ? 1.0 : 0.0;
        break;
      case Activation::leaky_relu:
        value = z > 0 ? z : z * leaky_slope;
        slope = z > 0 ? 1.0 : leaky_slope;
        break;
      case Activation::tanh:
        value = std::tanh(z);
        slope = (1 - value) * (1 + value);
        break;
      case Activation::silu: {
        const double sigmoid = 1 / (1 + std::exp(-z));
        value = z * sigmoid;
        slope = sigmoid * (1 + z * (1 - sigmoid));
        break;
      }
      case Activation::gelu: {
        const double cdf = 0.5 * std::erfc(-z * inv_sqrt2);
        value = z * cdf;
        slope = cdf + z * inv_sqrt_2pi * std::exp(-0.5 * z * z);
        break;
      }
    }
    values[i] = value;
    if (slopes != nullptr) slopes[i] = slope;
  }
}

}  // namespace segpref::cpu::mlp
#endif
