#include "kernels/cpu/isa.hpp"

#include <cstdlib>
#include <string_view>

#include "kernels/cpu/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/isa.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {

const char* compiled_target() {
#if HWY_TARGET <= HWY_AVX3
  return "avx512";
#elif HWY_TARGET == HWY_AVX2
  return "avx2";
#elif HWY_TARGET == HWY_NEON
  return "neon";
#else
  return "baseline";
#endif
}

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace segpref::cpu {
HWY_EXPORT(compiled_target);

namespace {

// The environment can only lower the choice. Highway keeps the supported targets of the process in one word, which is set
// here, before the first dispatch, and never again.
bool lower_targets() {
  const char* wanted = std::getenv("SEGPREF_ISA");
  if (wanted == nullptr) return true;
  const std::string_view name(wanted);
  if (name == "avx2") hwy::DisableTargets(HWY_AVX3 | HWY_AVX3_DL);
  if (name == "baseline") hwy::DisableTargets(HWY_AVX3 | HWY_AVX3_DL | HWY_AVX2);
  return true;
}
const bool targets_lowered = lower_targets();

}  // namespace

const char* instruction_set() { return HWY_DYNAMIC_DISPATCH(compiled_target)(); }

bool has_bf16_dot_product() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") && std::string_view(instruction_set()) == "avx512";
#else
  return false;
#endif
}

}  // namespace segpref::cpu
#endif
