// What the C ABI does that a call from outside cannot bring about: every kind of exception, and structs that have grown.
#include <gtest/gtest.h>

#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

#include "host/c_abi/status.hpp"
#include "host/c_abi/struct.hpp"
#include "segpref/error.hpp"

namespace segpref::c_abi {
namespace {

template <typename Exception>
segpref_status status_of(const Exception& exception) {
  return guarded([&] { throw exception; });
}

TEST(CAbiStatus, EveryExceptionBecomesAStatus) {
  for (ErrorCode code : {ErrorCode::invalid_argument, ErrorCode::invalid_type, ErrorCode::unsupported, ErrorCode::bad_data, ErrorCode::io,
                         ErrorCode::out_of_memory, ErrorCode::internal}) {
    EXPECT_EQ(status_of(Error(code, "the rule")), static_cast<int>(code));
    EXPECT_STREQ(segpref_last_error(), "the rule");
  }
  EXPECT_EQ(status_of(std::bad_alloc()), SEGPREF_OUT_OF_MEMORY);
  EXPECT_STREQ(segpref_last_error(), "out of memory");
  EXPECT_EQ(status_of(std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again))), SEGPREF_OUT_OF_MEMORY);
  EXPECT_STREQ(segpref_last_error(), "the system refused to start a thread");
  EXPECT_EQ(status_of(std::system_error(std::make_error_code(std::errc::invalid_argument))), SEGPREF_INTERNAL);
  EXPECT_EQ(status_of(std::logic_error("a defect")), SEGPREF_INTERNAL);
  EXPECT_STREQ(segpref_last_error(), "a defect");
  EXPECT_EQ(status_of(42), SEGPREF_INTERNAL);
  EXPECT_STREQ(segpref_last_error(), "an exception that is not a std::exception");
}

TEST(CAbiStatus, LongSentencesAreCutNotOverrun) {
  EXPECT_EQ(status_of(Error(ErrorCode::invalid_argument, std::string(5000, 'x'))), SEGPREF_INVALID_ARGUMENT);
  EXPECT_EQ(std::string(segpref_last_error()), std::string(1023, 'x'));
}

// Version one had struct_size and first; this version has second too, whose default is not 0.
struct Grown {
  std::size_t struct_size;
  double first;
  double second;
};
constexpr std::size_t first_size = 16;
constexpr Grown defaults = {sizeof(Grown), 1, 2};

TEST(CAbiStruct, AnOlderProgramGetsTheDefaultsOfNewFields) {
  const Grown given = {first_size, 5, 99};  // 99 is beyond the program's struct: not to be looked at
  const Grown read = read_struct("options", &given, defaults, first_size);
  EXPECT_EQ(read.first, 5);
  EXPECT_EQ(read.second, 2);
}

TEST(CAbiStruct, TheSameVersionIsReadWhole) {
  const Grown given = {sizeof(Grown), 5, 6};
  EXPECT_EQ(read_struct("options", &given, defaults, first_size).second, 6);
}

TEST(CAbiStruct, ALaterProgramIsRefusedOnlyWhereItUsesNewFields) {
  struct Later {
    Grown known;
    double third;
  } later = {{sizeof(Later), 5, 6}, 0};
  EXPECT_EQ(read_struct("options", &later.known, defaults, first_size).second, 6);
  later.third = 1;
  EXPECT_THROW(read_struct("options", &later.known, defaults, first_size), Error);
}

}  // namespace
}  // namespace segpref::c_abi
