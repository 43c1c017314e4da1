// Included before Highway in every vector kernel file: the targets that segpref ships. Each one costs compile time and code
// size, so only those that differ in speed are kept (AVX-512, AVX2, and the architecture's baseline).
#pragma once

#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#endif
