// Shared memory. Kernels declare it by these macros, never by __shared__ itself: so the harness knows every variable and its bounds.
#pragma once

#include <cstdint>

#include "kernels/cuda/primitives/compiler.cuh"

// SEGPREF_SHARED(Type, name);          one variable of the block, at most 48 KiB in all. A type with a comma needs an alias.
// SEGPREF_DYNAMIC_SHARED(Type, name);  the dynamic shared memory of the launch, which must hold sizeof(Type) bytes. Aligned to 128 bytes.
// Both are uninitialised. What one thread writes another may read after __syncthreads(), or inside a warp after __syncwarp().
#if SEGPREF_ON_GPU

namespace segpref::cuda {
template <typename T>
using shared_t = T;  // float[8] as one word, so that a name can follow
}
#define SEGPREF_SHARED(Type, name) __shared__ ::segpref::cuda::shared_t<Type> name
#define SEGPREF_DYNAMIC_SHARED(Type, name)                                    \
  extern __shared__ __align__(128) unsigned char segpref_dynamic_shared[];    \
  Type& name = *reinterpret_cast<Type*>(segpref_dynamic_shared)

#else

namespace segpref::simt {
template <typename T, typename Tag>
T& shared_variable_of(Tag) {
  static constexpr char tag = 0;  // every lambda has a type of its own, hence every variable a tag of its own
  return *static_cast<T*>(shared_variable(&tag, sizeof(T), alignof(T)));
}
}  // namespace segpref::simt
#define SEGPREF_SHARED(Type, name) auto& name = ::segpref::simt::shared_variable_of<Type>([] {})
#define SEGPREF_DYNAMIC_SHARED(Type, name) Type& name = *static_cast<Type*>(::segpref::simt::dynamic_shared(sizeof(Type)))

#endif

namespace segpref::cuda {

#if SEGPREF_ON_GPU
/// The address that PTX instructions on shared memory want.
SEGPREF_DEVICE std::uint32_t shared_address(const void* p) { return static_cast<std::uint32_t>(__cvta_generic_to_shared(p)); }
#endif

}  // namespace segpref::cuda
