// Round trips of our own files, and files written by NumPy.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "host/files/crc32.hpp"
#include "host/files/npy_header.hpp"
#include "host/files/npz_reader.hpp"
#include "segpref/dataset.hpp"
#include "segpref/npz_writer.hpp"

namespace segpref {
namespace {

namespace fs = std::filesystem;

std::string numpy_file(const std::string& name) {
  return (fs::path(__FILE__).parent_path().parent_path() / "support/data" / name).string();
}

// A folder of its own for each test, removed at the end.
class FilesTest : public testing::Test {
 protected:
  FilesTest() {
    std::string pattern = (fs::temp_directory_path() / "segpref_files_XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~FilesTest() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::int64_t num_files() const { return std::distance(fs::directory_iterator(folder_), fs::directory_iterator()); }
  fs::path folder_;
};

using NpzFile = FilesTest;
using Dataset = FilesTest;

TEST(Crc32, CheckValueOfTheStandard) {
  EXPECT_EQ(files::crc32(0, "123456789", 9), 0xcbf43926u);
  EXPECT_EQ(files::crc32(files::crc32(0, "1234", 4), "56789", 5), 0xcbf43926u);
}

TEST(NpyHeader, DataBeginAtAMultipleOf64Bytes) {
  for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{}, {3}, {3, 4}, {1, 2, 3, 4}, {123456789, 50, 30}}) {
    const std::string text = files::format_npy_header(files::NpyType::f32, shape);
    EXPECT_EQ(text.size() % 64, 0u);
    const files::NpyPreamble preamble = files::parse_npy_preamble(std::span(text).first(12), "x");
    const files::NpyHeader header =
        files::parse_npy_header(std::span(text).subspan(static_cast<std::size_t>(preamble.text_begin)), "x");
    EXPECT_EQ(header.shape, shape);
  }
}

TEST_F(NpzFile, EveryDtypeComesBack) {
  const std::vector<float> f32 = {1.5f, -2.0f, 0.0f};
  const std::vector<double> f64 = {1e300, -0.1};
  const std::vector<std::uint16_t> f16 = {0x3c00};
  const std::vector<std::int32_t> i32 = {-7, 8};
  const std::vector<std::int64_t> i64 = {std::int64_t{1} << 40};
  NpzWriter writer(path("a.npz"), {{"f32", DType::f32, {3}},
                                   {"f64", DType::f64, {2, 1}},
                                   {"f16", DType::f16, {1}},
                                   {"i32", DType::i32, {2}},
                                   {"i64", DType::i64, {1}},
                                   {"empty", DType::f32, {0, 4}},
                                   {"scalar", DType::i64, {}}});
  writer.write(0, 1, f32.data() + 1, 2);
  writer.write(0, 0, f32.data(), 1);
  writer.write(1, 0, f64.data(), 2);
  writer.write(2, 0, f16.data(), 1);
  writer.write(3, 0, i32.data(), 2);
  writer.write(4, 0, i64.data(), 1);
  writer.write(6, 0, i64.data(), 1);
  EXPECT_FALSE(fs::exists(path("a.npz")));
  writer.commit();
  files::NpzReader reader(path("a.npz"));
  EXPECT_EQ(reader.keys(), (std::vector<std::string>{"empty", "f16", "f32", "f64", "i32", "i64", "scalar"}));
  EXPECT_EQ(std::memcmp(reader.read("f32").data.data(), f32.data(), 12), 0);
  EXPECT_EQ(std::memcmp(reader.read("f64").data.data(), f64.data(), 16), 0);
  EXPECT_EQ(std::memcmp(reader.read("f16").data.data(), f16.data(), 2), 0);
  EXPECT_EQ(std::memcmp(reader.read("i32").data.data(), i32.data(), 8), 0);
  EXPECT_EQ(std::memcmp(reader.read("scalar").data.data(), i64.data(), 8), 0);
  EXPECT_EQ(reader.read("empty").header.shape, (std::vector<std::int64_t>{0, 4}));
  EXPECT_EQ(num_files(), 1);
}

TEST_F(NpzFile, WithoutCommitNothingIsLeftBehind) {
  { NpzWriter writer(path("a.npz"), {{"x", DType::f32, {3}}}); }
  EXPECT_EQ(num_files(), 0);
}

TEST_F(NpzFile, StepStreamReadsInChunks) {
  std::vector<float> features(11 * 2);
  std::iota(features.begin(), features.end(), 0.0f);
  NpzWriter writer(path("a.npz"), {{"features", DType::f32, {11, 2}}});
  writer.write(0, 0, features.data(), 22);
  writer.commit();
  StepStream stream(path("a.npz"));
  EXPECT_EQ(stream.num_steps(), 11);
  std::vector<float> read;
  for (Features chunk = stream.next(4); chunk.first.present(); chunk = stream.next(4)) {
    const auto* values = static_cast<const float*>(chunk.first.data);
    read.insert(read.end(), values, values + chunk.first.size());
  }
  EXPECT_EQ(read, features);
}

TEST(NumPyFile, EveryFormGivesTheSameDataset) {
  for (const char* name : {"ragged_stored", "ragged_compressed", "ragged_f16", "ragged_f64", "ragged_fortran", "ragged_version2",
                           "ragged_version3"}) {
    SCOPED_TRACE(name);
    const PreferenceDataset data = PreferenceDataset::load(numpy_file(std::string(name) + ".npz"));
    EXPECT_EQ(data.num_steps(), 10);
    EXPECT_EQ(data.num_segments(), 4);
    EXPECT_EQ(data.num_pairs(), 3);
    EXPECT_EQ(data.longest_segment(), 4);
    EXPECT_EQ(data.features_narrowed(), std::string(name) == "ragged_f64");
    const auto* pairs = static_cast<const std::int64_t*>(data.batch().pairs.data);
    EXPECT_EQ(std::vector<std::int64_t>(pairs, pairs + 6), (std::vector<std::int64_t>{0, 1, 2, 3, 0, 3}));
    const auto* labels = static_cast<const float*>(data.batch().labels.data);
    EXPECT_EQ(std::vector<float>(labels, labels + 3), (std::vector<float>{0.0f, 1.0f, 0.5f}));
    if (data.feature_dtype() == DType::f16) {
      EXPECT_EQ(static_cast<const std::uint16_t*>(data.features().first.data)[8], 0x3c00);  // 1.0
      continue;
    }
    const auto* features = static_cast<const float*>(data.features().first.data);
    for (int i = 0; i < 30; ++i) EXPECT_EQ(features[i], static_cast<float>(i) / 8);
  }
}

TEST_F(Dataset, PairedFormBecomesWindowsOfTwoTensors) {
  NpzWriter writer(path("a.npz"), {{"obs_1", DType::f32, {2, 3, 2}},
                                   {"obs_2", DType::f32, {2, 3, 2}},
                                   {"action_1", DType::f32, {2, 3, 1}},
                                   {"action_2", DType::f64, {2, 3, 1}},
                                   {"label", DType::i64, {2}},
                                   {"length_2", DType::i32, {2}}});
  std::vector<float> obs(24);
  std::iota(obs.begin(), obs.end(), 0.0f);
  const std::vector<std::int64_t> label = {1, -1};
  const std::vector<std::int32_t> length = {3, 1};
  const std::vector<double> action(6, 0.5);
  writer.write(0, 0, obs.data(), 12);
  writer.write(1, 0, obs.data() + 12, 12);
  writer.write(3, 0, action.data(), 6);
  writer.write(4, 0, label.data(), 2);
  writer.write(5, 0, length.data(), 2);
  writer.commit();
  const PreferenceDataset data = PreferenceDataset::load(path("a.npz"), {.labels = LabelConvention::winner_index});
  EXPECT_TRUE(data.paired());
  EXPECT_EQ(data.num_steps(), 12);
  EXPECT_EQ(data.feature_dim(), 3);
  const PreferenceBatch batch = data.batch();
  const auto* lengths = static_cast<const std::int64_t*>(batch.lengths.data);
  EXPECT_EQ(std::vector<std::int64_t>(lengths, lengths + 4), (std::vector<std::int64_t>{3, 3, 3, 1}));
  const auto* begins = static_cast<const std::int64_t*>(batch.begins.data);
  EXPECT_EQ(std::vector<std::int64_t>(begins, begins + 4), (std::vector<std::int64_t>{0, 3, 6, 9}));
  const auto* pairs = static_cast<const std::int64_t*>(batch.pairs.data);
  EXPECT_EQ(std::vector<std::int64_t>(pairs, pairs + 4), (std::vector<std::int64_t>{0, 2, 1, 3}));
  const auto* labels = static_cast<const float*>(batch.labels.data);
  EXPECT_EQ(labels[0], 1.0f);
  EXPECT_EQ(labels[1], 0.5f);
  EXPECT_EQ(std::memcmp(data.features().first.data, obs.data(), 96), 0);
  EXPECT_EQ(static_cast<const float*>(data.features().second.data)[11], 0.5f);
}

}  // namespace
}  // namespace segpref
