#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "apps/command.hpp"

namespace segpref::app {

void add_common(CLI::App& command, Common& common, bool with_labels) {
  command.add_flag("--json", common.json, "Print one JSON object as the last line of standard output");
  command.add_option("--threads", common.threads, "Threads; 0: one per core. Results do not depend on it")->check(CLI::Range(0, 1024));
  command.add_option("--device", common.device, "Where the model runs: auto, cpu, cuda or cuda:N. auto takes a CUDA device where there is one and the model has hidden layers");
  if (with_labels)
    command.add_option("--labels", common.labels,
                       "How labels are to be read: probability-of-second, probability-of-first, winner-index, two-columns, signed-strength, signed-logit, chosen-rejected");
}

Context make_context(const Common& common) { return Context(common.threads); }

Device device_of(const Common& common, const RewardArchitecture& architecture) {
  if (common.device == "cpu") return {};
  Device device{Device::Kind::cuda, 0};
  const bool is_automatic = common.device == "auto";
  if (const std::string prefix = "cuda:"; common.device.starts_with(prefix)) {
    const char* const end = common.device.data() + common.device.size();
    const auto [rest, error] = std::from_chars(common.device.data() + prefix.size(), end, device.index);
    if (error != std::errc() || rest != end || device.index < 0) throw Error(ErrorCode::invalid_argument, "--device " + common.device + ": after cuda: stands the number of a device");
  } else if (!is_automatic && common.device != "cuda") {
    throw Error(ErrorCode::invalid_argument, "--device " + common.device + " must be auto, cpu, cuda or cuda:N");
  }
  PreferenceCapacity capacity;  // any: the rules are about architecture and device
  capacity.num_steps = capacity.num_segments = capacity.num_pairs = 1;
  capacity.device = device;
  try {
    const MlpLossPlan plan(architecture, capacity, 1);
  } catch (const Error& error) {
    if (is_automatic && error.code() == ErrorCode::unsupported) return {};
    throw Error(error.code(), "--device " + common.device + ": " + error.what());
  }
  return device;
}

PreferenceDataset load_data(const std::string& path, const Common& common, DatasetOptions options) {
  options.labels = label_convention_from(common.labels);
  return PreferenceDataset::load(path, options);
}

RewardEnsemble load_ensemble(const std::string& path) {
  try {
    return RewardEnsemble::load(path);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::unsupported) throw Error(ErrorCode::bad_data, error.what());
    throw;
  }
}

void check_outputs(const std::vector<std::string>& inputs, const std::vector<std::string>& outputs) {
  std::vector<std::filesystem::path> taken;
  for (const std::string& path : inputs) taken.push_back(std::filesystem::weakly_canonical(path));
  for (const std::string& path : outputs) {
    if (path.empty()) continue;
    const std::filesystem::path whole = std::filesystem::weakly_canonical(path);
    if (std::find(taken.begin(), taken.end(), whole) != taken.end())
      throw Error(ErrorCode::invalid_argument, path + " is another file of this call: writing it would destroy that one");
    taken.push_back(whole);
  }
}

nlohmann::json to_json(const Agreement& agreement) {
  return {{"accuracy", agreement.accuracy ? nlohmann::json(*agreement.accuracy) : nlohmann::json()}, {"loss", agreement.loss}};
}

nlohmann::json to_json(const Evaluation& evaluation) {
  nlohmann::json json = to_json(evaluation.mean);
  json["brier"] = evaluation.brier;
  json["ece"] = evaluation.ece;
  json["num_pairs"] = evaluation.num_pairs;
  if (evaluation.num_skipped > 0) json["num_skipped"] = evaluation.num_skipped;
  json["members"] = nlohmann::json::array();
  for (const Agreement& member : evaluation.members) json["members"].push_back(to_json(member));
  return json;
}

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) != 0) {}
ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::show(const std::string& what, double fraction) {
  const int percent = static_cast<int>(fraction * 100);
  if (!terminal_ || (percent == last_percent_ && what == last_what_)) return;
  last_percent_ = percent;
  last_what_ = what;
  std::string bar(30, '.');
  for (int i = 0; i < 30 * percent / 100; ++i) bar[static_cast<std::size_t>(i)] = '#';
  std::fprintf(stderr, "\r\033[K[%s] %3d %%  %s", bar.c_str(), percent, what.c_str());
}

void ProgressLine::clear() {
  if (terminal_ && last_percent_ >= 0) std::fprintf(stderr, "\r\033[K");
  last_percent_ = -1;
}

namespace {

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::invalid_type:
    case ErrorCode::unsupported: return exit_usage;
    case ErrorCode::bad_data: return exit_data;
    default: return exit_runtime;
  }
}

}  // namespace
}  // namespace segpref::app

int main(int argc, char** argv) {
  using namespace segpref::app;
  CLI::App app{"segpref trains reward models from preferences over trajectory segments.\n\n"
               "  segpref fit data.npz --out model.safetensors --metrics metrics.jsonl\n"
               "  segpref eval model.safetensors data.npz --json\n"
               "  segpref predict model.safetensors steps.npz --out rewards.npz\n"
               "  segpref query model.safetensors candidates.npz --top 20\n"
               "  segpref info model.safetensors\n\n"
               "Exit codes: 0 fine, 2 bad usage, 3 bad data, 4 the system refused or training diverged, 130 interrupted."};
  app.set_version_flag("--version", segpref::version());
  app.require_subcommand(1);
  Run run;
  add_fit(app, run);
  add_eval(app, run);
  add_predict(app, run);
  add_query(app, run);
  add_info(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? exit_ok : exit_usage;
  }
  try {
    return run();
  } catch (const segpref::Error& error) {
    std::cerr << "segpref: " << error.what() << "\n";
    return exit_code_of(error.code());
  } catch (const std::bad_alloc&) {
    std::cerr << "segpref: out of memory\n";
    return exit_runtime;
  } catch (const std::exception& error) {
    std::cerr << "segpref: " << error.what() << "\n";
    return exit_runtime;
  }
}
