// Barriers and fences.
#pragma once

#include "tests/simt/harness/core/device_calls.hpp"

inline void __syncthreads(segpref::simt::Site site = segpref::simt::Site::current()) { segpref::simt::block_barrier(0, site); }

inline int __syncthreads_count(int predicate, segpref::simt::Site site = segpref::simt::Site::current()) {
  return segpref::simt::block_barrier(predicate != 0, site);
}
inline int __syncthreads_or(int predicate, segpref::simt::Site site = segpref::simt::Site::current()) {
  return segpref::simt::block_barrier(predicate != 0, site) != 0;
}
inline int __syncthreads_and(int predicate, segpref::simt::Site site = segpref::simt::Site::current()) {
  return segpref::simt::block_barrier(predicate == 0, site) == 0;
}

inline void __threadfence() { segpref::simt::fence(); }
