#include "kernels/cpu/reward_mlp/bf16_network.hpp"

#include <algorithm>
#include <utility>

#include "kernels/cpu/isa/avx512_bf16.hpp"
#include "kernels/cpu/reward_mlp/activations.hpp"
#include "kernels/math/half.hpp"

namespace segpref::cpu::mlp {
namespace {

using avx512_bf16::Bf16Matrix;

constexpr std::int64_t even(std::int64_t count) { return count + count % 2; }

std::uint16_t* as_bf16(float* floats) { return reinterpret_cast<std::uint16_t*>(floats); }
const std::uint16_t* as_bf16(const float* floats) { return reinterpret_cast<const std::uint16_t*>(floats); }

/// Both layouts in a buffer of [capacity, width] floats: all rows, then all pairs.
Bf16Matrix matrix_in(float* buffer, std::int64_t capacity, std::int64_t width, std::int64_t first_row) {
  std::uint16_t* begin = as_bf16(buffer);
  return {begin + first_row * width, begin + (capacity + first_row) * width};
}

/// Layer 0: features; else the activations of hidden layer `layer`. `position` counts the elements of a stored row before it.
Bf16Matrix stored(const TileActivations<float>& tile, std::int64_t position, std::int64_t width) {
  return matrix_in(tile.values + position * tile.capacity, tile.capacity, width, tile.first_row);
}

}  // namespace

void pack_parameters_bf16(const RewardArchitecture& architecture, const Shape& shape, const float* parameters, float* packed, ThreadPool& pool) {
  pack_parameters(architecture, shape, parameters, packed, pool);
  // Every weight is replaced by its pairs, in place: they take half the room, and a row is written after it was read.
  pool.run(architecture.num_members * shape.num_hidden, [&](std::int64_t task, int) {
    float* member = packed + task / shape.num_hidden * shape.packed_size;
    const auto layer = static_cast<std::size_t>(task % shape.num_hidden);
    const std::int64_t in = shape.padded_width[layer], out = shape.padded_width[layer + 1];
    float *weight = member + shape.packed_weight[layer], *transposed = member + shape.packed_transposed[layer];
    avx512_bf16::round_rows(weight, in, out, {nullptr, as_bf16(weight)});
    avx512_bf16::round_rows(transposed, out, in, {nullptr, as_bf16(transposed)});
  });
}

void forward_tile_bf16(const RewardArchitecture& architecture, const Shape& shape, const float* packed, float* rows, const std::int64_t* steps,
                       std::int64_t num_rows, std::int64_t member, const DropoutState& dropout, const TileActivations<float>& tile, float* scratch, float* raw) {
  const bool drop = dropout.training && architecture.dropout > 0;
  const bool fused = is_leaky(architecture.activation) && !shape.needs_slopes;
  const std::int64_t even_rows = even(num_rows), in_width = shape.padded_width[0];
  std::fill_n(rows + num_rows * in_width, (even_rows - num_rows) * in_width, 0.0f);
  Bf16Matrix in = stored(tile, 0, in_width);
  avx512_bf16::round_rows(rows, even_rows, in_width, in);
  std::int64_t position = in_width;
  for (int hidden = 0; hidden < shape.num_hidden; ++hidden) {
    const auto layer = static_cast<std::size_t>(hidden);
    const std::int64_t width = shape.padded_width[layer + 1];
    const Bf16Matrix out = stored(tile, position, width);
    avx512_bf16::RowProduct product;
    product.num_rows = even_rows;
    product.width = width;
    product.depth = even(shape.width[layer]);
    product.weights = as_bf16(packed + shape.packed_weight[layer]);
    product.in = in.rows;
    product.in_stride = shape.padded_width[layer];
    product.bias = packed + shape.packed_bias[layer];
    product.slope = leaky_slope_of<float>(architecture);
    product.epilogue = fused ? avx512_bf16::Epilogue::leaky : avx512_bf16::Epilogue::none;
    product.out_f32 = scratch;
    product.out = out;
    avx512_bf16::row_product(product);
    if (!fused) {
      float* slopes = tile.layer_slopes(position, width);
      activate(architecture.activation, product.slope, scratch, slopes, even_rows * width);
      if (drop) apply_dropout(architecture, dropout, member, hidden, shape.width[layer + 1], width, steps, num_rows, scratch, slopes);
      avx512_bf16::round_rows(scratch, even_rows, width, out);
    }
    in = out;
    position += width;
  }
  const auto last = static_cast<std::size_t>(shape.num_hidden);
  avx512_bf16::row_dots(in.rows, num_rows, shape.padded_width[last], packed + shape.packed_weight[last], packed[shape.packed_bias[last]], raw);
}

void backward_tile_bf16(const RewardArchitecture& architecture, const Shape& shape, const float* packed, std::int64_t num_rows,
                        const TileActivations<float>& tile, float* grad_raw, float* scratch, Sums sums, float* grad, float* grad_rows) {
  const auto last = static_cast<std::size_t>(shape.num_hidden);
  const std::int64_t even_rows = even(num_rows);
  const float slope = leaky_slope_of<float>(architecture);
  std::fill_n(grad_raw + num_rows, even_rows - num_rows, 0.0f);
  float sum = 0;
  for (std::int64_t row = 0; row < num_rows; ++row) sum += grad_raw[row];
  float* grad_bias = grad + shape.grad_bias[last];
  if (sums == Sums::overwrite) std::fill_n(grad_bias, padded(1), 0.0f);
  *grad_bias += sum;

  // A stored row: features, then hidden layers; `position` is where layer `hidden` begins.
  std::int64_t position = shape.padded_width[0] + shape.activation_width - (shape.num_hidden > 0 ? shape.padded_width[last] : shape.padded_width[0]);
  float* buffers[2] = {scratch, scratch + even_rows * shape.widest};
  const auto scratch_matrix = [&](float* buffer, std::int64_t width) { return matrix_in(buffer, even_rows, width, 0); };
  Bf16Matrix grad_out = scratch_matrix(buffers[0], shape.padded_width[last]);
  const bool has_hidden = shape.num_hidden > 0;
  avx512_bf16::row_dots_backward(stored(tile, position, shape.padded_width[last]).rows, even_rows, shape.padded_width[last], packed + shape.packed_weight[last],
                                 grad_raw, has_hidden ? slope : 1.0f, has_hidden ? tile.layer_slopes(position, shape.padded_width[last]) : nullptr, sums,
                                 grad + shape.grad_weight[last], grad_out);
  for (int hidden = shape.num_hidden; hidden > 0; --hidden) {
    const auto layer = static_cast<std::size_t>(hidden);  // produces activations `layer` from `layer - 1`
    const std::int64_t width = shape.padded_width[layer], in_width = shape.padded_width[layer - 1], in_position = position - in_width;
    const Bf16Matrix in = stored(tile, in_position, in_width);
    avx512_bf16::WeightProduct weights;
    weights.num_rows = even_rows;
    weights.width = width;
    weights.depth = shape.width[layer - 1];
    weights.in = in.pairs;
    weights.in_width = in_width;
    weights.grad_out = grad_out.pairs;
    weights.grad = grad + shape.grad_weight[layer - 1];
    weights.sums = sums;
    avx512_bf16::weight_product(weights);
    avx512_bf16::add_columns(grad_out.pairs, even_rows, width, sums, grad + shape.grad_bias[layer - 1]);
    if (hidden == 1 && grad_rows == nullptr) break;
    avx512_bf16::RowProduct product;
    product.num_rows = even_rows;
    product.width = in_width;
    product.depth = even(shape.width[layer]);
    product.weights = as_bf16(packed + shape.packed_transposed[layer - 1]);
    product.in = grad_out.rows;
    product.in_stride = width;
    if (hidden > 1) {
      product.epilogue = shape.needs_slopes ? avx512_bf16::Epilogue::slopes : avx512_bf16::Epilogue::leaky_slope;
      product.slope = slope;
      product.activation = in.rows;
      product.slopes = tile.layer_slopes(in_position, in_width);
      product.out = scratch_matrix(buffers[1], in_width);
    } else {
      product.out_f32 = grad_rows;
    }
    avx512_bf16::row_product(product);
    grad_out = product.out;
    std::swap(buffers[0], buffers[1]);
    position = in_position;
  }
  if (!has_hidden && grad_rows != nullptr)
    for (std::int64_t i = 0; i < num_rows * shape.padded_width[0]; ++i) grad_rows[i] = math::to_f32(bf16{grad_out.rows[i]});
}

void clear_row_bf16(const Shape& shape, const TileActivations<float>& tile, std::int64_t row) {
  std::int64_t position = 0;
  for (int layer = 0; layer <= shape.num_hidden; ++layer) {
    const std::int64_t width = shape.padded_width[static_cast<std::size_t>(layer)];
    const Bf16Matrix matrix = stored(tile, position, width);
    std::fill_n(matrix.rows + row * width, width, std::uint16_t{0});
    // The tile's first row is even: row and neighbour share a row of pairs.
    for (std::int64_t column = 0; column < width; ++column) matrix.pairs[(row - row % 2) * width + 2 * column + row % 2] = 0;
    if (layer > 0 && tile.slopes != nullptr) std::fill_n(tile.layer_slopes(position, width) + row * width, width, 0.0f);
    position += width;
  }
}

}  // namespace segpref::cpu::mlp
