#include "kernels/cpu/reward_mlp/network.hpp"

#include <algorithm>
#include <utility>

#include "kernels/cpu/reward_mlp/activations.hpp"
#include "kernels/math/dropout.hpp"

namespace segpref::cpu::mlp {
namespace {

/// Side of the square blocks in which matrices are transposed.
constexpr std::int64_t block = 16;

/// to [padded_columns, padded_rows] = transposed from [rows, columns], padding 0.
template <typename Real>
void transpose(const Real* from, std::int64_t rows, std::int64_t columns, Real* to, std::int64_t padded_columns, std::int64_t padded_rows) {
  for (std::int64_t i_begin = 0; i_begin < padded_columns; i_begin += block)
    for (std::int64_t o_begin = 0; o_begin < padded_rows; o_begin += block)
      for (std::int64_t i = i_begin; i < i_begin + block; ++i)
        for (std::int64_t o = o_begin; o < o_begin + block; ++o) to[i * padded_rows + o] = o < rows && i < columns ? from[o * columns + i] : Real(0);
}

}  // namespace

template <typename Real>
void apply_dropout(const RewardArchitecture& architecture, const DropoutState& dropout, std::int64_t member, int layer, std::int64_t width,
                   std::int64_t padded_width, const std::int64_t* steps, std::int64_t num_rows, Real* values, Real* slopes) {
  const Real keep_scale = static_cast<Real>(1.0 / (1.0 - architecture.dropout));
  const std::uint64_t stream = math::dropout_stream(dropout.call, static_cast<std::uint64_t>(member), static_cast<std::uint64_t>(layer));
  for (std::int64_t row = 0; row < num_rows; ++row) {
    for (std::int64_t unit = 0; unit < width; ++unit) {
      const float uniform = math::random_uniform(dropout.seed, stream, math::dropout_index(steps[row], unit));
      const Real factor = math::is_dropped(uniform, static_cast<float>(architecture.dropout)) ? Real(0) : keep_scale;
      values[row * padded_width + unit] *= factor;
      slopes[row * padded_width + unit] *= factor;
    }
  }
}

Shape::Shape(const RewardArchitecture& architecture) {
  num_hidden = static_cast<int>(architecture.hidden.size());
  width[0] = architecture.feature_dim;
  for (int layer = 0; layer < num_hidden; ++layer) width[static_cast<std::size_t>(layer + 1)] = architecture.hidden[static_cast<std::size_t>(layer)];
  for (std::size_t i = 0; i <= static_cast<std::size_t>(num_hidden); ++i) {
    padded_width[i] = padded(width[i]);
    widest = std::max(widest, padded_width[i]);
    if (i > 0) activation_width += padded_width[i];
  }
  // Public places as in parameter_layout(), which allocates: a run makes a Shape and may not.
  const std::int64_t members = architecture.num_members;
  for (std::size_t layer = 0; layer <= static_cast<std::size_t>(num_hidden); ++layer) {
    const bool is_output = layer == static_cast<std::size_t>(num_hidden);
    const std::int64_t in = padded_width[layer], out = is_output ? 1 : padded_width[layer + 1];
    packed_weight[layer] = packed_size, packed_size += in * out;
    packed_transposed[layer] = packed_size, packed_size += is_output ? 0 : in * out;
    packed_bias[layer] = packed_size, packed_size += padded(out);
    grad_weight[layer] = grad_size, grad_size += in * out;
    grad_bias[layer] = grad_size, grad_size += padded(out);
    const std::int64_t public_out = is_output ? 1 : width[layer + 1];
    public_weight[layer] = num_parameters, num_parameters += members * public_out * width[layer];
    public_bias[layer] = architecture.bias ? num_parameters : -1;
    if (architecture.bias) num_parameters += members * public_out;
  }
  needs_slopes = architecture.dropout > 0 || !is_leaky(architecture.activation);
}

template <typename Real>
void pack_parameters(const RewardArchitecture& architecture, const Shape& shape, const Real* parameters, Real* packed, ThreadPool& pool) {
  const std::int64_t layers = shape.num_hidden + 1;
  pool.run(architecture.num_members * layers, [&](std::int64_t task, int) {
    const std::int64_t member = task / layers;
    const auto layer = static_cast<std::size_t>(task % layers);
    const bool is_output = layer == static_cast<std::size_t>(shape.num_hidden);
    const std::int64_t in = shape.width[layer], out = is_output ? 1 : shape.width[layer + 1];
    const std::int64_t padded_in = shape.padded_width[layer], padded_out = is_output ? 1 : shape.padded_width[layer + 1];
    Real* to = packed + member * shape.packed_size;
    const Real* weight = parameters + shape.public_weight[layer] + member * in * out;  // [out, in]
    if (is_output) {
      std::copy_n(weight, in, to + shape.packed_weight[layer]);
      std::fill_n(to + shape.packed_weight[layer] + in, padded_in - in, Real(0));
    } else {
      transpose(weight, out, in, to + shape.packed_weight[layer], padded_in, padded_out);
      Real* rows = to + shape.packed_transposed[layer];
      for (std::int64_t o = 0; o < out; ++o) {
        std::copy_n(weight + o * in, in, rows + o * padded_in);
        std::fill_n(rows + o * padded_in + in, padded_in - in, Real(0));
      }
      std::fill_n(rows + out * padded_in, (padded_out - out) * padded_in, Real(0));
    }
    Real* bias = to + shape.packed_bias[layer];
    std::fill_n(bias, padded(out), Real(0));
    if (shape.public_bias[layer] >= 0) std::copy_n(parameters + shape.public_bias[layer] + member * out, out, bias);
  });
}

template <typename Real>
void reduce_gradients(const RewardArchitecture& architecture, const Shape& shape, const SlabGradients<Real>& slabs, Real* gradients, ThreadPool& pool) {
  // One task per member, layer and block of inputs; the first block of a layer brings the bias along.
  std::array<std::int64_t, max_hidden + 2> first_task{};
  const auto layers = static_cast<std::size_t>(shape.num_hidden + 1);
  for (std::size_t layer = 0; layer < layers; ++layer) first_task[layer + 1] = first_task[layer] + (shape.width[layer] + block - 1) / block;
  const std::int64_t tasks = first_task[layers];
  pool.run(architecture.num_members * tasks, [&](std::int64_t task, int) {
    const std::int64_t member = task / tasks, block_task = task % tasks;
    std::size_t layer = 0;
    while (block_task >= first_task[layer + 1]) ++layer;
    const bool is_output = layer + 1 == layers;
    const std::int64_t in = shape.width[layer], out = is_output ? 1 : shape.width[layer + 1];
    const std::int64_t padded_out = is_output ? 1 : shape.padded_width[layer + 1];
    const std::int64_t num_slabs = slabs.num_slabs[static_cast<std::size_t>(member)];
    const Real scale = slabs.scale[static_cast<std::size_t>(member)];
    const std::int64_t i_begin = (block_task - first_task[layer]) * block, i_end = std::min(in, i_begin + block);
    // Rows of a weight follow each other in a part, so that a block is one stretch.
    Real* first_part = slabs.part(shape, member, 0);
    Real* sums = first_part + shape.grad_weight[layer] + i_begin * padded_out;
    if (num_slabs > 0) add_parts(num_slabs, shape.grad_size, is_output ? block : (i_end - i_begin) * padded_out, sums);
    Real* weight = gradients + shape.public_weight[layer] + member * in * out;
    for (std::int64_t o_begin = 0; o_begin < out; o_begin += block)
      for (std::int64_t o = o_begin; o < std::min(out, o_begin + block); ++o)
        for (std::int64_t i = i_begin; i < i_end; ++i) weight[o * in + i] = num_slabs == 0 ? Real(0) : sums[(i - i_begin) * padded_out + o] * scale;
    if (i_begin > 0 || shape.public_bias[layer] < 0) return;
    sums = first_part + shape.grad_bias[layer];
    if (num_slabs > 0) add_parts(num_slabs, shape.grad_size, padded(out), sums);
    Real* bias = gradients + shape.public_bias[layer] + member * out;
    for (std::int64_t o = 0; o < out; ++o) bias[o] = num_slabs == 0 ? Real(0) : sums[o] * scale;
  });
}

template <typename Real>
void clear_row(const Shape& shape, Real* rows, const TileActivations<Real>& tile, std::int64_t row) {
  std::fill_n(rows + row * shape.padded_width[0], shape.padded_width[0], Real(0));
  std::int64_t position = 0;
  for (int layer = 1; layer <= shape.num_hidden; ++layer) {
    const std::int64_t width = shape.padded_width[static_cast<std::size_t>(layer)];
    std::fill_n(tile.layer(position, width) + row * width, width, Real(0));
    if (tile.slopes != nullptr) std::fill_n(tile.layer_slopes(position, width) + row * width, width, Real(0));
    position += width;
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
    Real* out = tile.layer(position, width);
    Real* slopes = tile.layer_slopes(position, width);
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
                   const TileActivations<Real>& tile, const Real* grad_raw, Real* scratch, Sums sums, Real* grad, Real* grad_rows) {
  const auto last = static_cast<std::size_t>(shape.num_hidden);
  Real* grad_out = scratch;                                  // gradient of the current layer's activations, then of its pre-activations
  Real* grad_in = scratch + num_rows * shape.widest;
  std::int64_t position = shape.activation_width - (shape.num_hidden > 0 ? shape.padded_width[last] : 0);
  const Real slope = leaky_slope_of<Real>(architecture);

  const Real* top = shape.num_hidden > 0 ? tile.layer(position, shape.padded_width[last]) : rows;
  row_dots_backward(top, num_rows, shape.padded_width[last], packed + shape.packed_weight[last], grad_raw,
                    shape.num_hidden > 0 && !shape.needs_slopes ? slope : Real(1), sums, grad + shape.grad_weight[last], grad_out);
  Real sum = 0;
  for (std::int64_t row = 0; row < num_rows; ++row) sum += grad_raw[row];
  Real* grad_bias = grad + shape.grad_bias[last];
  if (sums == Sums::overwrite) std::fill_n(grad_bias, padded(1), Real(0));
  *grad_bias += sum;

  for (int hidden = shape.num_hidden; hidden > 0; --hidden) {
    const auto layer = static_cast<std::size_t>(hidden);  // produces activations `layer` from `layer - 1`
    const std::int64_t width = shape.padded_width[layer], in_width = shape.padded_width[layer - 1];
    const Real* slopes = tile.layer_slopes(position, width);
    if (slopes != nullptr)  // leaky activations had theirs in the epilogue of the product before
      for (std::int64_t i = 0; i < num_rows * width; ++i) grad_out[i] *= slopes[i];
    const std::int64_t in_position = hidden > 1 ? position - in_width : 0;
    const Real* in = hidden > 1 ? tile.layer(in_position, in_width) : rows;
    WeightProduct<Real> weights;
    weights.num_rows = num_rows;
    weights.width = width;
    weights.depth = shape.width[layer - 1];
    weights.in = in;
    weights.in_stride = in_width;
    weights.grad_out = grad_out;
    weights.grad = grad + shape.grad_weight[layer - 1];
    weights.sums = sums;
    weight_product(weights);
    add_columns(grad_out, num_rows, width, sums, grad + shape.grad_bias[layer - 1]);
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
  template void pack_parameters<Real>(const RewardArchitecture&, const Shape&, const Real*, Real*, ThreadPool&);                     \
  template void reduce_gradients<Real>(const RewardArchitecture&, const Shape&, const SlabGradients<Real>&, Real*, ThreadPool&);     \
  template void apply_dropout<Real>(const RewardArchitecture&, const DropoutState&, std::int64_t, int, std::int64_t, std::int64_t,   \
                                    const std::int64_t*, std::int64_t, Real*, Real*);                                                \
  template void clear_row<Real>(const Shape&, Real*, const TileActivations<Real>&, std::int64_t);                                    \
  template void forward_tile<Real>(const RewardArchitecture&, const Shape&, const Real*, const Real*, const std::int64_t*,           \
                                   std::int64_t, std::int64_t, const DropoutState&, const TileActivations<Real>&, Real*);            \
  template void backward_tile<Real>(const RewardArchitecture&, const Shape&, const Real*, const Real*, std::int64_t,                 \
                                    const TileActivations<Real>&, const Real*, Real*, Sums, Real*, Real*);
SEGPREF_INSTANTIATE(float)
SEGPREF_INSTANTIATE(double)
#undef SEGPREF_INSTANTIATE

}  // namespace segpref::cpu::mlp
