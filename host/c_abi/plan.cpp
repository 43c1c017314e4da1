#include "host/c_abi/plan.hpp"

void segpref_plan_destroy(segpref_plan* plan) { delete plan; }

size_t segpref_plan_workspace_bytes(const segpref_plan* plan) {
  return plan == nullptr ? 0 : std::visit([](const auto& kind) { return kind.workspace_bytes(); }, plan->plan);
}

const char* segpref_plan_describe(const segpref_plan* plan) { return plan == nullptr ? "" : plan->description.c_str(); }
