// Contexts are copied cheaply: settings are the copy's own, threads are shared.
#include <gtest/gtest.h>

#include <utility>

#include "segpref/context.hpp"

namespace segpref {
namespace {

TEST(Context, CopiesShareTheThreads) {
  const Context context(2);
  const Context copy = context;
  EXPECT_EQ(&copy.pool(), &context.pool());
  EXPECT_EQ(&context.on_stream(nullptr).pool(), &context.pool());
  EXPECT_NE(&Context(2).pool(), &context.pool());
}

TEST(Context, ThreadsLiveAsLongAsTheLastCopy) {
  Context copy = Context(2).checking_values();
  EXPECT_EQ(copy.num_threads(), 2);
  const Context moved = std::move(copy);
  EXPECT_EQ(moved.num_threads(), 2);
  EXPECT_TRUE(moved.checks_values());
}

TEST(Context, SettingsAreTheCopysOwn) {
  int stream = 0;  // its address stands for a stream
  const Context context(1);
  EXPECT_EQ(context.stream(), nullptr);
  EXPECT_FALSE(context.checks_values());
  const Context streamed = context.on_stream(&stream);
  const Context checked = streamed.checking_values();
  EXPECT_EQ(streamed.stream(), &stream);
  EXPECT_FALSE(streamed.checks_values());
  EXPECT_EQ(checked.stream(), &stream);
  EXPECT_TRUE(checked.checks_values());
  EXPECT_FALSE(checked.checking_values(false).checks_values());
  EXPECT_EQ(checked.on_stream(nullptr).stream(), nullptr);
  EXPECT_EQ(context.stream(), nullptr);
}

}  // namespace
}  // namespace segpref
