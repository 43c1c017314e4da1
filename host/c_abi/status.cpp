#include "host/c_abi/status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <new>
#include <system_error>

#include "segpref/error.hpp"

namespace segpref::c_abi {
namespace {

// Fixed, so that recording a failure cannot fail: there may be no memory left. Longer sentences are cut.
constexpr std::size_t max_sentence = 1024;
thread_local char last_error[max_sentence] = "";

segpref_status record(ErrorCode code, std::string_view sentence) noexcept {
  const std::size_t length = std::min(sentence.size(), max_sentence - 1);
  std::copy_n(sentence.data(), length, last_error);
  last_error[length] = '\0';
  return static_cast<segpref_status>(code);
}

}  // namespace

static_assert(static_cast<int>(ErrorCode::invalid_argument) == SEGPREF_INVALID_ARGUMENT);
static_assert(static_cast<int>(ErrorCode::invalid_type) == SEGPREF_INVALID_TYPE);
static_assert(static_cast<int>(ErrorCode::unsupported) == SEGPREF_UNSUPPORTED);
static_assert(static_cast<int>(ErrorCode::bad_data) == SEGPREF_BAD_DATA);
static_assert(static_cast<int>(ErrorCode::io) == SEGPREF_IO);
static_assert(static_cast<int>(ErrorCode::out_of_memory) == SEGPREF_OUT_OF_MEMORY);
static_assert(static_cast<int>(ErrorCode::internal) == SEGPREF_INTERNAL);
static_assert(static_cast<int>(ErrorCode::device_failed) == SEGPREF_DEVICE_FAILED);

segpref_status record_current_exception() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return record(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return record(ErrorCode::out_of_memory, "out of memory");
  } catch (const std::system_error& error) {
    // What starting a thread throws where the system has none left.
    if (error.code() == std::errc::resource_unavailable_try_again) return record(ErrorCode::out_of_memory, "the system refused to start a thread");
    return record(ErrorCode::internal, error.what());
  } catch (const std::exception& error) {
    return record(ErrorCode::internal, error.what());
  } catch (...) {
    return record(ErrorCode::internal, "an exception that is not a std::exception");
  }
}

void require(std::string_view name, const void* pointer) {
  if (pointer == nullptr) throw Error(ErrorCode::invalid_argument, fmt::format("{} is NULL", name));
}

}  // namespace segpref::c_abi

const char* segpref_last_error(void) { return segpref::c_abi::last_error; }

const char* segpref_status_name(segpref_status status) {
  switch (status) {
    case SEGPREF_OK: return "ok";
    case SEGPREF_INVALID_ARGUMENT: return "invalid_argument";
    case SEGPREF_INVALID_TYPE: return "invalid_type";
    case SEGPREF_UNSUPPORTED: return "unsupported";
    case SEGPREF_BAD_DATA: return "bad_data";
    case SEGPREF_IO: return "io";
    case SEGPREF_OUT_OF_MEMORY: return "out_of_memory";
    case SEGPREF_INTERNAL: return "internal";
    case SEGPREF_DEVICE_FAILED: return "device_failed";
    default: return "unknown";
  }
}
