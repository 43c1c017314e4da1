#include "tests/simt/harness/core/options.hpp"

#include <cstdlib>
#include <string>

namespace segpref::simt {
namespace {

Order order_from(const std::string& name) {
  if (name == "random") return Order::random;
  if (name == "forward") return Order::forward;
  if (name == "reverse") return Order::reverse;
  throw Error("SEGPREF_SIMT_ORDER = " + name + " is none of random, forward, reverse");
}

Options from_environment() {
  Options result;
  if (const char* seed = std::getenv("SEGPREF_SIMT_SEED")) result.seed = std::strtoull(seed, nullptr, 0);
  if (const char* order = std::getenv("SEGPREF_SIMT_ORDER")) result.order = order_from(order);
  if (const char* preempt = std::getenv("SEGPREF_SIMT_PREEMPT")) result.preempt = std::atof(preempt);
  return result;
}

}  // namespace

Options& options() {
  static Options instance = from_environment();
  return instance;
}

Statistics& statistics() {
  static Statistics instance;
  return instance;
}

}  // namespace segpref::simt
