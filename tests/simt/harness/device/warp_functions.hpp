// Shuffles, votes and reductions of the lanes of a warp. They exchange values and order no memory: that is __syncwarp's.
// `__activemask` is left out on purpose: which lanes it names is up to the hardware, so a kernel that needs it is wrong.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "tests/simt/harness/core/device_calls.hpp"

inline constexpr int warpSize = segpref::simt::warp_size;

inline void __syncwarp(unsigned mask = 0xffffffffu, segpref::simt::Site site = segpref::simt::Site::current()) {
  segpref::simt::warp_operation(mask, "__syncwarp", segpref::simt::WarpRule::orders_memory, site, nullptr, nullptr);
}

namespace segpref::simt {

/// `source` is the lane whose value is wanted, or -1 for the own one.
template <typename T>
T shuffle(unsigned mask, const char* name, Site site, T value, int source) {
  static_assert(std::is_trivially_copyable_v<T>);
  struct Argument {
    T value, result;
    int source;
  } argument{value, value, source};
  warp_operation(mask, name, WarpRule::plain, site, &argument, [](void** args, std::uint32_t lanes) {
    for (int lane = 0; lane < warp_size; ++lane) {
      if ((lanes >> lane & 1) == 0) continue;
      auto& mine = *static_cast<Argument*>(args[lane]);
      if (mine.source < 0) continue;
      if ((lanes >> mine.source & 1) == 0)
        fail("shuffle: lane %d reads lane %d, which takes no part; those who do are %08x", lane, mine.source, lanes);
      mine.result = static_cast<Argument*>(args[mine.source])->value;
    }
  });
  return argument.result;
}

/// Every lane gets the values of all lanes, combined in the order of lanes. Reduce is a stateless function object.
template <typename T, typename Result, typename Reduce>
Result reduce_lanes(unsigned mask, const char* name, Site site, T value, Result initial, Reduce) {
  struct Argument {
    T value;
    Result result;
  } argument{value, initial};
  warp_operation(mask, name, WarpRule::plain, site, &argument, [](void** args, std::uint32_t lanes) {
    Result result = static_cast<Argument*>(args[__builtin_ctz(lanes)])->result;
    for (int lane = 0; lane < warp_size; ++lane)
      if (lanes >> lane & 1) result = Reduce()(result, static_cast<Argument*>(args[lane])->value, lane);
    for (int lane = 0; lane < warp_size; ++lane)
      if (lanes >> lane & 1) static_cast<Argument*>(args[lane])->result = result;
  });
  return argument.result;
}

inline int check_width(int width) {
  if (width < 1 || width > warp_size || (width & (width - 1)) != 0) fail("shuffle: width %d is not a power of two up to 32", width);
  return width;
}
inline int group_begin(int lane, int width) { return lane & ~(check_width(width) - 1); }

}  // namespace segpref::simt

template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, segpref::simt::Site site = segpref::simt::Site::current()) {
  const int lane = segpref::simt::current_lane();
  return segpref::simt::shuffle(mask, "__shfl_sync", site, value, segpref::simt::group_begin(lane, width) | (source & (width - 1)));
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, segpref::simt::Site site = segpref::simt::Site::current()) {
  const int lane = segpref::simt::current_lane(), source = lane ^ lane_mask;
  const bool in_group = source < segpref::simt::group_begin(lane, width) + width;
  return segpref::simt::shuffle(mask, "__shfl_xor_sync", site, value, in_group ? source : -1);
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, segpref::simt::Site site = segpref::simt::Site::current()) {
  const int lane = segpref::simt::current_lane(), source = lane + static_cast<int>(delta);
  const bool in_group = source < segpref::simt::group_begin(lane, width) + width;
  return segpref::simt::shuffle(mask, "__shfl_down_sync", site, value, in_group ? source : -1);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, segpref::simt::Site site = segpref::simt::Site::current()) {
  const int lane = segpref::simt::current_lane(), source = lane - static_cast<int>(delta);
  const bool in_group = source >= segpref::simt::group_begin(lane, width);
  return segpref::simt::shuffle(mask, "__shfl_up_sync", site, value, in_group ? source : -1);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, segpref::simt::Site site = segpref::simt::Site::current()) {
  return segpref::simt::reduce_lanes(mask, "__ballot_sync", site, predicate, 0u,
                                     [](unsigned lanes, int p, int lane) { return p != 0 ? lanes | 1u << lane : lanes; });
}
inline int __any_sync(unsigned mask, int predicate, segpref::simt::Site site = segpref::simt::Site::current()) {
  return segpref::simt::reduce_lanes(mask, "__any_sync", site, predicate, 0, [](int any, int p, int) { return any != 0 || p != 0 ? 1 : 0; });
}
inline int __all_sync(unsigned mask, int predicate, segpref::simt::Site site = segpref::simt::Site::current()) {
  return segpref::simt::reduce_lanes(mask, "__all_sync", site, predicate, 1, [](int all, int p, int) { return all != 0 && p != 0 ? 1 : 0; });
}

template <typename T>
T __reduce_add_sync(unsigned mask, T value, segpref::simt::Site site = segpref::simt::Site::current()) {
  static_assert(sizeof(T) == 4 && std::is_integral_v<T>);
  return segpref::simt::reduce_lanes(mask, "__reduce_add_sync", site, value, T(0), [](T sum, T x, int) { return T(sum + x); });
}
template <typename T>
T __reduce_max_sync(unsigned mask, T value, segpref::simt::Site site = segpref::simt::Site::current()) {
  static_assert(sizeof(T) == 4 && std::is_integral_v<T>);
  return segpref::simt::reduce_lanes(mask, "__reduce_max_sync", site, value, std::numeric_limits<T>::min(), [](T a, T x, int) { return a > x ? a : x; });
}
template <typename T>
T __reduce_min_sync(unsigned mask, T value, segpref::simt::Site site = segpref::simt::Site::current()) {
  static_assert(sizeof(T) == 4 && std::is_integral_v<T>);
  return segpref::simt::reduce_lanes(mask, "__reduce_min_sync", site, value, std::numeric_limits<T>::max(), [](T a, T x, int) { return a < x ? a : x; });
}
