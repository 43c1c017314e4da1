// Arrays of an .npz archive: listed, read whole into their final place, or streamed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/files/buffer.hpp"
#include "host/files/npy_header.hpp"

struct zip;
struct zip_file;

namespace segpref::files {

/// An array whose header has been read and whose data are read from front to back.
class NpyStream {
 public:
  class Source;
  NpyStream(NpyStream&&) noexcept;
  NpyStream& operator=(NpyStream&&) noexcept;
  ~NpyStream();

  const std::string& where() const { return where_; }  ///< "file.npz: features", the beginning of messages
  const NpyHeader& header() const { return header_; }
  std::int64_t remaining() const { return remaining_; }  ///< elements not read yet
  /// Reads the next elements as they lie in the file; after the last one it checks that nothing follows and the checksum.
  /// @throws Error(bad_data) when the member ends early or its checksum is wrong
  void read(void* out, std::int64_t num_elements);
  /// The next rows (indices of the first axis).
  void read_rows(void* out, std::int64_t num_rows);

 private:
  friend class NpzReader;
  friend NpyStream open_npy(const std::string& path);
  NpyStream(std::unique_ptr<Source> source, std::string where, std::int64_t total_bytes);
  void read_bytes(void* out, std::int64_t bytes);

  std::unique_ptr<Source> source_;
  std::string where_;
  NpyHeader header_;
  std::int64_t remaining_ = 0;
};

/// A whole array: header and row-major elements (Fortran order has been transposed).
struct NpyArray {
  NpyHeader header;
  Buffer data;
};

/// The archive must outlive its streams. One stream of an archive is read at a time, or several in turn.
class NpzReader {
 public:
  explicit NpzReader(const std::string& path);  ///< @throws Error(io), Error(bad_data)
  NpzReader(NpzReader&&) noexcept;
  ~NpzReader();

  const std::string& path() const { return path_; }
  bool has(const std::string& key) const { return members_.contains(key); }
  std::vector<std::string> keys() const;
  /// @throws Error(bad_data) when the key is missing (its message lists the keys there are) or the header is wrong
  NpyStream open(const std::string& key);
  NpyArray read(const std::string& key);

 private:
  struct Close {
    void operator()(zip* archive) const;
  };
  std::string path_;
  std::unique_ptr<zip, Close> archive_;
  std::map<std::string, std::uint64_t> members_;
  std::int64_t allowed_bytes_ = 0;
};

/// The array of a .npy file.
NpyStream open_npy(const std::string& path);
/// True when the file begins like a .npy.
bool is_npy(const std::string& path);
/// The rest of a stream that has not been read from, whole.
NpyArray read_all(NpyStream& stream);

}  // namespace segpref::files
