// Loads and stores with a cache hint, and atomic operations.
#pragma once

#include <cstring>
#include <type_traits>

#include "tests/simt/harness/core/device_calls.hpp"

namespace segpref::simt {

/// *p = update(*p, value) in one piece; returns what was there.
template <typename T, typename Update>
T atomic_exchange_by(T* p, T value, Site site, Update) {
  struct Argument {
    T value, before;
  } argument{value, {}};
  atomic_update(
      p, sizeof(T),
      [](void* address, void* untyped) {
        auto& a = *static_cast<Argument*>(untyped);
        T& target = *static_cast<T*>(address);
        a.before = target;
        target = Update()(a.before, a.value);
      },
      &argument, site);
  return argument.before;
}

}  // namespace segpref::simt

// A hint changes no result: plain accesses, which the compiler reports in check mode.
template <typename T>
T __ldg(const T* p) { return *p; }
template <typename T>
T __ldcs(const T* p) { return *p; }
template <typename T>
void __stcs(T* p, std::type_identity_t<T> value) { *p = value; }

template <typename T>
T atomicAdd(T* p, std::type_identity_t<T> value, segpref::simt::Site site = segpref::simt::Site::current()) {
  return segpref::simt::atomic_exchange_by(p, value, site, [](T a, T b) { return T(a + b); });
}
template <typename T>
T atomicExch(T* p, std::type_identity_t<T> value, segpref::simt::Site site = segpref::simt::Site::current()) {
  return segpref::simt::atomic_exchange_by(p, value, site, [](T, T b) { return b; });
}
template <typename T>
T atomicMax(T* p, std::type_identity_t<T> value, segpref::simt::Site site = segpref::simt::Site::current()) {
  return segpref::simt::atomic_exchange_by(p, value, site, [](T a, T b) { return a > b ? a : b; });
}
template <typename T>
T atomicMin(T* p, std::type_identity_t<T> value, segpref::simt::Site site = segpref::simt::Site::current()) {
  return segpref::simt::atomic_exchange_by(p, value, site, [](T a, T b) { return a < b ? a : b; });
}
template <typename T>
T atomicOr(T* p, std::type_identity_t<T> value, segpref::simt::Site site = segpref::simt::Site::current()) {
  return segpref::simt::atomic_exchange_by(p, value, site, [](T a, T b) { return T(a | b); });
}
