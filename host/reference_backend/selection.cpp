#include "host/reference_backend/selection.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <string_view>

#include "host/reference_backend/reference_backend.hpp"
#include "segpref/error.hpp"

namespace segpref::reference_backend {
namespace {

std::atomic<std::int64_t> calls{0};

bool read_environment() {
  const char* value = std::getenv("SEGPREF_BACKEND");
  const std::string_view name = value == nullptr ? "" : value;
  if (name.empty() || name == "cpu") return false;
  if (name == "reference") return true;
  throw Error(ErrorCode::invalid_argument, fmt::format("SEGPREF_BACKEND = {} must be cpu or reference", name));
}

}  // namespace

bool selected() {
  static const bool is_selected = read_environment();
  return is_selected;
}

std::int64_t num_calls() { return calls; }
void count_call() { ++calls; }

}  // namespace segpref::reference_backend
