// Preference data sets from .npz files, and step features read in chunks. File forms: docs/files.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "export.hpp"
#include "preference_options.hpp"
#include "reward_model.hpp"

namespace segpref {

/// How a file's labels say which segment is preferred. Whatever the file says, the data set holds P(second preferred).
enum class LabelConvention : std::uint8_t {
  probability_of_second,  ///< [P] in [0, 1]: 0 the first is preferred, 1 the second, 0.5 both
  probability_of_first,   ///< [P] in [0, 1]: 1 - label
  winner_index,           ///< [P]: 0 the first, 1 the second, -1 a tie (0.5)
  two_columns,            ///< [P, 2]: P(first), P(second), which add up to 1 within 1e-3
  signed_strength,        ///< [P]: the sign of the label: < 0 the first, > 0 the second, 0 a tie (0.5)
  signed_logit,           ///< [P]: sigmoid(label), a strength in logit units, > 0 for the second
  chosen_rejected         ///< no labels: every first is preferred; a label array in the file is an error
};

/// "probability-of-second", "winner-index", ...: the names of the command line. @throws Error(invalid_argument) listing them
SEGPREF_API LabelConvention label_convention_from(std::string_view name);
SEGPREF_API std::string_view name_of(LabelConvention convention);

struct DatasetOptions {
  LabelConvention labels = LabelConvention::probability_of_second;
  bool allow_nonfinite_features = false;  ///< false: a step of a segment with a NaN or infinite feature is an error
  bool allow_missing_labels = false;      ///< candidates for a query: labels are 0 where the file has none
};

/// The comparisons of a file, owned. Features keep their dtype f16 or f32; f64 features are stored as f32 (features_narrowed).
/// Ragged files keep their segments and pairs. A paired file gives windows: segment p is the first of pair p, segment P + p the
/// second, segment s begins at step s * L; observations and actions stay two tensors of 2 * P * L rows.
class SEGPREF_API PreferenceDataset {
 public:
  /// Reads and checks a file; every array is read once, into its final place.
  /// @throws Error(bad_data) naming file, key, position and rule; Error(io) when the system refuses
  static PreferenceDataset load(const std::string& path, const DatasetOptions& options = {});

  PreferenceDataset(PreferenceDataset&&) noexcept;
  PreferenceDataset& operator=(PreferenceDataset&&) noexcept;
  ~PreferenceDataset();

  std::int64_t num_steps() const;     ///< rows of the features (paired: padding included)
  std::int64_t num_segments() const;
  std::int64_t num_pairs() const;
  std::int64_t feature_dim() const;   ///< of both tensors together
  std::int64_t longest_segment() const;
  DType feature_dtype() const;        ///< f16 or f32
  bool features_narrowed() const;     ///< the file held f64, rounded to f32
  bool paired() const;                ///< the file had the paired form

  /// Views into the data set, valid while it lives. mean and std are absent.
  Features features() const;
  /// offsets or begins and lengths (i64), pairs (i64, present), labels (f32), weights and margins (f32, absent when the file has none).
  PreferenceBatch batch() const;
  ConstTensorView true_rewards() const;  ///< [num_steps] f32; absent when the file has none
  ConstTensorView split() const;         ///< [num_pairs] i32: 0 training, 1 held out; absent when the file has none
  ConstTensorView pair_kind() const;     ///< [num_pairs] i32, the meaning is the file's; absent when the file has none
  ConstTensorView clean_labels() const;  ///< [num_pairs] f32, P(second preferred) without mistakes; absent when the file has none

 private:
  struct Data;
  explicit PreferenceDataset(std::unique_ptr<Data> data);
  std::unique_ptr<Data> data_;
};

/// Rows of step features read in chunks, for files larger than memory: a .npz with `features [N, D]`, or with
/// `observations [N, S]` and `actions [N, A]`; or a .npy that holds the features.
class SEGPREF_API StepStream {
 public:
  explicit StepStream(const std::string& path);
  StepStream(StepStream&&) noexcept;
  StepStream& operator=(StepStream&&) noexcept;
  ~StepStream();

  std::int64_t num_steps() const;    ///< rows in the file
  std::int64_t feature_dim() const;  ///< of both tensors together
  DType feature_dtype() const;       ///< f16 or f32 (f64 is narrowed)
  /// The next rows, at most max_rows; views valid until the next call. num rows = first.shape[0]; absent views at the end.
  Features next(std::int64_t max_rows);

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

}  // namespace segpref
