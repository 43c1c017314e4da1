// The batch in the CPU back end's namespace.
#pragma once

#include "kernels/common/batch.hpp"

namespace segpref::cpu {
using kernels::Batch;
using kernels::IndexArray;
using kernels::RealArray;
using kernels::StepRange;
}  // namespace segpref::cpu
