#include "host/files/npz_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zip.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "host/files/file_io.hpp"
#include "segpref/error.hpp"

namespace segpref::files {
namespace {

// A small file cannot make us take much memory: all members read from an archive together may hold this much, plus this many
// times the archive's size. Deflate reaches a factor of 1032 on constant data; real arrays stay under 10.
constexpr std::int64_t free_bytes = std::int64_t{64} << 20;
constexpr std::int64_t most_expansion = 250;
constexpr std::int64_t max_members = 65536;

}  // namespace

class NpyStream::Source {
 public:
  virtual ~Source() = default;
  /// Up to `bytes`; 0 at the end.
  virtual std::int64_t read(void* out, std::int64_t bytes) = 0;
};

namespace {

struct CloseMember {
  void operator()(zip_file* member) const { zip_fclose(member); }
};

// Elements in Fortran order to row-major order.
template <typename Element>
void transpose(const NpyHeader& header, const std::byte* in, std::byte* out) {
  const std::size_t rank = header.shape.size();
  const std::int64_t num_elements = header.num_elements();
  std::array<std::int64_t, max_npy_rank> index{}, stride{1};
  for (std::size_t axis = 1; axis < rank; ++axis) stride[axis] = stride[axis - 1] * header.shape[axis - 1];
  std::int64_t from = 0;
  for (std::int64_t to = 0; to < num_elements; ++to) {
    std::memcpy(out + to * static_cast<std::int64_t>(sizeof(Element)), in + from * static_cast<std::int64_t>(sizeof(Element)),
                sizeof(Element));
    for (std::size_t axis = rank; axis-- > 0;) {
      from += stride[axis];
      if (++index[axis] < header.shape[axis]) break;
      from -= stride[axis] * header.shape[axis];
      index[axis] = 0;
    }
  }
}

class FileSource final : public NpyStream::Source {
 public:
  explicit FileSource(const std::string& path) : file_(path) {}
  std::int64_t size() const { return file_.size(); }
  std::int64_t read(void* out, std::int64_t bytes) override {
    bytes = std::min(bytes, file_.size() - position_);
    file_.read_at(position_, out, bytes);
    position_ += bytes;
    return bytes;
  }

 private:
  InputFile file_;
  std::int64_t position_ = 0;
};

class MemberSource final : public NpyStream::Source {
 public:
  MemberSource(zip* archive, std::uint64_t index, const std::string& where) : where_(where) {
    member_.reset(zip_fopen_index(archive, index, 0));
    if (!member_) throw Error(ErrorCode::bad_data, fmt::format("{}: cannot be opened: {}", where, zip_strerror(archive)));
  }
  std::int64_t read(void* out, std::int64_t bytes) override {
    const std::int64_t got = zip_fread(member_.get(), out, static_cast<zip_uint64_t>(bytes));
    if (got < 0)
      throw Error(ErrorCode::bad_data, fmt::format("{}: the member is damaged: {}", where_, zip_file_strerror(member_.get())));
    return got;
  }

 private:
  std::unique_ptr<zip_file, CloseMember> member_;
  std::string where_;
};

}  // namespace

NpyStream::NpyStream(NpyStream&&) noexcept = default;
NpyStream& NpyStream::operator=(NpyStream&&) noexcept = default;
NpyStream::~NpyStream() = default;

NpyStream::NpyStream(std::unique_ptr<Source> source, std::string where, std::int64_t total_bytes)
    : source_(std::move(source)), where_(std::move(where)) {
  std::array<char, npy_preamble_bytes> first{};
  if (total_bytes < npy_preamble_bytes)
    throw Error(ErrorCode::bad_data, fmt::format("{}: is not a .npy array ({} bytes are too few)", where_, total_bytes));
  read_bytes(first.data(), npy_preamble_bytes);
  const NpyPreamble preamble = parse_npy_preamble(first, where_);
  const std::int64_t data_begin = preamble.text_begin + preamble.text_bytes;
  if (data_begin < npy_preamble_bytes || data_begin > total_bytes)
    throw Error(ErrorCode::bad_data, fmt::format("{}: the .npy header ends at byte {} of {}", where_, data_begin, total_bytes));
  std::string text(first.data() + preamble.text_begin, first.data() + npy_preamble_bytes);
  const std::size_t already = text.size();
  text.resize(static_cast<std::size_t>(preamble.text_bytes));
  read_bytes(text.data() + already, preamble.text_bytes - static_cast<std::int64_t>(already));
  header_ = parse_npy_header(text, where_);
  if (header_.data_bytes() != total_bytes - data_begin)
    throw Error(ErrorCode::bad_data, fmt::format("{}: the header says {} bytes of data (shape {}), the file holds {}", where_,
                                                 header_.data_bytes(), format_shape(header_.shape), total_bytes - data_begin));
  remaining_ = header_.num_elements();
}

void NpyStream::read_bytes(void* out, std::int64_t bytes) {
  char* cursor = static_cast<char*>(out);
  while (bytes > 0) {
    const std::int64_t got = source_->read(cursor, std::min(bytes, std::int64_t{1} << 24));
    if (got == 0) throw Error(ErrorCode::bad_data, fmt::format("{}: the data end {} bytes too early", where_, bytes));
    cursor += got;
    bytes -= got;
  }
}

void NpyStream::read(void* out, std::int64_t num_elements) {
  if (num_elements < 0 || num_elements > remaining_)
    throw Error(ErrorCode::internal, fmt::format("{}: read of {} elements where {} remain", where_, num_elements, remaining_));
  read_bytes(out, num_elements * size_of(header_.type));
  remaining_ -= num_elements;
  if (remaining_ > 0) return;
  char extra = 0;  // the read at the end is also the one that compares the checksum
  if (source_->read(&extra, 1) != 0) throw Error(ErrorCode::bad_data, fmt::format("{}: data follow the array", where_));
}

void NpyStream::read_rows(void* out, std::int64_t num_rows) {
  std::int64_t row_size = 1;
  for (std::size_t axis = 1; axis < header_.shape.size(); ++axis) row_size *= header_.shape[axis];
  read(out, num_rows * row_size);
}

void NpzReader::Close::operator()(zip* archive) const { zip_discard(archive); }
NpzReader::NpzReader(NpzReader&&) noexcept = default;
NpzReader::~NpzReader() = default;

NpzReader::NpzReader(const std::string& path) : path_(path) {
  allowed_bytes_ = free_bytes + most_expansion * InputFile(path).size();
  int code = 0;
  archive_.reset(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (!archive_) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string reason = zip_error_strerror(&error);
    zip_error_fini(&error);
    const bool system = code == ZIP_ER_READ || code == ZIP_ER_OPEN || code == ZIP_ER_MEMORY;
    throw Error(system ? ErrorCode::io : ErrorCode::bad_data,
                fmt::format("{}: is not a readable .npz archive: {}", path, reason));
  }
  const std::int64_t num_members = zip_get_num_entries(archive_.get(), 0);
  if (num_members > max_members)
    throw Error(ErrorCode::bad_data, fmt::format("{}: has {} members, more than {}", path, num_members, max_members));
  for (std::int64_t index = 0; index < num_members; ++index) {
    const char* raw = zip_get_name(archive_.get(), static_cast<zip_uint64_t>(index), 0);
    if (raw == nullptr) throw Error(ErrorCode::bad_data, fmt::format("{}: member {} has no readable name", path, index));
    std::string name = raw;
    if (!name.ends_with(".npy")) continue;  // not an array: of no concern to us
    name.resize(name.size() - 4);
    if (!members_.emplace(name, static_cast<std::uint64_t>(index)).second)
      throw Error(ErrorCode::bad_data, fmt::format("{}: the key '{}' occurs twice", path, name));
  }
}

std::vector<std::string> NpzReader::keys() const {
  std::vector<std::string> result;
  for (const auto& [key, index] : members_) result.push_back(key);
  return result;
}

NpyStream NpzReader::open(const std::string& key) {
  const auto member = members_.find(key);
  if (member == members_.end())
    throw Error(ErrorCode::bad_data, fmt::format("{}: has no array '{}'; it has: {}", path_, key, fmt::join(keys(), ", ")));
  const std::string where = fmt::format("{}: {}", path_, key);
  zip_stat_t status;
  zip_stat_init(&status);
  constexpr zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  if (zip_stat_index(archive_.get(), member->second, 0, &status) != 0 || (status.valid & needed) != needed)
    throw Error(ErrorCode::bad_data, fmt::format("{}: the archive does not say the member's size", where));
  if (status.encryption_method != ZIP_EM_NONE) throw Error(ErrorCode::bad_data, fmt::format("{}: is encrypted", where));
  if (status.comp_method != ZIP_CM_STORE && status.comp_method != ZIP_CM_DEFLATE)
    throw Error(ErrorCode::bad_data,
                fmt::format("{}: compression method {} is neither stored nor deflated", where, status.comp_method));
  if (status.size > static_cast<zip_uint64_t>(allowed_bytes_))
    throw Error(
        ErrorCode::bad_data,
        fmt::format("{}: unpacks to {} bytes, which with the arrays before it is more than {} times the archive's size (a zip "
                    "bomb?); store it uncompressed",
                    where, status.size, most_expansion));
  allowed_bytes_ -= static_cast<std::int64_t>(status.size);
  return NpyStream(std::make_unique<MemberSource>(archive_.get(), member->second, where), where,
                   static_cast<std::int64_t>(status.size));
}

NpyArray NpzReader::read(const std::string& key) {
  NpyStream stream = open(key);
  return read_all(stream);
}

NpyStream open_npy(const std::string& path) {
  auto source = std::make_unique<FileSource>(path);
  const std::int64_t bytes = source->size();
  return NpyStream(std::move(source), path, bytes);
}

bool is_npy(const std::string& path) {
  const InputFile file(path);
  char magic[6] = {};
  if (file.size() < 6) return false;
  file.read_at(0, magic, 6);
  return std::memcmp(magic, "\x93NUMPY", 6) == 0;
}

NpyArray read_all(NpyStream& stream) {
  NpyArray array{stream.header(), Buffer(stream.header().data_bytes())};
  stream.read(array.data.data(), stream.remaining());
  if (!array.header.fortran_order) return array;
  Buffer transposed(array.data.bytes());
  switch (size_of(array.header.type)) {
    case 1:
      transpose<std::uint8_t>(array.header, array.data.data(), transposed.data());
      break;
    case 2:
      transpose<std::uint16_t>(array.header, array.data.data(), transposed.data());
      break;
    case 4:
      transpose<std::uint32_t>(array.header, array.data.data(), transposed.data());
      break;
    default:
      transpose<std::uint64_t>(array.header, array.data.data(), transposed.data());
      break;
  }
  array.header.fortran_order = false;
  array.data = std::move(transposed);
  return array;
}

}  // namespace segpref::files
