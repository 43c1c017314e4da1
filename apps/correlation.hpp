// How well one sequence follows another.
#pragma once

#include <vector>

namespace segpref::app {

double pearson(const std::vector<double>& a, const std::vector<double>& b);
/// Pearson of the ranks; equal values share the mean of their ranks.
double spearman(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace segpref::app
