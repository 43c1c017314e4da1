#include "kernels/cpu/reward_mlp/network.hpp"

#include <algorithm>
#include <utility>

#include "kernels/cpu/reward_mlp/activations.hpp"
#include "kernels/math/philox.hpp"

namespace segpref::cpu::mlp {
namespace {

bool is_leaky(Activation activation) { return activation == Activation::relu || activation == Activation::leaky_relu; }

template <typename Real>
Real leaky_slope_of(const RewardArchitecture& architecture) {
  return architecture.activation == Activation::relu ? Real(0) : static_cast<Real>(architecture.leaky_slope);
}

/// Multiplies values and slopes with the mask: 0 or 1 / (1 - p), a pure function of (seed, call, member, layer, step, unit).
template <typename Real>
void apply_dropout(const RewardArchitecture& architecture, const DropoutState& dropout, std::int64_t member, int layer, std::int64_t width,
                   std::int64_t padded_width, const std::int64_t* steps, std::int64_t num_rows, Real* values, Real* slopes) {
  const Real keep_scale = static_cast<Real>(1.0 / (1.0 - architecture.dropout));
  // One stream per call, member and layer; within it a draw is named by step and unit.
  const std::uint64_t number = (dropout.call * 32 + static_cast<std::uint64_t>(member)) * max_hidden + static_cast<std::uint64_t>(layer);
  const std::uint64_t stream = math::random_stream(math::RandomPurpose::dropout, number & ((std::uint64_t{1} << 48) - 1));
  for (std::int64_t row = 0; row < num_rows; ++row) {
    for (std::int64_t unit = 0; unit < width; ++unit) {
      const std::uint64_t index = static_cast<std::uint64_t>(steps[row]) * 1024u + static_cast<std::uint64_t>(unit);
      const Real factor = math::random_uniform(dropout.seed, stream, index) < static_cast<float>(architecture.dropout) ? Real(0) : keep_scale;
      values[row * padded_width + unit] *= factor;
      slopes[row * padded_width + unit] *= factor;
    }
  }
}

}  // namespace

Shape::Shape(const RewardArchitecture& architecture) {
  num_hidden = static_cast<int>(architecture.hidden.size());
  width[0] = architecture.feature_dim;
  for (int layer = 0; layer < num_hidden; ++layer) width[static_cast<std::size_t>(layer + 1)] = architecture.hidden[static_cast<std::size_t>(layer)];
  for (std::size_t i = 0; i <= static_cast<std::size_t>(num_hidden); ++i) {
    padded_width[i] = padded(width[i]);
    widest = std::max(widest, padded_width[i]);
    if (i > 0) activation_width += padded_width[i];
  }
  const std::vector<ParameterSlot> slots = parameter_layout(architecture);
  std::size_t slot = 0;
  for (std::size_t layer = 0; layer <= static_cast<std::size_t>(num_hidden); ++layer) {
    const bool is_output = layer == static_cast<std::size_t>(num_hidden);
    const std::int64_t in = padded_width[layer], out = is_output ? 1 : padded_width[layer + 1];
    packed_weight[layer] = packed_size, packed_size += in * out;
    packed_transposed[layer] = packed_size, packed_size += is_output ? 0 : in * out;
    packed_bias[layer] = packed_size, packed_size += padded(out);
    grad_weight[layer] = grad_size, grad_size += in * out;
    grad_bias[layer] = grad_size, grad_size += padded(out);
    public_weight[layer] = slots[slot++].begin;
    public_bias[layer] = architecture.bias ? slots[slot++].begin : -1;
  }
  num_parameters = slots.back().begin + slots.back().size;
  needs_slopes = architecture.dropout > 0 || !is_leaky(architecture.activation);
}

template <typename Real>
void pack_parameters(const RewardArchitecture&, const Shape& shape, const Real* parameters, std::int64_t member, Real* packed) {
  std::fill_n(packed, shape.packed_size, Real(0));
  for (std::size_t layer = 0; layer <= static_cast<std::size_t>(shape.num_hidden); ++layer) {
    const bool is_output = layer == static_cast<std::size_t>(shape.num_hidden);
    const std::int64_t in = shape.width[layer], out = is_output ? 1 : shape.width[layer + 1];
    const std::int64_t padded_in = shape.padded_width[layer], padded_out = is_output ? 1 : shape.padded_width[layer + 1];
    const Real* weight = parameters + shape.public_weight[layer] + member * in * out;  // [out, in]
    for (std::int64_t o = 0; o < out; ++o) {
      for (std::int64_t i = 0; i < in; ++i) packed[shape.packed_weight[layer] + i * padded_out + o] = weight[o * in + i];
      if (!is_output) std::copy_n(weight + o * in, in, packed + shape.packed_transposed[layer] + o * padded_in);
    }
    if (shape.public_bias[layer] >= 0) std::copy_n(parameters + shape.public_bias[layer] + member * out, out, packed + shape.packed_bias[layer]);
  }
}

template <typename Real>
void reduce_gradients(const RewardArchitecture&, const Shape& shape, const Real* slab_gradients, std::int64_t num_slabs, std::int64_t member,
                      Real* gradients, ThreadPool& pool) {
  const auto sum_at = [&](std::int64_t position) {
    Real sum = 0;
    for (std::int64_t slab = 0; slab < num_slabs; ++slab) sum += slab_gradients[slab * shape.grad_size + position];
    return sum;
  };
  constexpr std::int64_t block = 16;  // square blocks of the transposition
  for (std::size_t layer = 0; layer <= static_cast<std::size_t>(shape.num_hidden); ++layer) {
    const bool is_output = layer == static_cast<std::size_t>(shape.num_hidden);
    const std::int64_t in = shape.width[layer], out = is_output ? 1 : shape.width[layer + 1];
    const std::int64_t padded_out = is_output ? 1 : shape.padded_width[layer + 1];
    Real* weight = gradients + shape.public_weight[layer] + member * in * out;
    pool.run((in + block - 1) / block, [&](std::int64_t task, int) {
      const std::int64_t i_end = std::min(in, (task + 1) * block);
      for (std::int64_t o_begin = 0; o_begin < out; o_begin += block) {
        const std::int64_t o_end = std::min(out, o_begin + block);
        Real sums[block][block] = {};
        for (std::int64_t slab = 0; slab < num_slabs; ++slab)
          for (std::int64_t i = task * block; i < i_end; ++i) {
            const Real* from = slab_gradients + slab * shape.grad_size + shape.grad_weight[layer] + i * padded_out;
            for (std::int64_t o = o_begin; o < o_end; ++o) sums[i - task * block][o - o_begin] += from[o];
          }
        for (std::int64_t i = task * block; i < i_end; ++i)
          for (std::int64_t o = o_begin; o < o_end; ++o) weight[o * in + i] = sums[i - task * block][o - o_begin];
      }
    });
    if (shape.public_bias[layer] < 0) continue;
    Real* bias = gradients + shape.public_bias[layer] + member * out;
    for (std::int64_t o = 0; o < out; ++o) bias[o] = sum_at(shape.grad_bias[layer] + o);
  }
}

template <typename Real>
void forward_tile(const RewardArchitecture& architecture, const Shape& shape, const Real* packed, const Real* rows, const std::int64_t* steps,
                  std::int64_t num_rows, std::int64_t member, const DropoutState& dropout, const TileActivations<Real>& tile, Real* raw) {
  const bool drop = dropout.training && architecture.dropout > 0;
  const bool fused = is_leaky(architecture.activation) && !drop;
  const Real* in = rows;
  std::int64_t position = 0;
  for (int hidden = 0; hidden < shape.num_hidden; ++hidden) {
    const auto layer = static_cast<std::size_t>(hidden);
    const std::int64_t width = shape.padded_width[layer + 1];
    Real* out = tile.activations + position * rows_per_tile;
    Real* slopes = tile.slopes == nullptr ? nullptr : tile.slopes + position * rows_per_tile;
    RowProduct<Real> product;
    product.num_rows = num_rows;
    product.width = width;
    product.depth = shape.width[layer];
    product.weights = packed + shape.packed_weight[layer];
    product.in = in;
    product.in_stride = shape.padded_width[layer];
    product.bias = packed + shape.packed_bias[layer];
    product.out = out;
    product.slope = leaky_slope_of<Real>(architecture);
    product.epilogue = fused ? Epilogue::leaky : Epilogue::none;
    row_product(product);
    if (!fused) activate(architecture.activation, product.slope, out, slopes, num_rows * width);
    if (fused && slopes != nullptr)  // dropout is configured, but this call does not train
      for (std::int64_t i = 0; i < num_rows * width; ++i) slopes[i] = out[i] > 0 ? Real(1) : product.slope;
    if (drop) apply_dropout(architecture, dropout, member, hidden, shape.width[layer + 1], width, steps, num_rows, out, slopes);
    in = out;
    position += width;
  }
  const auto last = static_cast<std::size_t>(shape.num_hidden);
  row_dots(in, num_rows, shape.padded_width[last], packed + shape.packed_weight[last], packed[shape.packed_bias[last]], raw);
}

template <typename Real>
void backward_tile(const RewardArchitecture& architecture, const Shape& shape, const Real* packed, const Real* rows, std::int64_t num_rows,
                   const TileActivations<Real>& tile, const Real* grad_raw, Real* scratch, Real* grad, Real* grad_rows) {
  const auto last = static_cast<std::size_t>(shape.num_hidden);
  Real* grad_out = scratch;                                  // gradient of the current layer's activations, then of its pre-activations
  Real* grad_in = scratch + rows_per_tile * shape.widest;
  std::int64_t position = shape.activation_width - (shape.num_hidden > 0 ? shape.padded_width[last] : 0);
  const Real slope = leaky_slope_of<Real>(architecture);

  const Real* top = shape.num_hidden > 0 ? tile.activations + position * rows_per_tile : rows;
  row_dots_backward(top, num_rows, shape.padded_width[last], packed + shape.packed_weight[last], grad_raw,
                    shape.num_hidden > 0 && !shape.needs_slopes ? slope : Real(1), grad + shape.grad_weight[last], grad_out);
  Real sum = 0;
  for (std::int64_t row = 0; row < num_rows; ++row) sum += grad_raw[row];
  grad[shape.grad_bias[last]] += sum;

  for (int hidden = shape.num_hidden; hidden > 0; --hidden) {
    const auto layer = static_cast<std::size_t>(hidden);  // produces activations `layer` from `layer - 1`
    const std::int64_t width = shape.padded_width[layer], in_width = shape.padded_width[layer - 1];
    const Real* slopes = tile.slopes == nullptr ? nullptr : tile.slopes + position * rows_per_tile;
    if (slopes != nullptr)  // leaky activations had theirs in the epilogue of the product before
      for (std::int64_t i = 0; i < num_rows * width; ++i) grad_out[i] *= slopes[i];
    const std::int64_t in_position = hidden > 1 ? position - in_width : 0;
    const Real* in = hidden > 1 ? tile.activations + in_position * rows_per_tile : rows;
    WeightProduct<Real> weights;
    weights.num_rows = num_rows;
    weights.width = width;
    weights.depth = shape.width[layer - 1];
    weights.in = in;
    weights.in_stride = in_width;
    weights.grad_out = grad_out;
    weights.grad = grad + shape.grad_weight[layer - 1];
    weight_product(weights);
    add_columns(grad_out, num_rows, width, grad + shape.grad_bias[layer - 1]);
    if (hidden > 1 || grad_rows != nullptr) {
      RowProduct<Real> product;
      product.num_rows = num_rows;
      product.width = in_width;
      product.depth = shape.width[layer];
      product.weights = packed + shape.packed_transposed[layer - 1];
      product.in = grad_out;
      product.in_stride = width;
      product.out = hidden > 1 ? grad_in : grad_rows;
      if (hidden > 1 && slopes == nullptr) {
        product.epilogue = Epilogue::leaky_slope;
        product.slope = slope;
        product.activation = in;
      }
      row_product(product);
    }
    std::swap(grad_out, grad_in);
    position = in_position;
  }
  if (shape.num_hidden == 0 && grad_rows != nullptr) std::copy_n(grad_out, num_rows * shape.padded_width[0], grad_rows);
}

#define SEGPREF_INSTANTIATE(Real)                                                                                                    \
  template void pack_parameters<Real>(const RewardArchitecture&, const Shape&, const Real*, std::int64_t, Real*);                    \
  template void reduce_gradients<Real>(const RewardArchitecture&, const Shape&, const Real*, std::int64_t, std::int64_t, Real*,      \
                                       ThreadPool&);                                                                                 \
  template void forward_tile<Real>(const RewardArchitecture&, const Shape&, const Real*, const Real*, const std::int64_t*,           \
                                   std::int64_t, std::int64_t, const DropoutState&, const TileActivations<Real>&, Real*);            \
  template void backward_tile<Real>(const RewardArchitecture&, const Shape&, const Real*, const Real*, std::int64_t,                 \
                                    const TileActivations<Real>&, const Real*, Real*, Real*, Real*);
SEGPREF_INSTANTIATE(float)
SEGPREF_INSTANTIATE(double)
#undef SEGPREF_INSTANTIATE

}  // namespace segpref::cpu::mlp
