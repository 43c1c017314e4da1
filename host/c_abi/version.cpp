#include "segpref/version.hpp"

#include "segpref/segpref.h"

const char* segpref_version(void) { return segpref::version(); }

int32_t segpref_version_number(void) { return SEGPREF_VERSION_NUMBER; }
