// SEGPREF_PRINT_PLAN=1: every plan says what it will do, on standard error, when it is made. For debugging.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace segpref {

/// The environment, read once per process; unset, empty and 0 mean no.
inline bool prints_plans() {
  static const bool wanted = [] {
    const char* value = std::getenv("SEGPREF_PRINT_PLAN");
    const std::string_view text = value == nullptr ? "" : value;
    return !text.empty() && text != "0";
  }();
  return wanted;
}

/// Said at the end of every plan's constructor.
template <class Plan>
void print_if_asked(const Plan& plan) {
  if (prints_plans()) std::fprintf(stderr, "%s\n", plan.describe().c_str());
}

}  // namespace segpref
