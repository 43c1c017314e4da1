// Reward models and checkpoints as .safetensors files. Keys and metadata: docs/files.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "error.hpp"
#include "export.hpp"
#include "reward_model.hpp"

namespace segpref {

/// What a saved reward model holds. Empty vectors stand for "none".
struct RewardModelFile {
  RewardArchitecture architecture;
  std::vector<float> parameters;                ///< flat, in the order of parameter_layout(architecture)
  std::vector<float> feature_mean;              ///< [feature_dim]
  std::vector<float> feature_std;               ///< [feature_dim], > 0. Given together with feature_mean
  std::vector<float> reward_shift;              ///< [num_members]: a reward leaves as (r - shift) * scale
  std::vector<float> reward_scale;              ///< [num_members]. Given together with reward_shift
  std::map<std::string, std::string> metadata;  ///< the caller's own; names beginning with "segpref." are ours
  std::string library_version;                  ///< load_model: the version that wrote the file; save_model ignores it
};

/// Writes atomically: the file appears whole or not at all.
/// @throws Error(invalid_argument) where sizes disagree with the architecture or a value is not finite; Error(io)
SEGPREF_API void save_model(const std::string& path, const RewardModelFile& model);
/// @throws Error(bad_data) naming file, tensor and rule; Error(unsupported) for a file of a newer format; Error(io)
SEGPREF_API RewardModelFile load_model(const std::string& path);

/// Element types of tensors in a file.
enum class FileDType : std::uint8_t { f32, f64, f16, bf16, i32, i64, u8 };

template <typename T>
struct file_dtype_of;
template <>
struct file_dtype_of<float> { static constexpr FileDType value = FileDType::f32; };
template <>
struct file_dtype_of<double> { static constexpr FileDType value = FileDType::f64; };
template <>
struct file_dtype_of<std::int32_t> { static constexpr FileDType value = FileDType::i32; };
template <>
struct file_dtype_of<std::int64_t> { static constexpr FileDType value = FileDType::i64; };
template <>
struct file_dtype_of<std::uint8_t> { static constexpr FileDType value = FileDType::u8; };

/// A tensor of a file, owned.
struct FileTensor {
  FileDType dtype = FileDType::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;  ///< row-major, little-endian
};

/// Named tensors and strings: what a checkpoint is.
struct TensorFile {
  std::map<std::string, FileTensor> tensors;
  std::map<std::string, std::string> metadata;

  /// Puts a copy of `values` under `name`, as a one-dimensional tensor.
  template <typename T>
  void put(const std::string& name, const std::vector<T>& values) {
    FileTensor tensor{file_dtype_of<T>::value, {static_cast<std::int64_t>(values.size())}, std::vector<std::byte>(values.size() * sizeof(T))};
    if (!values.empty()) std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
    tensors[name] = std::move(tensor);
  }
  /// All elements of `name`, whatever its shape. @throws Error(bad_data) when it is missing or of another dtype
  template <typename T>
  std::vector<T> get(const std::string& name) const {
    const FileTensor& tensor = find(name, file_dtype_of<T>::value);
    std::vector<T> values(tensor.bytes.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
    return values;
  }
  bool has(const std::string& name) const { return tensors.contains(name); }
  SEGPREF_API const FileTensor& find(const std::string& name, FileDType dtype) const;
  /// @throws Error(bad_data) when it is missing
  SEGPREF_API const std::string& metadata_at(const std::string& name) const;
};

/// Writes atomically. @throws Error(invalid_argument) when bytes and shape disagree; Error(io)
SEGPREF_API void save_tensors(const std::string& path, const TensorFile& file);
/// @throws Error(bad_data) where the file breaks the format, with the rule; Error(io)
SEGPREF_API TensorFile load_tensors(const std::string& path);

}  // namespace segpref
