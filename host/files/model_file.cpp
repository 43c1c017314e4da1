#include "segpref/model_file.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "host/files/npy_header.hpp"
#include "segpref/version.hpp"

namespace segpref {
namespace {

using nlohmann::json;

constexpr int format_version = 1;
constexpr const char* format_key = "segpref.format_version";
constexpr const char* library_key = "segpref.library_version";
constexpr const char* architecture_key = "segpref.architecture";

constexpr std::pair<Activation, const char*> activations[] = {{Activation::relu, "relu"},
                                                              {Activation::leaky_relu, "leaky_relu"},
                                                              {Activation::tanh, "tanh"},
                                                              {Activation::silu, "silu"},
                                                              {Activation::gelu, "gelu"}};
constexpr std::pair<Output, const char*> outputs[] = {
    {Output::identity, "identity"}, {Output::tanh, "tanh"}, {Output::sigmoid, "sigmoid"}};

template <typename Value, std::size_t n>
const char* word_of(const std::pair<Value, const char*> (&table)[n], Value value) {
  for (const auto& [entry, word] : table)
    if (entry == value) return word;
  throw Error(ErrorCode::invalid_argument, "architecture: activation or output is not a value of its enumeration");
}

template <typename Value, std::size_t n>
Value value_of(const std::pair<Value, const char*> (&table)[n], const std::string& word) {
  for (const auto& [value, entry] : table)
    if (word == entry) return value;
  throw Error(ErrorCode::bad_data, fmt::format("'{}' is not a known activation or output", word.substr(0, 40)));
}

std::string architecture_text(const RewardArchitecture& a) {
  return json{{"feature_dim", a.feature_dim},
              {"hidden", a.hidden},
              {"num_members", a.num_members},
              {"activation", word_of(activations, a.activation)},
              {"leaky_slope", a.leaky_slope},
              {"output", word_of(outputs, a.output)},
              {"output_scaled", a.output_scaled},
              {"output_lo", a.output_lo},
              {"output_hi", a.output_hi},
              {"bias", a.bias},
              {"dropout", a.dropout}}
      .dump();
}

std::int64_t integer(const json& value) {
  if (!value.is_number_integer() || value.is_number_float()) throw Error(ErrorCode::bad_data, "a size is not an integer");
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))
    throw Error(ErrorCode::bad_data, "a size is 2^63 or more");
  return value.get<std::int64_t>();
}

RewardArchitecture architecture_from(const std::string& text) {
  const json a = json::parse(text);
  RewardArchitecture result;
  result.feature_dim = integer(a.at("feature_dim"));
  if (!a.at("hidden").is_array() || a.at("hidden").size() > 64) throw Error(ErrorCode::bad_data, "'hidden' is not a short array");
  for (const json& width : a.at("hidden")) result.hidden.push_back(integer(width));
  result.num_members = integer(a.at("num_members"));
  result.activation = value_of(activations, a.at("activation").get<std::string>());
  result.leaky_slope = a.at("leaky_slope").get<double>();
  result.output = value_of(outputs, a.at("output").get<std::string>());
  result.output_scaled = a.at("output_scaled").get<bool>();
  result.output_lo = a.at("output_lo").get<double>();
  result.output_hi = a.at("output_hi").get<double>();
  result.bias = a.at("bias").get<bool>();
  result.dropout = a.at("dropout").get<double>();
  validate(result);
  return result;
}

// What is stored beside the parameters, and the rules of its values.
struct Extra {
  const char* name;
  std::vector<float> RewardModelFile::*values;
  bool per_member, positive;
};
constexpr Extra extras[] = {{"features.mean", &RewardModelFile::feature_mean, false, false},
                            {"features.std", &RewardModelFile::feature_std, false, true},
                            {"reward.shift", &RewardModelFile::reward_shift, true, false},
                            {"reward.scale", &RewardModelFile::reward_scale, true, false}};

void check_values(std::span<const float> values, bool positive, const std::string& name) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]) || (positive && values[i] <= 0))
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("{}[{}] = {} is not {}", name, i, values[i], positive ? "finite and > 0" : "finite"));
}

void check(const RewardModelFile& model) {
  validate(model.architecture);
  const std::int64_t expected = num_parameters(model.architecture);
  if (static_cast<std::int64_t>(model.parameters.size()) != expected)
    throw Error(ErrorCode::invalid_argument,
                fmt::format("parameters has {} elements, the architecture has {}", model.parameters.size(), expected));
  for (const ParameterSlot& slot : parameter_layout(model.architecture))
    check_values(std::span(model.parameters).subspan(static_cast<std::size_t>(slot.begin), static_cast<std::size_t>(slot.size)),
                 false, slot.name);
  for (const Extra& extra : extras) {
    const std::vector<float>& values = model.*extra.values;
    const std::int64_t size = extra.per_member ? model.architecture.num_members : model.architecture.feature_dim;
    if (!values.empty() && static_cast<std::int64_t>(values.size()) != size)
      throw Error(ErrorCode::invalid_argument, fmt::format("{} has {} elements, not {}", extra.name, values.size(), size));
    check_values(values, extra.positive, extra.name);
  }
  if (model.feature_mean.empty() != model.feature_std.empty())
    throw Error(ErrorCode::invalid_argument, "features.mean and features.std are given together or not at all");
  if (model.reward_shift.empty() != model.reward_scale.empty())
    throw Error(ErrorCode::invalid_argument, "reward.shift and reward.scale are given together or not at all");
}

// Before anything else is believed: is this a model, and one that this version can read?
void check_format(const std::string& path, const TensorFile& file) {
  const auto format = file.metadata.find(format_key);
  if (format == file.metadata.end())
    throw Error(ErrorCode::bad_data, fmt::format("{}: is not a segpref model (its metadata lack {})", path, format_key));
  int number = 0;
  const char* end = format->second.data() + format->second.size();
  const auto parsed = std::from_chars(format->second.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end || number < 1)
    throw Error(ErrorCode::bad_data, fmt::format("{}: {} is not a positive number", path, format_key));
  if (number > format_version)
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: a model of format {} needs a newer segpref (this is {})", path, number, version()));
}

RewardModelFile model_from(const TensorFile& file) {
  RewardModelFile model;
  model.architecture = architecture_from(file.metadata_at(architecture_key));
  model.library_version = file.metadata_at(library_key);
  for (const auto& [name, value] : file.metadata)
    if (!name.starts_with("segpref.")) model.metadata[name] = value;

  std::size_t num_known = 0;
  for (const ParameterSlot& slot : parameter_layout(model.architecture)) {
    const FileTensor& tensor = file.find(slot.name, FileDType::f32);
    if (tensor.shape != slot.shape)
      throw Error(ErrorCode::bad_data, fmt::format("tensor '{}' has the shape {}, the architecture says {}", slot.name,
                                                   files::format_shape(tensor.shape), files::format_shape(slot.shape)));
    const std::vector<float> values = file.get<float>(slot.name);
    model.parameters.insert(model.parameters.end(), values.begin(), values.end());
    ++num_known;
  }
  for (const Extra& extra : extras) {
    if (!file.has(extra.name)) continue;
    model.*extra.values = file.get<float>(extra.name);
    if ((model.*extra.values).empty()) throw Error(ErrorCode::bad_data, fmt::format("tensor '{}' is empty", extra.name));
    ++num_known;
  }
  if (num_known != file.tensors.size()) throw Error(ErrorCode::bad_data, "it has tensors that its architecture does not explain");
  check(model);
  return model;
}

}  // namespace

void save_model(const std::string& path, const RewardModelFile& model) {
  check(model);
  TensorFile file;
  for (const auto& [name, value] : model.metadata) {
    if (name.starts_with("segpref."))
      throw Error(ErrorCode::invalid_argument, fmt::format("metadata '{}': names beginning with segpref. are ours", name));
    file.metadata[name] = value;
  }
  file.metadata[format_key] = std::to_string(format_version);
  file.metadata[library_key] = version();
  file.metadata[architecture_key] = architecture_text(model.architecture);
  for (const ParameterSlot& slot : parameter_layout(model.architecture)) {
    file.put(slot.name,
             std::vector<float>(model.parameters.begin() + slot.begin, model.parameters.begin() + slot.begin + slot.size));
    file.tensors[slot.name].shape = slot.shape;
  }
  for (const Extra& extra : extras)
    if (!(model.*extra.values).empty()) file.put(extra.name, model.*extra.values);
  save_tensors(path, file);
}

RewardModelFile load_model(const std::string& path) {
  const TensorFile file = load_tensors(path);
  check_format(path, file);
  try {
    return model_from(file);
  } catch (const Error& error) {
    throw Error(ErrorCode::bad_data, fmt::format("{}: {}", path, error.what()));
  } catch (const json::exception&) {
    throw Error(ErrorCode::bad_data, fmt::format("{}: {} is not the JSON of an architecture", path, architecture_key));
  }
}

}  // namespace segpref
