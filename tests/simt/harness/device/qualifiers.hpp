// CUDA's words for functions and parameters mean nothing to a host compiler. Toolkit headers define some of them: ours win.
// `__shared__` and `__constant__` are left out on purpose: kernels use SEGPREF_SHARED, which the harness can watch.
#pragma once

#undef __global__
#undef __device__
#undef __host__
#undef __grid_constant__
#undef __launch_bounds__
#undef __forceinline__

#define __global__
#define __device__
#define __host__
#define __grid_constant__
#define __launch_bounds__(...)
#define __forceinline__ inline
