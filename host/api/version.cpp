#include "segpref/version.hpp"

namespace segpref {

const char* version() { return SEGPREF_VERSION_STRING; }

}  // namespace segpref
