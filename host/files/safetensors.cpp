// The safetensors format: 8 bytes of header length, a JSON header, the tensors' bytes without gaps.
// Source  https://github.com/huggingface/safetensors (format description in the README).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "host/files/file_io.hpp"
#include "host/files/npy_header.hpp"
#include "segpref/model_file.hpp"

namespace segpref {
namespace {

using files::format_shape;
using nlohmann::json;

constexpr std::int64_t max_header_bytes = 100'000'000;
constexpr std::size_t max_tensor_rank = 32;
constexpr int max_header_depth = 4;  // header, tensor, shape: deeper nesting is not this format

struct TypeRow {
  FileDType dtype;
  const char* name;
  std::int64_t bytes;
};
constexpr TypeRow type_rows[] = {{FileDType::f32, "F32", 4},   {FileDType::f64, "F64", 8}, {FileDType::f16, "F16", 2},
                                 {FileDType::bf16, "BF16", 2}, {FileDType::i32, "I32", 4}, {FileDType::i64, "I64", 8},
                                 {FileDType::u8, "U8", 1}};

const TypeRow& row_of(FileDType dtype) { return *std::ranges::find(type_rows, dtype, &TypeRow::dtype); }

std::optional<std::int64_t> bytes_of(FileDType dtype, const std::vector<std::int64_t>& shape) {
  std::int64_t bytes = row_of(dtype).bytes;
  bool empty = false;
  for (const std::int64_t extent : shape) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) empty = true;
    if (extent > 0 && __builtin_mul_overflow(bytes, extent, &bytes)) return std::nullopt;
  }
  return empty ? 0 : bytes;
}

// Keys and strings come from a stranger's file and go into messages.
std::string printable(const std::string& text) {
  std::string result;
  for (const char c : text.substr(0, 80)) result += c >= ' ' && c <= '~' ? c : '?';
  return result;
}

class Reader {
 public:
  explicit Reader(const std::string& path) : file_(path) {}

  TensorFile read() {
    const json header = read_header();
    TensorFile result;
    std::vector<std::pair<std::int64_t, std::string>> order;
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        read_metadata(entry, result);
        continue;
      }
      result.tensors[name] = describe(name, entry);
      order.emplace_back(begin_, name);
      ends_[name] = end_;
    }
    // Without gaps and overlaps, empty tensors first where begins are equal.
    std::ranges::sort(order, [&](const auto& a, const auto& b) {
      return std::pair(a.first, ends_[a.second]) < std::pair(b.first, ends_[b.second]);
    });
    std::int64_t expected = 0;
    for (const auto& [begin, name] : order) {
      if (begin != expected)
        fail(fmt::format("tensor '{}' begins at byte {} of the data, not at {} (a gap or an overlap)", printable(name), begin,
                         expected));
      expected = ends_[name];
    }
    if (expected != data_bytes_)
      fail(fmt::format("the tensors end at byte {} of the data, the file at {}", expected, data_bytes_));
    for (const auto& [begin, name] : order) {
      FileTensor& tensor = result.tensors[name];
      tensor.bytes.resize(static_cast<std::size_t>(ends_[name] - begin));
      file_.read_at(data_begin_ + begin, tensor.bytes.data(), ends_[name] - begin);
    }
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(ErrorCode::bad_data, fmt::format("{}: is not a valid safetensors file: {}", file_.path(), reason));
  }

  json read_header() {
    if (file_.size() < 8) fail(fmt::format("{} bytes are too few", file_.size()));
    std::array<unsigned char, 8> length_bytes{};
    file_.read_at(0, length_bytes.data(), 8);
    std::uint64_t length = 0;
    for (int i = 0; i < 8; ++i) length |= std::uint64_t{length_bytes[static_cast<std::size_t>(i)]} << (8 * i);
    if (length > static_cast<std::uint64_t>(max_header_bytes) || length > static_cast<std::uint64_t>(file_.size() - 8))
      fail(fmt::format("the header of {} bytes is longer than the file or than {}", length, max_header_bytes));
    std::string text(length, '\0');
    file_.read_at(8, text.data(), static_cast<std::int64_t>(length));
    data_begin_ = 8 + static_cast<std::int64_t>(length);
    data_bytes_ = file_.size() - data_begin_;
    if (!text.starts_with('{')) fail("the header does not begin with '{'");
    bool too_deep = false, repeated = false;
    std::vector<std::set<std::string>> keys;
    const json header = json::parse(
        text,
        [&](int depth, json::parse_event_t event, json& value) {
          if (depth > max_header_depth) too_deep = true;
          if (event == json::parse_event_t::object_start) keys.emplace_back();
          if (event == json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
          if (event == json::parse_event_t::key && !keys.empty() && !keys.back().insert(value.get<std::string>()).second)
            repeated = true;
          return !too_deep;
        },
        /*allow_exceptions=*/false);
    if (too_deep) fail("the header is nested too deeply");
    if (repeated) fail("the header has a name twice");
    if (!header.is_object()) fail("the header is not a JSON object");
    return header;
  }

  void read_metadata(const json& entry, TensorFile& result) const {
    if (!entry.is_object()) fail("__metadata__ is not an object");
    for (const auto& [name, value] : entry.items()) {
      if (!value.is_string()) fail(fmt::format("metadata '{}' is not a string", printable(name)));
      result.metadata[name] = value.get<std::string>();
    }
  }

  FileTensor describe(const std::string& name, const json& entry) {
    const auto wrong = [&](const std::string& reason) { fail(fmt::format("tensor '{}': {}", printable(name), reason)); };
    if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry.contains("shape") ||
        !entry.contains("data_offsets"))
      wrong("its entry is not exactly dtype, shape and data_offsets");
    FileTensor tensor;
    const json& dtype = entry["dtype"];
    const auto row = std::ranges::find_if(
        type_rows, [&](const TypeRow& r) { return dtype.is_string() && dtype.get<std::string>() == r.name; });
    if (row == std::end(type_rows)) wrong("its dtype is not one of F32, F64, F16, BF16, I32, I64, U8");
    tensor.dtype = row->dtype;
    const json& shape = entry["shape"];
    if (!shape.is_array() || shape.size() > max_tensor_rank) wrong("its shape is not an array of at most 32 sizes");
    for (const json& extent : shape) tensor.shape.push_back(natural(extent, wrong));
    const json& offsets = entry["data_offsets"];
    if (!offsets.is_array() || offsets.size() != 2) wrong("its data_offsets are not two numbers");
    begin_ = natural(offsets[0], wrong);
    end_ = natural(offsets[1], wrong);
    if (begin_ > end_ || end_ > data_bytes_)
      wrong(fmt::format("its data_offsets [{}, {}) are outside [0, {})", begin_, end_, data_bytes_));
    const std::optional<std::int64_t> bytes = bytes_of(tensor.dtype, tensor.shape);
    if (!bytes || *bytes != end_ - begin_)
      wrong(fmt::format("its shape {} of {} does not have the {} bytes of its data_offsets", format_shape(tensor.shape),
                        row->name, end_ - begin_));
    return tensor;
  }

  static std::int64_t natural(const json& value, const auto& wrong) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))
      wrong("a size or offset is not an integer in [0, 2^63)");
    return value.get<std::int64_t>();
  }

  files::InputFile file_;
  std::int64_t data_begin_ = 0, data_bytes_ = 0;
  std::int64_t begin_ = 0, end_ = 0;  // data_offsets of the entry described last
  std::map<std::string, std::int64_t> ends_;
};

const char* lower_name(FileDType dtype) {
  switch (dtype) {
    case FileDType::f32:
      return "f32";
    case FileDType::f64:
      return "f64";
    case FileDType::f16:
      return "f16";
    case FileDType::bf16:
      return "bf16";
    case FileDType::i32:
      return "i32";
    case FileDType::i64:
      return "i64";
    case FileDType::u8:
      return "u8";
  }
  return "unknown";
}

}  // namespace

const FileTensor& TensorFile::find(const std::string& name, FileDType dtype) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw Error(ErrorCode::bad_data, fmt::format("tensor '{}' is missing", name));
  if (found->second.dtype != dtype)
    throw Error(ErrorCode::bad_data,
                fmt::format("tensor '{}' is {}, not {}", name, lower_name(found->second.dtype), lower_name(dtype)));
  return found->second;
}

const std::string& TensorFile::metadata_at(const std::string& name) const {
  const auto found = metadata.find(name);
  if (found == metadata.end()) throw Error(ErrorCode::bad_data, fmt::format("metadata '{}' is missing", name));
  return found->second;
}

void save_tensors(const std::string& path, const TensorFile& file) {
  json header = json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  // Wider elements first: every tensor is aligned to its element, as readers that map the file want.
  std::vector<const std::pair<const std::string, FileTensor>*> order;
  for (const auto& entry : file.tensors) {
    if (entry.first == "__metadata__") throw Error(ErrorCode::invalid_argument, "a tensor cannot be named __metadata__");
    const std::optional<std::int64_t> bytes = bytes_of(entry.second.dtype, entry.second.shape);
    if (!bytes || *bytes != static_cast<std::int64_t>(entry.second.bytes.size()))
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("tensor '{}': its shape {} of {} does not have its {} bytes", entry.first,
                              format_shape(entry.second.shape), lower_name(entry.second.dtype), entry.second.bytes.size()));
    order.push_back(&entry);
  }
  std::ranges::sort(order, [](const auto* a, const auto* b) {
    return std::pair(-row_of(a->second.dtype).bytes, a->first) < std::pair(-row_of(b->second.dtype).bytes, b->first);
  });
  std::int64_t position = 0;
  for (const auto* entry : order) {
    const auto bytes = static_cast<std::int64_t>(entry->second.bytes.size());
    header[entry->first] = {{"dtype", row_of(entry->second.dtype).name},
                            {"shape", entry->second.shape},
                            {"data_offsets", {position, position + bytes}}};
    position += bytes;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception&) {
    throw Error(ErrorCode::invalid_argument, "a tensor's name or a metadata string is not UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (static_cast<std::int64_t>(text.size()) > max_header_bytes)
    throw Error(ErrorCode::invalid_argument,
                fmt::format("the header of {} bytes is longer than {}", text.size(), max_header_bytes));
  std::array<unsigned char, 8> length{};
  for (int i = 0; i < 8; ++i) length[static_cast<std::size_t>(i)] = static_cast<unsigned char>(text.size() >> (8 * i) & 255);

  files::AtomicFile out(path);
  out.write_at(0, length.data(), 8);
  out.write_at(8, text.data(), static_cast<std::int64_t>(text.size()));
  std::int64_t offset = 8 + static_cast<std::int64_t>(text.size());
  for (const auto* entry : order) {
    out.write_at(offset, entry->second.bytes.data(), static_cast<std::int64_t>(entry->second.bytes.size()));
    offset += static_cast<std::int64_t>(entry->second.bytes.size());
  }
  out.commit();
}

TensorFile load_tensors(const std::string& path) { return Reader(path).read(); }

}  // namespace segpref
