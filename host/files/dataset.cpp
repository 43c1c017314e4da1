#include "segpref/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "host/files/convert.hpp"
#include "host/files/label_convention.hpp"
#include "host/files/npz_reader.hpp"

namespace segpref {

using files::Buffer;
using files::NpyArray;
using files::NpyHeader;
using files::NpyStream;
using files::NpzReader;

namespace {

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorCode::bad_data, message); }

ConstTensorView tensor_view(const void* data, DType dtype, std::initializer_list<std::int64_t> shape) {
  ConstTensorView result = view(static_cast<const float*>(nullptr), shape);
  result.data = data;
  result.dtype = dtype;
  return result;
}

void expect_shape(const NpyHeader& header, const std::string& where, std::initializer_list<std::int64_t> shape,
                  const char* meaning) {
  if (!std::ranges::equal(header.shape, shape))
    fail(fmt::format("{} has the shape {}, not {} {}", where, files::format_shape(header.shape),
                     files::format_shape(std::vector<std::int64_t>(shape)), meaning));
}

// Rows of one of the two feature tensors.
struct FeatureTensor {
  Buffer data;
  std::int64_t width = 0;

  const std::byte* row(DType dtype, std::int64_t step_idx) const { return data.data() + step_idx * width * size_of(dtype); }
};

}  // namespace

struct PreferenceDataset::Data {
  bool paired = false, narrowed = false;
  DType dtype = DType::f32;
  std::int64_t num_steps = 0, num_segments = 0, num_pairs = 0;
  FeatureTensor first, second;  // second.width is 0 where there is one tensor only
  std::vector<std::int64_t> offsets, begins, lengths, pairs;
  std::vector<float> labels, weights, margins, true_rewards, clean_labels;
  std::vector<std::int32_t> split, pair_kind;
};

namespace {

// An optional array of one number per pair or step.
std::vector<float> read_numbers(NpzReader& reader, const std::string& key, std::int64_t size, const char* meaning,
                                bool non_negative) {
  if (!reader.has(key)) return {};
  const std::string where = fmt::format("{}: {}", reader.path(), key);
  NpyStream stream = reader.open(key);
  expect_shape(stream.header(), where, {size}, meaning);
  const std::vector<double> values = files::to_reals(files::read_all(stream));
  std::vector<float> result(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    result[i] = static_cast<float>(values[i]);
    if (!std::isfinite(result[i])) fail(fmt::format("{}[{}] = {} is not finite", where, i, values[i]));
    if (non_negative && result[i] < 0.0f) fail(fmt::format("{}[{}] = {} is negative", where, i, values[i]));
  }
  return result;
}

std::vector<std::int32_t> read_codes(NpzReader& reader, const std::string& key, std::int64_t size, std::int64_t end) {
  if (!reader.has(key)) return {};
  const std::string where = fmt::format("{}: {}", reader.path(), key);
  NpyStream stream = reader.open(key);
  expect_shape(stream.header(), where, {size}, "(num_pairs)");
  const std::vector<std::int64_t> values = files::to_integers(files::read_all(stream), where);
  std::vector<std::int32_t> result(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0 || values[i] >= end) fail(fmt::format("{}[{}] = {} is outside [0, {})", where, i, values[i], end));
    result[i] = static_cast<std::int32_t>(values[i]);
  }
  return result;
}

// The labels, or nothing with chosen_rejected and where they may be missing.
std::optional<NpyArray> read_raw_labels(NpzReader& reader, const std::string& key, const DatasetOptions& options) {
  const LabelConvention convention = options.labels;
  if (options.allow_missing_labels && !reader.has(key)) return std::nullopt;
  const std::string where = fmt::format("{}: {}", reader.path(), key);
  if (convention == LabelConvention::chosen_rejected) {
    if (reader.has(key))
      fail(fmt::format("{}: is in the file, but with chosen-rejected every first segment is preferred", where));
    return std::nullopt;
  }
  NpyStream stream = reader.open(key);
  const std::vector<std::int64_t>& shape = stream.header().shape;
  if (convention == LabelConvention::two_columns ? shape.size() != 2 || shape[1] != 2 : shape.size() != 1)
    fail(fmt::format("{} has the shape {}, not {} (labels: {})", where, files::format_shape(shape),
                     convention == LabelConvention::two_columns ? "[num_pairs, 2]" : "[num_pairs]", name_of(convention)));
  return files::read_all(stream);
}

// Message "features[17, 3] = nan is not finite" for rows [begin, begin + num_rows) of a tensor.
template <typename Name>
void check_finite(const FeatureTensor& tensor, DType dtype, std::int64_t begin, std::int64_t num_rows,
                  const Name& name_position) {
  const std::int64_t bad = files::find_nonfinite(dtype, tensor.row(dtype, begin), num_rows * tensor.width);
  if (bad < 0) return;
  fail(fmt::format("{} = {} is not finite", name_position(begin + bad / tensor.width, bad % tensor.width),
                   files::element_at(dtype, tensor.row(dtype, begin), bad)));
}

}  // namespace

// Reads one file. Target is PreferenceDataset::Data, which only members of the class can name.
template <typename Target>
class DatasetReader {
 public:
  DatasetReader(const std::string& path, const DatasetOptions& options) : reader_(path), options_(options) {}

  std::unique_ptr<Target> read() {
    const bool ragged = reader_.has("offsets"), paired = reader_.has("obs_1");
    if (ragged && paired) fail(fmt::format("{}: has both 'offsets' (a ragged data set) and 'obs_1' (a paired one)", reader_.path()));
    if (!ragged && !paired)
      fail(fmt::format(
          "{}: is neither a ragged data set (features, offsets, pairs, labels) nor a paired one (obs_1, action_1, obs_2, "
          "action_2, label)",
          reader_.path()));
    out_->paired = paired;
    paired ? read_paired() : read_ragged();
    const char* label_key = paired ? "label" : "labels";
    out_->labels = labels_ ? files::convert_labels(*labels_, options_.labels, out_->num_pairs, where(label_key))
                           : std::vector<float>(static_cast<std::size_t>(out_->num_pairs), 0.0f);
    out_->weights = read_numbers(reader_, paired ? "weight" : "weights", out_->num_pairs, "(num_pairs)", true);
    out_->margins = read_numbers(reader_, paired ? "margin" : "margins", out_->num_pairs, "(num_pairs)", true);
    out_->true_rewards = read_numbers(reader_, "true_rewards", out_->num_steps, "(num_steps)", false);
    out_->split = read_codes(reader_, "split", out_->num_pairs, 2);
    out_->pair_kind = read_codes(reader_, "pair_kind", out_->num_pairs, std::numeric_limits<std::int32_t>::max());
    if (reader_.has("clean_labels")) {
      NpyStream stream = reader_.open("clean_labels");
      expect_shape(stream.header(), where("clean_labels"), {out_->num_pairs}, "(num_pairs)");
      out_->clean_labels = files::convert_labels(files::read_all(stream), LabelConvention::probability_of_second, out_->num_pairs,
                                                 where("clean_labels"));
    }
    return std::move(out_);
  }

 private:
  std::string where(const std::string& key) const { return fmt::format("{}: {}", reader_.path(), key); }

  void note_type(const NpyStream& stream) {
    if (files::feature_dtype_of(stream.header().type) == DType::f32) out_->dtype = DType::f32;
    if (stream.header().type == files::NpyType::f64) out_->narrowed = true;
  }

  void check_labels_shape(const char* key) {
    if (labels_ && labels_->header.shape[0] != out_->num_pairs)
      fail(fmt::format("{} has the shape {}, but there are {} pairs", where(key), files::format_shape(labels_->header.shape),
                       out_->num_pairs));
    if (out_->num_pairs == 0) fail(fmt::format("{}: has no pairs", reader_.path()));
  }

  void read_ragged() {
    // Small arrays first: a wrong file is refused before its features are read.
    NpyStream offsets = reader_.open("offsets");
    if (offsets.header().shape.size() != 1 || offsets.header().shape[0] < 1)
      fail(fmt::format("{} has the shape {}, not [num_segments + 1]", where("offsets"),
                       files::format_shape(offsets.header().shape)));
    out_->offsets = files::to_integers(files::read_all(offsets), where("offsets"));
    out_->num_segments = static_cast<std::int64_t>(out_->offsets.size()) - 1;
    read_pairs();
    labels_ = read_raw_labels(reader_, "labels", options_);
    check_labels_shape("labels");

    const bool two = reader_.has("observations") && !reader_.has("features");
    const char* keys[2] = {two ? "observations" : "features", "actions"};
    std::vector<NpyStream> streams;
    for (int i = 0; i < (two ? 2 : 1); ++i) {
      streams.push_back(reader_.open(keys[i]));
      const std::vector<std::int64_t>& shape = streams.back().header().shape;
      if (shape.size() != 2 || shape[1] < 1)
        fail(fmt::format("{} has the shape {}, not [num_steps, width] with width >= 1", where(keys[i]),
                         files::format_shape(shape)));
      if (shape[0] != streams.front().header().shape[0])
        fail(fmt::format("{} has {} rows, {} has {}", where(keys[i]), shape[0], keys[0], streams.front().header().shape[0]));
    }
    out_->num_steps = streams.front().header().shape[0];
    check_offsets();
    out_->dtype = DType::f16;
    for (const NpyStream& stream : streams) note_type(stream);
    FeatureTensor* tensors[2] = {&out_->first, &out_->second};
    for (std::size_t i = 0; i < streams.size(); ++i) {
      FeatureTensor& tensor = *tensors[i];
      tensor.width = streams[i].header().shape[1];
      tensor.data = Buffer(out_->num_steps * tensor.width * size_of(out_->dtype));
      files::read_features(streams[i], out_->dtype, tensor.data.data(), out_->num_steps * tensor.width);
      if (options_.allow_nonfinite_features) continue;
      check_finite(tensor, out_->dtype, out_->offsets.front(), out_->offsets.back() - out_->offsets.front(),
                   [&](std::int64_t step_idx, std::int64_t column) {
                     return fmt::format("{}[{}, {}]", where(keys[i]), step_idx, column);
                   });
    }
  }

  void read_pairs() {
    if (!reader_.has("pairs")) {
      if (out_->num_segments % 2 != 0)
        fail(fmt::format("{}: without 'pairs' the number of segments ({}) must be even", reader_.path(), out_->num_segments));
      out_->num_pairs = out_->num_segments / 2;
      out_->pairs.resize(static_cast<std::size_t>(out_->num_segments));
      for (std::size_t i = 0; i < out_->pairs.size(); ++i) out_->pairs[i] = static_cast<std::int64_t>(i);
      return;
    }
    NpyStream stream = reader_.open("pairs");
    const std::vector<std::int64_t> shape = stream.header().shape;
    if (shape.size() != 2 || shape[1] != 2)
      fail(fmt::format("{} has the shape {}, not [num_pairs, 2]", where("pairs"), files::format_shape(shape)));
    out_->num_pairs = shape[0];
    out_->pairs = files::to_integers(files::read_all(stream), where("pairs"));
    for (std::size_t i = 0; i < out_->pairs.size(); ++i)
      if (out_->pairs[i] < 0 || out_->pairs[i] >= out_->num_segments)
        fail(fmt::format("{}[{}, {}] = {} is outside [0, {}) (num_segments)", where("pairs"), i / 2,
                         i % 2 == 0 ? "first" : "second", out_->pairs[i], out_->num_segments));
  }

  void check_offsets() const {
    for (std::size_t i = 0; i < out_->offsets.size(); ++i) {
      const std::int64_t offset = out_->offsets[i];
      if (offset < 0 || offset > out_->num_steps)
        fail(fmt::format("{}[{}] = {} is outside [0, {}] (num_steps)", where("offsets"), i, offset, out_->num_steps));
      if (i > 0 && offset < out_->offsets[i - 1])
        fail(fmt::format("{}[{}] = {} is less than the offset before it, {}", where("offsets"), i, offset, out_->offsets[i - 1]));
    }
  }

  void read_paired() {
    labels_ = read_raw_labels(reader_, "label", options_);
    std::vector<NpyStream> streams;  // obs_1, obs_2, action_1, action_2
    const bool actions = reader_.has("action_1") || reader_.has("action_2");
    const char* keys[4] = {"obs_1", "obs_2", "action_1", "action_2"};
    for (int i = 0; i < (actions ? 4 : 2); ++i) {
      streams.push_back(reader_.open(keys[i]));
      const std::vector<std::int64_t>& shape = streams.back().header().shape;
      if (shape.size() != 3 || shape[1] < 1 || shape[2] < 1)
        fail(fmt::format("{} has the shape {}, not [num_pairs, length, width] with length and width >= 1", where(keys[i]),
                         files::format_shape(shape)));
      const NpyHeader& first = streams.front().header();
      const std::int64_t width = streams[static_cast<std::size_t>(i) / 2 * 2].header().shape[2];
      expect_shape(streams.back().header(), where(keys[i]), {first.shape[0], first.shape[1], width}, "(as obs_1, action_1)");
    }
    const std::int64_t length = streams.front().header().shape[1];
    out_->num_pairs = streams.front().header().shape[0];
    check_labels_shape("label");
    out_->num_segments = 2 * out_->num_pairs;
    out_->num_steps = out_->num_segments * length;
    make_windows(length);
    out_->dtype = DType::f16;
    for (const NpyStream& stream : streams) note_type(stream);
    FeatureTensor* tensors[2] = {&out_->first, &out_->second};
    for (std::size_t i = 0; i < streams.size(); ++i) {
      FeatureTensor& tensor = *tensors[i / 2];
      const std::int64_t side = static_cast<std::int64_t>(i) % 2, side_steps = out_->num_pairs * length;
      tensor.width = streams[i].header().shape[2];
      if (side == 0) tensor.data = Buffer(out_->num_steps * tensor.width * size_of(out_->dtype));
      files::read_features(streams[i], out_->dtype, tensor.data.data() + side * side_steps * tensor.width * size_of(out_->dtype),
                           side_steps * tensor.width);
      if (options_.allow_nonfinite_features) continue;
      for (std::int64_t pair_idx = 0; pair_idx < out_->num_pairs; ++pair_idx) {
        const auto segment_idx = static_cast<std::size_t>(side * out_->num_pairs + pair_idx);
        const std::int64_t begin = out_->begins[segment_idx];
        check_finite(tensor, out_->dtype, begin, out_->lengths[segment_idx], [&](std::int64_t step_idx, std::int64_t column) {
          return fmt::format("{}[{}, {}, {}]", where(keys[i]), pair_idx, step_idx - begin, column);
        });
      }
    }
  }

  void make_windows(std::int64_t length) {
    const auto num_segments = static_cast<std::size_t>(out_->num_segments), num_pairs = num_segments / 2;
    out_->begins.resize(num_segments);
    out_->lengths.assign(num_segments, length);
    out_->pairs.resize(num_segments);
    for (std::size_t segment_idx = 0; segment_idx < num_segments; ++segment_idx)
      out_->begins[segment_idx] = static_cast<std::int64_t>(segment_idx) * length;
    for (std::size_t pair_idx = 0; pair_idx < num_pairs; ++pair_idx) {
      out_->pairs[2 * pair_idx] = static_cast<std::int64_t>(pair_idx);
      out_->pairs[2 * pair_idx + 1] = static_cast<std::int64_t>(num_pairs + pair_idx);
    }
    for (std::size_t side = 0; side < 2; ++side) {
      const std::string key = side == 0 ? "length_1" : "length_2";
      if (!reader_.has(key)) continue;
      NpyStream stream = reader_.open(key);
      expect_shape(stream.header(), where(key), {out_->num_pairs}, "(num_pairs)");
      const std::vector<std::int64_t> lengths = files::to_integers(files::read_all(stream), where(key));
      for (std::size_t i = 0; i < num_pairs; ++i) {
        if (lengths[i] < 0 || lengths[i] > length)
          fail(fmt::format("{}[{}] = {} is outside [0, {}] (the length of obs_1)", where(key), i, lengths[i], length));
        out_->lengths[side * num_pairs + i] = lengths[i];
      }
    }
  }

  NpzReader reader_;
  DatasetOptions options_;
  std::unique_ptr<Target> out_ = std::make_unique<Target>();
  std::optional<NpyArray> labels_;
};

PreferenceDataset PreferenceDataset::load(const std::string& path, const DatasetOptions& options) {
  return PreferenceDataset(DatasetReader<Data>(path, options).read());
}

PreferenceDataset::PreferenceDataset(std::unique_ptr<Data> data) : data_(std::move(data)) {}
PreferenceDataset::PreferenceDataset(PreferenceDataset&&) noexcept = default;
PreferenceDataset& PreferenceDataset::operator=(PreferenceDataset&&) noexcept = default;
PreferenceDataset::~PreferenceDataset() = default;

std::int64_t PreferenceDataset::num_steps() const { return data_->num_steps; }
std::int64_t PreferenceDataset::num_segments() const { return data_->num_segments; }
std::int64_t PreferenceDataset::num_pairs() const { return data_->num_pairs; }
std::int64_t PreferenceDataset::feature_dim() const { return data_->first.width + data_->second.width; }
DType PreferenceDataset::feature_dtype() const { return data_->dtype; }
bool PreferenceDataset::features_narrowed() const { return data_->narrowed; }
bool PreferenceDataset::paired() const { return data_->paired; }

std::int64_t PreferenceDataset::longest_segment() const {
  std::int64_t longest = 0;
  for (const std::int64_t length : data_->lengths) longest = std::max(longest, length);
  for (std::size_t i = 1; i < data_->offsets.size(); ++i) longest = std::max(longest, data_->offsets[i] - data_->offsets[i - 1]);
  return longest;
}

Features PreferenceDataset::features() const {
  Features result;
  result.first = tensor_view(data_->first.data.data(), data_->dtype, {data_->num_steps, data_->first.width});
  if (data_->second.width > 0)
    result.second = tensor_view(data_->second.data.data(), data_->dtype, {data_->num_steps, data_->second.width});
  return result;
}

PreferenceBatch PreferenceDataset::batch() const {
  PreferenceBatch result;
  const auto optional_view = [](const auto& values) {
    return values.empty() ? ConstTensorView{} : ConstTensorView(view(values));
  };
  result.offsets = optional_view(data_->offsets);
  result.begins = optional_view(data_->begins);
  result.lengths = optional_view(data_->lengths);
  result.pairs = view(data_->pairs.data(), {data_->num_pairs, 2});
  result.labels = view(data_->labels);
  result.weights = optional_view(data_->weights);
  result.margins = optional_view(data_->margins);
  return result;
}

ConstTensorView PreferenceDataset::true_rewards() const {
  return data_->true_rewards.empty() ? ConstTensorView{} : ConstTensorView(view(data_->true_rewards));
}
ConstTensorView PreferenceDataset::split() const {
  return data_->split.empty() ? ConstTensorView{} : ConstTensorView(view(data_->split));
}
ConstTensorView PreferenceDataset::pair_kind() const {
  return data_->pair_kind.empty() ? ConstTensorView{} : ConstTensorView(view(data_->pair_kind));
}
ConstTensorView PreferenceDataset::clean_labels() const {
  return data_->clean_labels.empty() ? ConstTensorView{} : ConstTensorView(view(data_->clean_labels));
}

struct StepStream::Data {
  std::optional<NpzReader> archive;
  std::vector<NpyStream> streams;  // one, or observations and actions
  std::vector<Buffer> chunks;
  DType dtype = DType::f16;
  std::int64_t num_steps = 0, position = 0, chunk_rows = 0;
};

StepStream::StepStream(StepStream&&) noexcept = default;
StepStream& StepStream::operator=(StepStream&&) noexcept = default;
StepStream::~StepStream() = default;

StepStream::StepStream(const std::string& path) : data_(std::make_unique<Data>()) {
  if (files::is_npy(path)) {
    data_->streams.push_back(files::open_npy(path));
  } else {
    data_->archive.emplace(path);
    const bool two = data_->archive->has("observations") && !data_->archive->has("features");
    data_->streams.push_back(data_->archive->open(two ? "observations" : "features"));
    if (two) data_->streams.push_back(data_->archive->open("actions"));
  }
  for (const NpyStream& stream : data_->streams) {
    const NpyHeader& header = stream.header();
    if (header.shape.size() != 2 || header.shape[1] < 1)
      fail(fmt::format("{} has the shape {}, not [num_steps, width] with width >= 1", stream.where(),
                       files::format_shape(header.shape)));
    if (header.fortran_order)
      fail(fmt::format("{}: is in Fortran order and cannot be read in pieces; save np.ascontiguousarray(array)", stream.where()));
    if (header.shape[0] != data_->streams.front().header().shape[0])
      fail(fmt::format("{} has {} rows, the observations have {}", stream.where(), header.shape[0],
                       data_->streams.front().header().shape[0]));
    if (files::feature_dtype_of(header.type) == DType::f32) data_->dtype = DType::f32;
  }
  data_->num_steps = data_->streams.front().header().shape[0];
}

std::int64_t StepStream::num_steps() const { return data_->num_steps; }
DType StepStream::feature_dtype() const { return data_->dtype; }

std::int64_t StepStream::feature_dim() const {
  std::int64_t result = 0;
  for (const NpyStream& stream : data_->streams) result += stream.header().shape[1];
  return result;
}

Features StepStream::next(std::int64_t max_rows) {
  if (max_rows < 1) throw Error(ErrorCode::invalid_argument, fmt::format("max_rows = {} is less than 1", max_rows));
  const std::int64_t num_rows = std::min(max_rows, data_->num_steps - data_->position);
  if (num_rows == 0) return {};
  if (num_rows > data_->chunk_rows) {
    data_->chunks.clear();
    for (const NpyStream& stream : data_->streams)
      data_->chunks.emplace_back(num_rows * stream.header().shape[1] * size_of(data_->dtype));
    data_->chunk_rows = num_rows;
  }
  Features result;
  for (std::size_t i = 0; i < data_->streams.size(); ++i) {
    const std::int64_t width = data_->streams[i].header().shape[1];
    files::read_features(data_->streams[i], data_->dtype, data_->chunks[i].data(), num_rows * width);
    (i == 0 ? result.first : result.second) = tensor_view(data_->chunks[i].data(), data_->dtype, {num_rows, width});
  }
  data_->position += num_rows;
  return result;
}

}  // namespace segpref
