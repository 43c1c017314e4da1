// The object behind segpref_plan: one of the plans of the C++ API, with its sentence.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "host/c_abi/status.hpp"
#include "segpref/error.hpp"
#include "segpref/preference_loss.hpp"
#include "segpref/ranking_loss.hpp"
#include "segpref/reward_linear.hpp"
#include "segpref/reward_mlp.hpp"

struct segpref_plan {
  std::variant<segpref::PreferenceLossPlan, segpref::LinearLossPlan, segpref::MlpLossPlan, segpref::RankingLossPlan> plan;
  std::string description;
};

namespace segpref::c_abi {

/// The body of a *_plan_create function.
template <typename MakePlan>
segpref_status create_plan(segpref_plan** plan, MakePlan make_plan) {
  return guarded([&] {
    require("plan", plan);
    *plan = nullptr;
    auto made = make_plan();
    std::string description = made.describe();
    *plan = new segpref_plan{std::move(made), std::move(description)};
  });
}

/// The plan as the kind that `function` runs.
template <typename Plan>
const Plan& read_plan(const segpref_plan* plan, std::string_view function) {
  require("plan", plan);
  if (const Plan* found = std::get_if<Plan>(&plan->plan)) return *found;
  throw Error(ErrorCode::invalid_argument, std::string("plan was made for another function than ").append(function).append(": ").append(plan->description));
}

}  // namespace segpref::c_abi
