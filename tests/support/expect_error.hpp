// One exact error: code and whole sentence.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "segpref/error.hpp"

namespace segpref::testing {

inline void expect_error(ErrorCode code, const std::string& message, const std::function<void()>& action) {
  try {
    action();
    ADD_FAILURE() << "accepted; expected: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    EXPECT_EQ(std::string(error.what()), message);
  }
}

}  // namespace segpref::testing
