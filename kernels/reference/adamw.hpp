// The oracle of AdamW and of Adam with coupled L2: the published update, element by element.
// Source: Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2.
#pragma once

#include <cstdint>
#include <vector>

namespace segpref::reference {

struct AdamW {
  double learning_rate = 3e-4, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
  bool decoupled = true;
};

/// @param step  1 for the first
void adamw_step(const AdamW& options, std::int64_t step, const std::vector<double>& gradients, std::vector<double>& parameters,
                std::vector<double>& first_moment, std::vector<double>& second_moment);

}  // namespace segpref::reference
