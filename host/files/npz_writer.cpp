// A zip archive of stored members. libzip pulls each member from front to back while it closes the archive; predictions arrive
// in pieces of several arrays at once, so the archive is laid out here: sizes are known, checksums are filled in at the end.
// Source  APPNOTE.TXT 6.3.10 (PKWARE), sections 4.3 to 4.5.
#include "segpref/npz_writer.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "host/files/crc32.hpp"
#include "host/files/file_io.hpp"
#include "host/files/npy_header.hpp"
#include "segpref/error.hpp"

namespace segpref {
namespace {

using namespace files;

constexpr std::int64_t zip32_limit = 0xffffffff;
constexpr std::int64_t data_alignment = 64;
constexpr std::int64_t local_header_bytes = 30, zip64_local_bytes = 20;
constexpr std::uint16_t alignment_extra_id = 0xd935;  // the extra field that Android's zipalign pads with

class Record {
 public:
  Record& u16(std::int64_t value) { return put(value, 2); }
  Record& u32(std::int64_t value) { return put(value, 4); }
  Record& u64(std::int64_t value) { return put(value, 8); }
  Record& text(const std::string& value) {
    bytes_ += value;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  Record& put(std::int64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_ += static_cast<char>(value >> (8 * i) & 255);
    return *this;
  }
  std::string bytes_;
};

struct Member {
  std::string name, npy_header;
  DType dtype = DType::f32;
  std::int64_t num_elements = 0;
  std::int64_t header_begin = 0, header_extra = 0, content_begin = 0, content_bytes = 0;
  std::uint32_t crc = 0;

  std::int64_t data_begin() const { return content_begin + static_cast<std::int64_t>(npy_header.size()); }
};

NpyType npy_type_of(const NpzArray& array) {
  switch (array.dtype) {
    case DType::f32:
      return NpyType::f32;
    case DType::f64:
      return NpyType::f64;
    case DType::f16:
      return NpyType::f16;
    case DType::i32:
      return NpyType::i32;
    case DType::i64:
      return NpyType::i64;
    case DType::bf16:
      break;
  }
  throw Error(ErrorCode::invalid_type, fmt::format("array '{}': NumPy has no bf16; write f32", array.key));
}

// Sizes stand in the zip64 extra field of every member: one layout for all, read by NumPy, Python and libzip.
Record local_header(const Member& member) {
  Record record;
  record.u32(0x04034b50).u16(45).u16(0).u16(0).u16(0).u16(0x21).u32(member.crc).u32(zip32_limit).u32(zip32_limit);
  record.u16(static_cast<std::int64_t>(member.name.size())).u16(member.header_extra).text(member.name);
  record.u16(1).u16(16).u64(member.content_bytes).u64(member.content_bytes);
  const std::int64_t padding = member.header_extra - zip64_local_bytes;
  if (padding > 0) record.u16(alignment_extra_id).u16(padding - 4).text(std::string(static_cast<std::size_t>(padding - 4), '\0'));
  return record;
}

Record central_header(const Member& member) {
  Record record;
  record.u32(0x02014b50).u16(45).u16(45).u16(0).u16(0).u16(0).u16(0x21).u32(member.crc).u32(zip32_limit).u32(zip32_limit);
  record.u16(static_cast<std::int64_t>(member.name.size()))
      .u16(28)
      .u16(0)
      .u16(0)
      .u16(0)
      .u32(0)
      .u32(zip32_limit)
      .text(member.name);
  record.u16(1).u16(24).u64(member.content_bytes).u64(member.content_bytes).u64(member.header_begin);
  return record;
}

}  // namespace

struct NpzWriter::Data {
  explicit Data(const std::string& file_path) : path(file_path), file(file_path) {}
  std::string path;
  AtomicFile file;
  std::vector<Member> members;
  std::int64_t directory_begin = 0;
  bool committed = false;
};

NpzWriter::NpzWriter(NpzWriter&&) noexcept = default;
NpzWriter& NpzWriter::operator=(NpzWriter&&) noexcept = default;
NpzWriter::~NpzWriter() = default;

NpzWriter::NpzWriter(const std::string& path, std::vector<NpzArray> arrays) {
  std::vector<Member> members;
  std::set<std::string> keys;
  std::int64_t position = 0;
  if (arrays.size() > 65000)
    throw Error(ErrorCode::invalid_argument, fmt::format("{} arrays are more than 65000", arrays.size()));
  for (const NpzArray& array : arrays) {
    if (array.key.empty() || array.key.size() > 1000 || !keys.insert(array.key).second)
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("the key '{}' is empty, longer than 1000 bytes or given twice", array.key));
    Member member;
    const NpyType type = npy_type_of(array);
    member.name = array.key + ".npy";
    member.dtype = array.dtype;
    std::int64_t bytes = size_of(array.dtype);
    for (const std::int64_t extent : array.shape)
      if (extent < 0 || (extent > 0 && __builtin_mul_overflow(bytes, extent, &bytes)) || bytes > std::int64_t{1} << 60)
        throw Error(ErrorCode::invalid_argument,
                    fmt::format("array '{}': the shape {} is negative or too large", array.key, format_shape(array.shape)));
    member.num_elements = NpyHeader{type, false, array.shape}.num_elements();
    member.npy_header = format_npy_header(type, array.shape);
    member.content_bytes = static_cast<std::int64_t>(member.npy_header.size()) + member.num_elements * size_of(array.dtype);
    member.header_begin = position;
    const std::int64_t unpadded =
        position + local_header_bytes + static_cast<std::int64_t>(member.name.size()) + zip64_local_bytes;
    std::int64_t padding = (data_alignment - unpadded % data_alignment) % data_alignment;
    if (padding > 0 && padding < 4) padding += data_alignment;  // an extra field has a header of four bytes
    member.header_extra = zip64_local_bytes + padding;
    member.content_begin = unpadded + padding;
    position = member.content_begin + member.content_bytes;
    members.push_back(std::move(member));
  }
  data_ = std::make_unique<Data>(path);
  data_->members = std::move(members);
  data_->directory_begin = position;
  data_->file.resize(position);
  for (const Member& member : data_->members)
    data_->file.write_at(member.content_begin, member.npy_header.data(), static_cast<std::int64_t>(member.npy_header.size()));
}

void NpzWriter::write(std::int64_t array_idx, std::int64_t first, const void* elements, std::int64_t count) {
  if (!data_ || data_->committed) throw Error(ErrorCode::invalid_argument, "NpzWriter: write after commit");
  if (array_idx < 0 || array_idx >= static_cast<std::int64_t>(data_->members.size()))
    throw Error(ErrorCode::invalid_argument, fmt::format("array_idx = {} is outside [0, {})", array_idx, data_->members.size()));
  const Member& member = data_->members[static_cast<std::size_t>(array_idx)];
  if (first < 0 || count < 0 || first > member.num_elements || count > member.num_elements - first)
    throw Error(ErrorCode::invalid_argument, fmt::format("{}: elements [{}, {} + {}) are outside [0, {})", member.name, first,
                                                         first, count, member.num_elements));
  data_->file.write_at(member.data_begin() + first * size_of(member.dtype), elements, count * size_of(member.dtype));
}

void NpzWriter::commit() {
  if (!data_ || data_->committed) throw Error(ErrorCode::invalid_argument, "NpzWriter: committed before");
  Record directory;
  std::vector<char> piece(std::size_t{1} << 20);
  for (Member& member : data_->members) {
    std::int64_t begin = member.content_begin;
    const std::int64_t end = begin + member.content_bytes;
    while (begin < end) {
      const std::int64_t bytes = std::min(end - begin, static_cast<std::int64_t>(piece.size()));
      data_->file.read_at(begin, piece.data(), bytes);
      member.crc = crc32(member.crc, piece.data(), static_cast<std::size_t>(bytes));
      begin += bytes;
    }
    const Record header = local_header(member);
    data_->file.write_at(member.header_begin, header.bytes().data(), static_cast<std::int64_t>(header.bytes().size()));
    directory.text(central_header(member).bytes());
  }
  const auto directory_bytes = static_cast<std::int64_t>(directory.bytes().size());
  const auto num_members = static_cast<std::int64_t>(data_->members.size());
  const std::int64_t directory_end = data_->directory_begin + directory_bytes;
  directory.u32(0x06064b50).u64(44).u16(45).u16(45).u32(0).u32(0).u64(num_members).u64(num_members).u64(directory_bytes);
  directory.u64(data_->directory_begin).u32(0x07064b50).u32(0).u64(directory_end).u32(1);
  directory.u32(0x06054b50).u16(0).u16(0).u16(0xffff).u16(0xffff).u32(zip32_limit).u32(zip32_limit).u16(0);
  data_->file.write_at(data_->directory_begin, directory.bytes().data(), static_cast<std::int64_t>(directory.bytes().size()));
  data_->committed = true;
  data_->file.commit();
}

}  // namespace segpref
