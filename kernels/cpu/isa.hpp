// Which instruction set the CPU kernels use. Every vector kernel is compiled once per target from one source
// (Highway's foreach_target) and chosen at run time.
#pragma once

namespace segpref::cpu {

/// "avx512", "avx2", "neon" or "baseline": what the kernels of this process run on.
/// SEGPREF_ISA=avx2 or SEGPREF_ISA=baseline lowers it (debugging and tests); read once, at the first call.
const char* instruction_set();

/// True when the processor has AVX512-BF16 and SEGPREF_ISA does not forbid it.
bool has_bf16_dot_product();

}  // namespace segpref::cpu
