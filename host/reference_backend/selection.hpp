// Counts the oracle's calls.
#pragma once

namespace segpref::reference_backend {

/// Said by every call of this room when its work begins.
void count_call();

}  // namespace segpref::reference_backend
