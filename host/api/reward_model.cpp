#include "segpref/reward_model.hpp"

#include <fmt/format.h>

#include <cmath>
#include <span>
#include <string_view>
#include <utility>

#include "kernels/cpu/random.hpp"
#include "kernels/math/philox.hpp"

namespace segpref {
namespace {

constexpr std::int64_t max_feature_dim = 16384;
constexpr std::int64_t max_width = 1024;
constexpr std::size_t max_hidden = 4;
constexpr std::int64_t max_members = 32;

void check_range(std::string_view name, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most)
    throw Error(ErrorCode::invalid_argument, fmt::format("{} = {} is outside [{}, {}]", name, value, least, most));
}

void check_fraction(std::string_view name, double value) {
  if (!(value >= 0.0 && value < 1.0)) throw Error(ErrorCode::invalid_argument, fmt::format("{} = {} is outside [0, 1)", name, value));
}

void check_output_range(const RewardArchitecture& architecture) {
  if (architecture.output == Output::identity)
    throw Error(ErrorCode::invalid_argument, "output_scaled needs output tanh or sigmoid: identity has no range to scale");
  const double lo = architecture.output_lo, hi = architecture.output_hi;
  if (!std::isfinite(lo) || !std::isfinite(hi) || !(lo < hi))
    throw Error(ErrorCode::invalid_argument, fmt::format("output_lo = {} and output_hi = {} must be finite, lo < hi", lo, hi));
}

std::int64_t fan_in(const RewardArchitecture& architecture, std::size_t layer) {
  return layer == 0 ? architecture.feature_dim : architecture.hidden[layer - 1];
}

}  // namespace

void validate(const RewardArchitecture& architecture) {
  check_range("feature_dim", architecture.feature_dim, 1, max_feature_dim);
  if (architecture.hidden.size() > max_hidden)
    throw Error(ErrorCode::invalid_argument, fmt::format("hidden has {} layers; 0 to {} are supported", architecture.hidden.size(), max_hidden));
  for (std::size_t layer = 0; layer < architecture.hidden.size(); ++layer)
    check_range(fmt::format("hidden[{}]", layer), architecture.hidden[layer], 1, max_width);
  check_range("num_members", architecture.num_members, 1, max_members);
  check_range("activation", static_cast<std::int64_t>(architecture.activation), 0, static_cast<std::int64_t>(Activation::gelu));
  check_range("output", static_cast<std::int64_t>(architecture.output), 0, static_cast<std::int64_t>(Output::sigmoid));
  check_fraction("leaky_slope", architecture.leaky_slope);
  check_fraction("dropout", architecture.dropout);
  if (architecture.output_scaled) check_output_range(architecture);
}

std::vector<ParameterSlot> parameter_layout(const RewardArchitecture& architecture) {
  validate(architecture);
  std::vector<ParameterSlot> slots;
  std::int64_t end = 0;
  const auto add = [&](std::string name, std::vector<std::int64_t> shape) {
    std::int64_t size = 1;
    for (std::int64_t extent : shape) size *= extent;
    slots.push_back({std::move(name), std::move(shape), end, size});
    end += size;
  };
  const std::int64_t members = architecture.num_members;
  for (std::size_t layer = 0; layer <= architecture.hidden.size(); ++layer) {
    const std::int64_t out = layer == architecture.hidden.size() ? 1 : architecture.hidden[layer];
    add(fmt::format("layers.{}.weight", layer), {members, out, fan_in(architecture, layer)});
    if (architecture.bias) add(fmt::format("layers.{}.bias", layer), {members, out});
  }
  return slots;
}

std::int64_t num_parameters(const RewardArchitecture& architecture) {
  validate(architecture);
  std::int64_t per_member = 0;
  for (std::size_t layer = 0; layer <= architecture.hidden.size(); ++layer) {
    const std::int64_t out = layer == architecture.hidden.size() ? 1 : architecture.hidden[layer];
    per_member += out * (fan_in(architecture, layer) + (architecture.bias ? 1 : 0));
  }
  return architecture.num_members * per_member;  // the end of parameter_layout(), without its strings: every run asks
}

void initialize_parameters(const RewardArchitecture& architecture, std::uint64_t seed, std::vector<float>& parameters) {
  const std::vector<ParameterSlot> slots = parameter_layout(architecture);
  parameters.resize(static_cast<std::size_t>(slots.back().begin + slots.back().size));
  const std::size_t slots_per_layer = architecture.bias ? 2 : 1;
  for (std::size_t slot_idx = 0; slot_idx < slots.size(); ++slot_idx) {
    const ParameterSlot& slot = slots[slot_idx];
    const std::size_t layer = slot_idx / slots_per_layer;
    const bool is_bias = slot_idx % slots_per_layer == 1;
    const float bound = static_cast<float>(1.0 / std::sqrt(static_cast<double>(fan_in(architecture, layer))));
    const std::int64_t size = slot.size / architecture.num_members;
    // One stream per tensor and member: a member's values depend neither on the ensemble's size nor on whether there are biases.
    for (std::int64_t member = 0; member < architecture.num_members; ++member) {
      const std::uint64_t number = (2 * layer + (is_bias ? 1 : 0)) * max_members + static_cast<std::uint64_t>(member);
      cpu::fill_uniform(seed, math::random_stream(math::RandomPurpose::initialization, number), -bound, bound,
                        std::span(parameters).subspan(static_cast<std::size_t>(slot.begin + member * size), static_cast<std::size_t>(size)));
    }
  }
}

}  // namespace segpref
