// Files of the system: reading at an offset, and writing that appears whole or not at all.
#pragma once

#include <cstdint>
#include <string>

namespace segpref::files {

/// A regular file opened for reading.
class InputFile {
 public:
  explicit InputFile(std::string path);  ///< @throws Error(io)
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile();

  const std::string& path() const { return path_; }
  int descriptor() const { return descriptor_; }
  std::int64_t size() const { return size_; }
  /// Reads exactly `bytes` at `offset`. @throws Error(bad_data) when the file ends before, Error(io)
  void read_at(std::int64_t offset, void* out, std::int64_t bytes) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::int64_t size_ = 0;
};

/// Writes to a temporary file in the target's folder; commit() makes it durable and renames it over the target.
/// Destroyed before commit(), it removes the temporary file.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path);  ///< @throws Error(io)
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  /// Sets the length; what is never written reads as 0.
  void resize(std::int64_t bytes);
  void write_at(std::int64_t offset, const void* data, std::int64_t bytes);
  void read_at(std::int64_t offset, void* out, std::int64_t bytes) const;
  void commit();

 private:
  std::string path_, temporary_;
  int descriptor_ = -1;
};

}  // namespace segpref::files
