#pragma once

#include "export.hpp"

namespace segpref {

/// "major.minor.patch" of the loaded library.
SEGPREF_API const char* version();

}  // namespace segpref
