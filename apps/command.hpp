// What the subcommands share.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "segpref/segpref.hpp"

namespace segpref::app {

/// Exit codes of the command.
enum ExitCode : int { exit_ok = 0, exit_usage = 2, exit_data = 3, exit_runtime = 4, exit_interrupted = 130 };

/// Options that several subcommands take.
struct Common {
  bool json = false;
  int threads = 0;
  std::string device = "auto";
  std::string labels = "probability-of-second";
};

/// Each adds its subcommand and sets `run` to what shall happen when it was chosen.
using Run = std::function<int()>;
void add_fit(CLI::App& app, Run& run);
void add_eval(CLI::App& app, Run& run);
void add_predict(CLI::App& app, Run& run);
void add_query(CLI::App& app, Run& run);
void add_info(CLI::App& app, Run& run);

void add_common(CLI::App& command, Common& common, bool with_labels);
Context make_context(const Common& common);
/// Where a model of this architecture runs: what --device says; "auto" takes cuda:0 where there is one and it can.
/// @throws Error(unsupported), or Error(invalid_argument), where it names a device that there is not, or that cannot
Device device_of(const Common& common, const RewardArchitecture& architecture);
PreferenceDataset load_data(const std::string& path, const Common& common, DatasetOptions options = {});
/// A model that this version does not know is bad data, not bad usage.
RewardEnsemble load_ensemble(const std::string& path);
/// No output may be an input or another output. Empty names are files that were not asked for.
void check_outputs(const std::vector<std::string>& inputs, const std::vector<std::string>& outputs);

nlohmann::json to_json(const Agreement& agreement);
nlohmann::json to_json(const Evaluation& evaluation);

/// One line on standard error, redrawn in place; only on a terminal.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  void show(const std::string& what, double fraction);
  void clear();

 private:
  bool terminal_;
  int last_percent_ = -1;
  std::string last_what_;
};

}  // namespace segpref::app
