#include "kernels/reference/adamw.hpp"

#include <cmath>

namespace segpref::reference {

void adamw_step(const AdamW& options, std::int64_t step, const std::vector<double>& gradients, std::vector<double>& parameters,
                std::vector<double>& first_moment, std::vector<double>& second_moment) {
  const long double count = static_cast<long double>(step);
  // 1 - beta^step without cancellation.
  const auto correction = [&](double beta) { return beta == 0 ? 1.0L : -std::expm1(count * std::log(static_cast<long double>(beta))); };
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const long double before = parameters[i];
    long double gradient = gradients[i];
    if (!options.decoupled) gradient += options.weight_decay * before;
    const long double m = options.beta1 * static_cast<long double>(first_moment[i]) + (1 - static_cast<long double>(options.beta1)) * gradient;
    const long double v = options.beta2 * static_cast<long double>(second_moment[i]) + (1 - static_cast<long double>(options.beta2)) * gradient * gradient;
    long double after = before;
    if (options.decoupled) after -= static_cast<long double>(options.learning_rate) * options.weight_decay * before;
    after -= options.learning_rate * (m / correction(options.beta1)) / (std::sqrt(v / correction(options.beta2)) + options.epsilon);
    first_moment[i] = static_cast<double>(m);
    second_moment[i] = static_cast<double>(v);
    parameters[i] = static_cast<double>(after);
  }
}

}  // namespace segpref::reference
