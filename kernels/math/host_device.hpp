// One word for functions that CPU and CUDA share.
#pragma once

#if defined(__CUDACC__)
#define SEGPREF_HOST_DEVICE __host__ __device__
#else
#define SEGPREF_HOST_DEVICE
#endif
