#include <bit>
#include <cstring>

#include "kernels/math/half.hpp"
#include "tests/simt/harness/core/device_calls.hpp"
#include "tests/simt/harness/core/memory_check.hpp"
#include "tests/simt/harness/device/matrix_functions.hpp"

namespace segpref::simt {
namespace {

struct MmaArgument {
  float* d;
  const std::uint32_t *a, *b;
  const float* c;
};

float bf16_half(std::uint32_t pair, int half) { return math::to_f32(bf16{static_cast<std::uint16_t>(pair >> (16 * half))}); }
float f16_half(std::uint32_t pair, int half) { return math::to_f32(f16{static_cast<std::uint16_t>(pair >> (16 * half))}); }
float tf32(std::uint32_t bits) { return std::bit_cast<float>(bits & 0xffffe000u); }  // the low 13 bits are not read

/// Of an accumulator tile, register i of a lane.
int row_of(int lane, int i) { return lane / 4 + i / 2 * 8; }
int col_of(int lane, int i) { return lane % 4 * 2 + i % 2; }

template <int K>
struct Tiles {
  float a[16][K], b[K][8];

  void multiply(void** args) const {
    float sums[warp_size][4];  // d may be c of the same lane, but not before everybody has read
    for (int lane = 0; lane < warp_size; ++lane)
      for (int i = 0; i < 4; ++i) {
        double sum = static_cast<MmaArgument*>(args[lane])->c[i];
        for (int k = 0; k < K; ++k) sum += static_cast<double>(a[row_of(lane, i)][k]) * b[k][col_of(lane, i)];
        sums[lane][i] = static_cast<float>(sum);
      }
    for (int lane = 0; lane < warp_size; ++lane) std::memcpy(static_cast<MmaArgument*>(args[lane])->d, sums[lane], sizeof sums[lane]);
  }
};

template <float (*half_of)(std::uint32_t, int)>
void multiply_16_bit(void** args, std::uint32_t) {
  Tiles<16> tiles;
  for (int lane = 0; lane < warp_size; ++lane) {
    const auto& argument = *static_cast<const MmaArgument*>(args[lane]);
    const int group = lane / 4, in_group = lane % 4;
    for (int half = 0; half < 2; ++half) {
      for (int r = 0; r < 4; ++r) tiles.a[group + r % 2 * 8][in_group * 2 + half + r / 2 * 8] = half_of(argument.a[r], half);
      for (int r = 0; r < 2; ++r) tiles.b[in_group * 2 + half + r * 8][group] = half_of(argument.b[r], half);
    }
  }
  tiles.multiply(args);
}

void multiply_tf32(void** args, std::uint32_t) {
  Tiles<8> tiles;
  for (int lane = 0; lane < warp_size; ++lane) {
    const auto& argument = *static_cast<const MmaArgument*>(args[lane]);
    const int group = lane / 4, in_group = lane % 4;
    for (int r = 0; r < 4; ++r) tiles.a[group + r % 2 * 8][in_group + r / 2 * 4] = tf32(argument.a[r]);
    for (int r = 0; r < 2; ++r) tiles.b[in_group + r * 4][group] = tf32(argument.b[r]);
  }
  tiles.multiply(args);
}

struct LdmatrixArgument {
  std::uint32_t* registers;
  const void* row;
  int num_matrices;
  bool transposed;
  Site site;
};

void load_matrices(void** args, std::uint32_t lanes) {
  const LdmatrixArgument first = *static_cast<LdmatrixArgument*>(args[0]);
  std::uint16_t matrices[4][8][8];
  for (int i = 0; i < 8 * first.num_matrices; ++i) {
    const void* row = static_cast<LdmatrixArgument*>(args[i])->row;
    if (checks_memory()) check_read_by_warp(row, 16, lanes, first.site);
    std::memcpy(matrices[i / 8][i % 8], row, 16);
  }
  for (int lane = 0; lane < warp_size; ++lane)
    for (int i = 0; i < first.num_matrices; ++i) {
      const int row = lane / 4, col = lane % 4 * 2;
      const std::uint32_t low = first.transposed ? matrices[i][col][row] : matrices[i][row][col];
      const std::uint32_t high = first.transposed ? matrices[i][col + 1][row] : matrices[i][row][col + 1];
      static_cast<LdmatrixArgument*>(args[lane])->registers[i] = low | high << 16;
    }
}

}  // namespace

void mma(MatrixOperand operand, float* d, const std::uint32_t* a, const std::uint32_t* b, const float* c, Site site) {
  MmaArgument argument{d, a, b, c};
  switch (operand) {
    case MatrixOperand::bf16: return warp_operation(0xffffffffu, "mma.bf16", WarpRule::whole_warp, site, &argument, multiply_16_bit<bf16_half>);
    case MatrixOperand::f16: return warp_operation(0xffffffffu, "mma.f16", WarpRule::whole_warp, site, &argument, multiply_16_bit<f16_half>);
    case MatrixOperand::tf32: return warp_operation(0xffffffffu, "mma.tf32", WarpRule::whole_warp, site, &argument, multiply_tf32);
  }
}

void ldmatrix(std::uint32_t* registers, int num_matrices, bool transposed, const void* row, Site site) {
  if (current_lane() < 8 * num_matrices) {
    require_shared(row, 16, "ldmatrix", site);
    note_access(row, 16, Access::read, site);
  }
  LdmatrixArgument argument{registers, row, num_matrices, transposed, site};
  warp_operation(0xffffffffu, transposed ? "ldmatrix.trans" : "ldmatrix", WarpRule::whole_warp, site, &argument, load_matrices);
}

}  // namespace segpref::simt
