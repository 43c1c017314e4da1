// Writes arrays of known shape to an .npz file, in any order and in pieces.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dtype.hpp"
#include "export.hpp"

namespace segpref {

/// One array of a file. dtype bf16 has no NumPy form and is an error.
struct NpzArray {
  std::string key;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
};

/// The file appears under its name at commit(), whole, and replaces an older one; without commit() nothing is left behind.
/// Members are stored uncompressed (zip64 where sizes need it), data aligned to 64 bytes, so that NumPy can map them.
class SEGPREF_API NpzWriter {
 public:
  /// Creates a temporary file beside `path`. @throws Error(io) when the folder cannot be written
  NpzWriter(const std::string& path, std::vector<NpzArray> arrays);
  NpzWriter(NpzWriter&&) noexcept;
  NpzWriter& operator=(NpzWriter&&) noexcept;
  ~NpzWriter();

  /// Writes elements [first, first + count) in row-major order of array `array_idx`. Elements never written are 0.
  void write(std::int64_t array_idx, std::int64_t first, const void* elements, std::int64_t count);
  /// Computes the checksums, waits until all is on disk, renames. @throws Error(io), for example when the disk is full
  void commit();

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

}  // namespace segpref
