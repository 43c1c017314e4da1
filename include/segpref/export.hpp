// Which symbols leave the shared library. Everything else is hidden.
#pragma once

#if defined(_WIN32)
#error "segpref supports Linux and other ELF platforms; Windows is not supported yet"
#else
#define SEGPREF_API __attribute__((visibility("default")))
#endif
