// segpref: reward models from preferences over trajectory segments. Include this for everything.
#pragma once

#include "adamw.hpp"
#include "context.hpp"
#include "dtype.hpp"
#include "error.hpp"
#include "plan.hpp"
#include "preference_loss.hpp"
#include "preference_options.hpp"
#include "query_scores.hpp"
#include "ranking_loss.hpp"
#include "reward_linear.hpp"
#include "reward_mlp.hpp"
#include "reward_model.hpp"
#include "version.hpp"
#include "view.hpp"
