// segpref fit: trains an ensemble, writes model, metrics and checkpoints.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <utility>

#include "apps/command.hpp"
#include "host/files/crc32.hpp"
#include "host/files/file_io.hpp"

namespace segpref::app {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");
extern "C" void on_signal(int) { interrupted = true; }

struct FitOptions {
  Common common;
  std::string data, out, metrics, checkpoint, hidden = "256,256,256", activation = "leaky-relu", output = "identity", optimizer = "adamw", sampling = "per-member", compute = "standard";
  std::string aggregation = "sum", nonfinite = "error", tie_model = "none";
  std::vector<double> output_range;  // empty, or lo and hi
  std::vector<float> tie_parameter;  // empty: the tie model's default; else one number, or one per member
  bool resume = false, no_bias = false, no_standardize = false, no_normalize = false;
  RewardArchitecture architecture;
  TrainerOptions trainer;
};

template <typename Enum>
Enum choose(const std::string& name, std::initializer_list<std::pair<const char*, Enum>> choices, const char* option) {
  std::string all;
  for (const auto& [key, value] : choices) {
    if (name == key) return value;
    all += fmt::format("{}{}", all.empty() ? "" : ", ", key);
  }
  throw Error(ErrorCode::invalid_argument, fmt::format("{} = {} must be one of {}", option, name, all));
}

std::vector<std::int64_t> widths_from(const std::string& text) {
  std::vector<std::int64_t> widths;
  if (text == "none") return widths;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) {
    std::size_t used = 0;
    std::int64_t width = 0;
    try {
      width = std::stoll(part, &used);
    } catch (const std::exception&) {
      used = 0;
    }
    if (used == 0 || used != part.size()) throw Error(ErrorCode::invalid_argument, fmt::format("--hidden {}: '{}' is not a width", text, part));
    widths.push_back(width);
  }
  if (widths.empty() || text.back() == ',') throw Error(ErrorCode::invalid_argument, fmt::format("--hidden '{}' must be widths like 64,64, or none", text));
  return widths;
}

/// eta = 0.5 and nu = 1: a tie is likely between equals and rare between unequals.
void translate_ties(FitOptions& o) {
  PreferenceOptions& loss = o.trainer.loss;
  loss.tie_model = choose<TieModel>(o.tie_model, {{"none", TieModel::none}, {"rao-kupper", TieModel::rao_kupper}, {"davidson", TieModel::davidson}}, "--tie-model");
  if (o.tie_parameter.empty() && loss.tie_model != TieModel::none) o.tie_parameter = {loss.tie_model == TieModel::rao_kupper ? 0.5f : 0.0f};
  if (!o.tie_parameter.empty()) loss.tie_parameter = view(std::as_const(o.tie_parameter));
}

/// The names of the command line become the options of the library.
void translate(FitOptions& o) {
  o.architecture.hidden = widths_from(o.hidden);
  o.architecture.bias = !o.no_bias;
  o.architecture.activation = choose<Activation>(o.activation, {{"relu", Activation::relu}, {"leaky-relu", Activation::leaky_relu}, {"tanh", Activation::tanh}, {"silu", Activation::silu}, {"gelu", Activation::gelu}}, "--activation");
  o.architecture.output = choose<Output>(o.output, {{"identity", Output::identity}, {"tanh", Output::tanh}, {"sigmoid", Output::sigmoid}}, "--output");
  o.trainer.optimizer.decoupled = choose<bool>(o.optimizer, {{"adamw", true}, {"adam-l2", false}}, "--optimizer");
  o.trainer.sampling = choose<Sampling>(o.sampling, {{"shared", Sampling::shared}, {"per-member", Sampling::per_member}, {"bootstrap", Sampling::bootstrap}}, "--sampling");
  o.trainer.compute = choose<Compute>(o.compute, {{"standard", Compute::standard}, {"bf16", Compute::bf16}, {"tf32", Compute::tf32}, {"f16", Compute::f16}}, "--compute");
  o.trainer.loss.aggregation = choose<Aggregation>(o.aggregation, {{"sum", Aggregation::sum}, {"mean", Aggregation::mean}, {"last", Aggregation::last}}, "--aggregation");
  o.trainer.loss.nonfinite = choose<NonFinite>(o.nonfinite, {{"error", NonFinite::propagate}, {"propagate", NonFinite::propagate}, {"skip", NonFinite::skip}}, "--nonfinite");
  translate_ties(o);
  if (!o.output_range.empty()) {
    o.architecture.output_scaled = true;
    o.architecture.output_lo = o.output_range[0];
    o.architecture.output_hi = o.output_range[1];
  }
  o.trainer.standardize_features = !o.no_standardize;
  o.trainer.normalize_rewards = !o.no_normalize;
}

/// Checksum of what the pairs are and of the first rows: another file of the same sizes is another run. All features would take a part of a second.
std::string fingerprint_of(const PreferenceDataset& data) {
  std::uint32_t crc = 0;
  const auto add = [&](const ConstTensorView& view, std::int64_t most_bytes) {
    if (view.present()) crc = files::crc32(crc, view.data, static_cast<std::size_t>(std::min(most_bytes, view.size() * size_of(view.dtype))));
  };
  const PreferenceBatch batch = data.batch();
  const Features features = data.features();
  for (const ConstTensorView& view : {batch.offsets, batch.begins, batch.lengths, batch.pairs, batch.labels, batch.weights, batch.margins, data.split()}) add(view, view.size() * size_of(view.dtype));
  for (const ConstTensorView& view : {features.first, features.second}) add(view, std::int64_t{1} << 20);
  return fmt::format("{:08x}", crc);
}

/// Everything that decides the result, as one line: a run may only be resumed with the same.
std::string settings_of(const FitOptions& o, const PreferenceDataset& data) {
  const TrainerOptions& t = o.trainer;
  const nlohmann::json json = {{"version", version()}, {"data", fingerprint_of(data)}, {"pairs", data.num_pairs()}, {"steps", data.num_steps()}, {"feature_dim", data.feature_dim()}, {"labels", o.common.labels}, {"hidden", o.architecture.hidden}, {"members", o.architecture.num_members},
                               {"activation", o.activation}, {"leaky_slope", o.architecture.leaky_slope}, {"output", o.output}, {"output_range", o.output_range}, {"bias", !o.no_bias},
                               {"dropout", o.architecture.dropout}, {"epochs", t.epochs}, {"batch_pairs", t.batch_pairs}, {"lr", t.optimizer.learning_rate},
                               {"beta1", t.optimizer.beta1}, {"beta2", t.optimizer.beta2}, {"epsilon", t.optimizer.epsilon}, {"weight_decay", t.optimizer.weight_decay},
                               {"optimizer", o.optimizer}, {"sampling", o.sampling}, {"compute", o.compute}, {"validation", t.validation},
                               {"patience", t.patience}, {"seed", t.seed}, {"temperature", t.loss.temperature}, {"discount", t.loss.discount},
                               {"aggregation", o.aggregation}, {"smoothing", t.loss.smoothing}, {"lapse", t.loss.lapse},
                               {"clip", std::isfinite(t.loss.clip) ? nlohmann::json(t.loss.clip) : nlohmann::json("none")}, {"centering", t.loss.centering},
                               {"tie_model", o.tie_model}, {"tie_parameter", o.tie_parameter}, {"learn_tie_parameter", t.learn_tie_parameter},
                               {"nonfinite", o.nonfinite}, {"standardize", t.standardize_features}, {"normalize", t.normalize_rewards}};
  return json.dump();
}

nlohmann::json line_of(const EpochReport& report) {
  nlohmann::json json = {{"epoch", report.epoch}, {"loss", report.loss}, {"accuracy", nlohmann::json::array()}};
  for (double accuracy : report.accuracy) json["accuracy"].push_back(accuracy < 0 ? nlohmann::json() : nlohmann::json(accuracy));
  if (!report.tie_parameter.empty()) json["tie_parameter"] = report.tie_parameter;
  if (report.held_out) json["held_out"] = to_json(*report.held_out);
  return json;
}

/// Whole or not at all where it is a file; a terminal or a pipe gets what comes.
void write_metrics(const std::string& path, const std::string& lines) {
  if (path.empty()) return;
  const std::filesystem::file_status status = std::filesystem::status(path);
  if (!std::filesystem::exists(status) || std::filesystem::is_regular_file(status)) {
    files::AtomicFile file(path);
    file.write_at(0, lines.data(), static_cast<std::int64_t>(lines.size()));
    return file.commit();
  }
  std::ofstream file(path, std::ios::binary);
  file << lines << std::flush;
  if (!file) throw Error(ErrorCode::io, fmt::format("cannot write {}", path));
}

int fit(FitOptions& o) {
  translate(o);
  const Context context = make_context(o.common);
  const PreferenceDataset data = load_data(o.data, o.common, {.allow_nonfinite_features = o.nonfinite != "error"});
  o.architecture.feature_dim = data.feature_dim();
  validate(o.architecture);
  o.trainer.device = device_of(o.common, o.architecture);
  const std::string checkpoint = o.checkpoint.empty() ? o.out + ".checkpoint" : o.checkpoint;
  check_outputs({o.data}, {o.out, o.metrics, checkpoint});
  Trainer trainer(context, data, o.architecture, o.trainer);
  for (const std::string& path : {o.out, checkpoint}) files::AtomicFile probe(path);  // a folder that cannot be written is named before the first epoch
  const std::string settings = settings_of(o, data);
  std::string lines;
  if (o.resume && std::ifstream(checkpoint).good()) {
    lines = trainer.load_checkpoint(checkpoint, settings);
    std::cerr << "segpref: continuing after epoch " << trainer.epochs_done() << " of " << o.trainer.epochs << "\n";
  }
  write_metrics(o.metrics, lines);
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);

  std::cerr << fmt::format("segpref: {} training and {} held-out pairs, {} members, {} parameters, on {}\n", trainer.training_pairs().size(), trainer.held_out_pairs().size(),
                           o.architecture.num_members, num_parameters(o.architecture), o.trainer.device.kind == Device::Kind::cpu ? "the CPU" : fmt::format("cuda:{}", o.trainer.device.index));
  ProgressLine progress;
  const auto start = std::chrono::steady_clock::now();
  const std::int64_t epochs_before = trainer.epochs_done();
  std::string latest;
  while (!trainer.finished()) {
    const auto on_step = [&](std::int64_t done, std::int64_t total) {
      const double here = static_cast<double>(trainer.epochs_done()) + static_cast<double>(done) / static_cast<double>(total);
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      const double rest = seconds / std::max(here - static_cast<double>(epochs_before), 1e-9) * (static_cast<double>(o.trainer.epochs) - here);
      progress.show(fmt::format("epoch {}/{}, {:.0f} s left{}", trainer.epochs_done() + 1, o.trainer.epochs, rest, latest), here / static_cast<double>(o.trainer.epochs));
      return !interrupted;
    };
    const std::optional<EpochReport> report = trainer.run_epoch(on_step);
    if (!report) {
      progress.clear();
      std::cerr << fmt::format("segpref: interrupted; {} epochs are in {}: continue with --resume\n", trainer.epochs_done(), checkpoint);
      return exit_interrupted;
    }
    if (!std::all_of(report->loss.begin(), report->loss.end(), [](double loss) { return std::isfinite(loss); })) {
      progress.clear();
      std::cerr << fmt::format("segpref: the training loss of epoch {} is not finite: {}; a lower --lr may help, --nonfinite skip leaves out steps that are not finite\n", report->epoch, fmt::join(report->loss, ", "));
      return exit_runtime;
    }
    if (report->held_out && report->held_out->mean.accuracy) latest = fmt::format(", held-out accuracy {:.3f}", *report->held_out->mean.accuracy);
    lines += line_of(*report).dump() + "\n";
    trainer.save_checkpoint(checkpoint, settings, lines);  // first the checkpoint, then the line it holds
    write_metrics(o.metrics, lines);
  }
  progress.clear();

  RewardEnsemble ensemble = trainer.result();
  ensemble.file().metadata["training"] = settings;
  ensemble.save(o.out);
  nlohmann::json summary = {{"model", o.out}, {"metrics", o.metrics}, {"epochs", trainer.epochs_done()}, {"num_parameters", num_parameters(o.architecture)}};
  std::cerr << "model:   " << o.out << "\n";
  if (!o.metrics.empty()) std::cerr << "metrics: " << o.metrics << "\n";
  if (!trainer.held_out_pairs().empty()) {
    const Evaluation evaluation = ensemble.evaluate(context, data, trainer.held_out_pairs(), static_cast<const float*>(data.batch().labels.data), o.trainer.loss.nonfinite);
    summary["held_out"] = to_json(evaluation);
    const auto show = [](const std::string& name, const Agreement& agreement) {
      std::cerr << fmt::format("{:<10} held-out accuracy {}, loss {:.4f}\n", name, agreement.accuracy ? fmt::format("{:.3f}", *agreement.accuracy) : "none judged", agreement.loss);
    };
    for (std::size_t member = 0; member < evaluation.members.size(); ++member) show(fmt::format("member {}", member), evaluation.members[member]);
    show("ensemble", evaluation.mean);
  }
  if (o.trainer.loss.tie_model != TieModel::none) {
    const std::vector<float> ties = ensemble.score_options().tie_parameter;
    summary["tie_parameter"] = ties;
    std::cerr << fmt::format("tie parameter per member: {}\n", fmt::join(ties, ", "));
  }
  if (o.common.json) std::cout << summary.dump() << "\n";
  return exit_ok;
}

}  // namespace

void add_fit(CLI::App& app, Run& run) {
  auto options = std::make_shared<FitOptions>();
  FitOptions& o = *options;
  o.architecture.num_members = 3;
  CLI::App& c = *app.add_subcommand("fit", "Train an ensemble of reward models on a preference data set\n\nExample: segpref fit data.npz --out model.safetensors --hidden 64,64 --lapse 0.2 --epochs 40");
  c.add_option("data", o.data, "Preference data set (.npz, ragged or paired form)")->required();
  c.add_option("--out", o.out, "Model file to write (.safetensors)")->required();
  c.add_option("--metrics", o.metrics, "Metrics file to write: one JSON line per epoch");
  c.add_option("--checkpoint", o.checkpoint, "Checkpoint file; default: the model file's name with .checkpoint");
  c.add_flag("--resume", o.resume, "Continue from the checkpoint where there is one: the same bits as an uninterrupted run");
  c.add_option("--hidden", o.hidden, "Widths of the hidden layers, or none for the linear model")->capture_default_str();
  c.add_option("--members", o.architecture.num_members, "Members of the ensemble, 1 to 32")->capture_default_str();
  c.add_option("--activation", o.activation, "relu, leaky-relu, tanh, silu, gelu")->capture_default_str();
  c.add_option("--leaky-slope", o.architecture.leaky_slope, "Slope of leaky-relu below 0")->capture_default_str();
  c.add_option("--output", o.output, "identity, tanh, sigmoid")->capture_default_str();
  c.add_option("--output-range", o.output_range, "LO HI: scales output tanh or sigmoid to this range")->expected(2);
  c.add_flag("--no-bias", o.no_bias, "Layers without biases");
  c.add_option("--dropout", o.architecture.dropout, "Probability that a hidden unit is dropped in training")->capture_default_str();
  c.add_option("--epochs", o.trainer.epochs, "Passes over the training pairs")->capture_default_str();
  c.add_option("--batch-pairs", o.trainer.batch_pairs, "Pairs of a minibatch")->capture_default_str();
  c.add_option("--lr", o.trainer.optimizer.learning_rate, "Learning rate")->capture_default_str();
  c.add_option("--beta1", o.trainer.optimizer.beta1, "Decay of the first moment")->capture_default_str();
  c.add_option("--beta2", o.trainer.optimizer.beta2, "Decay of the second moment")->capture_default_str();
  c.add_option("--epsilon", o.trainer.optimizer.epsilon, "Added to the root of the second moment")->capture_default_str();
  c.add_option("--weight-decay", o.trainer.optimizer.weight_decay, "Weight decay (adamw) or L2 (adam-l2)")->capture_default_str();
  c.add_option("--optimizer", o.optimizer, "adamw or adam-l2")->capture_default_str();
  c.add_option("--sampling", o.sampling, "shared, per-member or bootstrap")->capture_default_str();
  c.add_option("--compute", o.compute, "Matrix products of training in standard (f32), or in bf16 (on the CPU with AVX512-BF16), tf32 or f16 (on a CUDA device), which are faster and coarser")->capture_default_str();
  c.add_option("--validation", o.trainer.validation, "Fraction of pairs held out; the data set's own split wins")->capture_default_str();
  c.add_option("--patience", o.trainer.patience, "Stop after so many epochs without better held-out accuracy and keep the best; 0: never")->capture_default_str();
  c.add_option("--seed", o.trainer.seed, "Seed of everything drawn")->capture_default_str();
  c.add_option("--temperature", o.trainer.loss.temperature, "Divides the difference of scores")->capture_default_str();
  c.add_option("--discount", o.trainer.loss.discount, "Discount per step inside a segment")->capture_default_str();
  c.add_option("--aggregation", o.aggregation, "sum, mean or last")->capture_default_str();
  c.add_option("--smoothing", o.trainer.loss.smoothing, "Label smoothing: target = (1 - s) * label + s / 2")->capture_default_str();
  c.add_option("--lapse", o.trainer.loss.lapse, "Probability that the rater answered at random")->capture_default_str();
  c.add_option("--clip", o.trainer.loss.clip, "Clip of the logit");
  c.add_option("--centering", o.trainer.loss.centering, "Weight of (score_first + score_second)^2")->capture_default_str();
  c.add_option("--tie-model", o.tie_model, "none, rao-kupper or davidson: a label of 0.5 is then an observed tie")->capture_default_str();
  c.add_option("--tie-parameter", o.tie_parameter, "eta > 0 (rao-kupper, default 0.5) or log nu (davidson, default 0); one, or A,B,... for each member")->delimiter(',')->allow_extra_args(false);
  c.add_flag("--learn-tie-parameter", o.trainer.learn_tie_parameter, "Learn it for every member, from there on");
  c.add_option("--nonfinite", o.nonfinite, "Non-finite features: error, skip (leaves the pair out) or propagate")->capture_default_str();
  c.add_flag("--no-standardize", o.no_standardize, "Use features as they are");
  c.add_flag("--no-normalize", o.no_normalize, "Leave the model's rewards as they come");
  add_common(c, o.common, true);
  c.callback([options, &run] { run = [options] { return fit(*options); }; });
}

}  // namespace segpref::app
