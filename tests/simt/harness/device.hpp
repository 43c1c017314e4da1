// CUDA for a host compiler: what a kernel finds instead of the toolkit's headers. Included by kernels/cuda/primitives only.
#pragma once

#include "tests/simt/harness/core/device_calls.hpp"
#include "tests/simt/harness/device/qualifiers.hpp"
//
#include "tests/simt/harness/device/block_functions.hpp"
#include "tests/simt/harness/device/math_functions.hpp"
#include "tests/simt/harness/device/matrix_functions.hpp"
#include "tests/simt/harness/device/memory_functions.hpp"
#include "tests/simt/harness/device/vector_types.hpp"
#include "tests/simt/harness/device/warp_functions.hpp"
