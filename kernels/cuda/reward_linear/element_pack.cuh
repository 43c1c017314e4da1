// Adjacent elements that one instruction moves: 16 bytes, or one element. Built on CUDA's vector types, with 16-bit elements two to a register:
// a plain struct of eight takes eight registers.
#pragma once

#include "kernels/cuda/primitives/convert.cuh"

namespace segpref::cuda {

/// What each of them does:
///   load, store          all elements, at an address that is a multiple of their size together
///   store_once           the same for what is written once and not read soon. An intrinsic: nvcc would take `store` apart where a branch
///                        beside it stores some of the elements one by one
///   load_one, store_one  the i-th alone; load_one after the pack was all zeros
///   get, set             elements to and from the computing type
template <typename Element, int count>
struct ElementPack;

template <typename Element>
struct ElementPack<Element, 1> {
  Element element = {};

  SEGPREF_DEVICE void load(const Element* from) { element = *from; }
  SEGPREF_DEVICE void load_one(int, const Element* from) { element = *from; }
  SEGPREF_DEVICE void store(Element* to) const { *to = element; }
  SEGPREF_DEVICE void store_once(Element* to) const { *to = element; }
  SEGPREF_DEVICE void store_one(int, Element* to) const { *to = element; }
  SEGPREF_DEVICE compute_t<Element> get(int) const { return widen(element); }
  SEGPREF_DEVICE void set(const compute_t<Element>* values) { element = narrow<Element>(values[0]); }
};

template <>
struct ElementPack<float, 4> {
  float at[4] = {};

  SEGPREF_DEVICE void load(const float* from) {
    const float4 v = *reinterpret_cast<const float4*>(from);
    at[0] = v.x, at[1] = v.y, at[2] = v.z, at[3] = v.w;
  }
  SEGPREF_DEVICE void load_one(int i, const float* from) { at[i] = from[i]; }
  SEGPREF_DEVICE void store(float* to) const { *reinterpret_cast<float4*>(to) = float4{at[0], at[1], at[2], at[3]}; }
  SEGPREF_DEVICE void store_once(float* to) const { __stcs(reinterpret_cast<float4*>(to), float4{at[0], at[1], at[2], at[3]}); }
  SEGPREF_DEVICE void store_one(int i, float* to) const { to[i] = at[i]; }
  SEGPREF_DEVICE float get(int i) const { return at[i]; }
  SEGPREF_DEVICE void set(const float* values) {
    SEGPREF_UNROLL
    for (int i = 0; i < 4; ++i) at[i] = values[i];
  }
};

template <>
struct ElementPack<double, 2> {
  double at[2] = {};

  SEGPREF_DEVICE void load(const double* from) {
    const double2 v = *reinterpret_cast<const double2*>(from);
    at[0] = v.x, at[1] = v.y;
  }
  SEGPREF_DEVICE void load_one(int i, const double* from) { at[i] = from[i]; }
  SEGPREF_DEVICE void store(double* to) const { *reinterpret_cast<double2*>(to) = double2{at[0], at[1]}; }
  SEGPREF_DEVICE void store_once(double* to) const { __stcs(reinterpret_cast<double2*>(to), double2{at[0], at[1]}); }
  SEGPREF_DEVICE void store_one(int i, double* to) const { to[i] = at[i]; }
  SEGPREF_DEVICE double get(int i) const { return at[i]; }
  SEGPREF_DEVICE void set(const double* values) { at[0] = values[0], at[1] = values[1]; }
};

SEGPREF_DEVICE std::uint32_t pack_two(float low, float high, bf16) { return pack_bf16x2(low, high); }
SEGPREF_DEVICE std::uint32_t pack_two(float low, float high, f16) { return pack_f16x2(low, high); }

/// bf16 and f16.
template <typename Half>
struct ElementPack<Half, 8> {
  std::uint32_t pairs[4] = {};

  SEGPREF_DEVICE void load(const Half* from) {
    const uint4 v = *reinterpret_cast<const uint4*>(from);
    pairs[0] = v.x, pairs[1] = v.y, pairs[2] = v.z, pairs[3] = v.w;
  }
  SEGPREF_DEVICE void load_one(int i, const Half* from) { pairs[i / 2] |= static_cast<std::uint32_t>(from[i].bits) << (i % 2 * 16); }
  SEGPREF_DEVICE void store(Half* to) const { *reinterpret_cast<uint4*>(to) = uint4{pairs[0], pairs[1], pairs[2], pairs[3]}; }
  SEGPREF_DEVICE void store_once(Half* to) const { __stcs(reinterpret_cast<uint4*>(to), uint4{pairs[0], pairs[1], pairs[2], pairs[3]}); }
  SEGPREF_DEVICE void store_one(int i, Half* to) const { to[i] = element(i); }
  SEGPREF_DEVICE float get(int i) const { return widen(element(i)); }
  SEGPREF_DEVICE void set(const float* values) {
    SEGPREF_UNROLL
    for (int i = 0; i < 4; ++i) pairs[i] = pack_two(values[2 * i], values[2 * i + 1], Half{});
  }

 private:
  SEGPREF_DEVICE Half element(int i) const { return Half{static_cast<std::uint16_t>(pairs[i / 2] >> (i % 2 * 16))}; }
};

}  // namespace segpref::cuda
