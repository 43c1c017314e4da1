// A program that a seeded bug is built into. It runs its cases under several seeds and says in how many of them something was noticed.
#pragma once

#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "tests/simt/support/kernel_test.hpp"

namespace segpref::simt {

/// What is wrong, or nothing.
using Finding = std::string;

template <typename T>
Finding compare(const std::vector<T>& result, const std::vector<T>& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (!(std::fabs(static_cast<double>(result[i]) - static_cast<double>(expected[i])) <= 1e-4 * (1 + std::fabs(static_cast<double>(expected[i])))))
      return "wrong result: element " + std::to_string(i) + " is " + std::to_string(result[i]) + ", not " + std::to_string(expected[i]);
  return "";
}

inline int run_over_seeds(const std::function<Finding()>& run) {
  constexpr int num_seeds = 10;
  int num_found = 0;
  std::string first;
  for (int seed = 1; seed <= num_seeds; ++seed) {
    options().seed = static_cast<std::uint64_t>(seed);
    begin_test();
    Finding finding;
    try {
      finding = run();
    } catch (const Error& error) {
      finding = error.what();
    }
    num_found += !finding.empty();
    if (first.empty()) first = finding;
  }
  std::printf("noticed under %d of %d seeds; %s\n", num_found, num_seeds, first.c_str());
  return num_found > 0 ? 1 : 0;
}

}  // namespace segpref::simt
