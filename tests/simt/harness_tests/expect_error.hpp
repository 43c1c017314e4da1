// Kernels of the harness's own tests break one rule each.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/simt/support/kernel_test.hpp"

namespace segpref::simt {

/// The message of the Error that `action` throws; empty when it throws none.
template <typename Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// A test changes options for itself alone.
struct KeepOptions {
  Options before = options();
  ~KeepOptions() { options() = before; }
};

}  // namespace segpref::simt

/// The launch must fail with a message that holds `text`.
#define EXPECT_LAUNCH_ERROR(text, ...)                                                  \
  do {                                                                                  \
    const std::string message = ::segpref::simt::error_of([&] { __VA_ARGS__; });        \
    EXPECT_NE(message.find(text), std::string::npos) << "the error was: " << message;   \
  } while (false)
