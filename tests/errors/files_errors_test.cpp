// What is wrong with a file is said by name; no file, however damaged, does worse than an Error.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "host/files/npy_header.hpp"
#include "segpref/dataset.hpp"
#include "segpref/model_file.hpp"
#include "segpref/npz_writer.hpp"
#include "segpref/version.hpp"

namespace segpref {
namespace {

namespace fs = std::filesystem;

std::string numpy_file(const std::string& name) {
  return (fs::path(__FILE__).parent_path().parent_path() / "support/data" / name).string();
}

std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

void expect_error(ErrorCode code, const std::string& part, const std::function<void()>& action) {
  try {
    action();
    ADD_FAILURE() << "no error; expected: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what() << "\nlacks: " << part;
  }
}

class FileErrors : public testing::Test {
 protected:
  FileErrors() {
    std::string pattern = (fs::temp_directory_path() / "segpref_errors_XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~FileErrors() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::int64_t num_files() const { return std::distance(fs::directory_iterator(folder_), fs::directory_iterator()); }

  // Four steps, two segments, one pair; each case spoils one value.
  struct Ragged {
    std::vector<float> features = {0, 1, 2, 3, 4, 5, 6, 7};
    std::vector<std::int64_t> offsets = {0, 2, 4};
    std::vector<std::int64_t> pairs = {0, 1};
    std::vector<float> labels = {1}, weights = {1};
  };
  void expect_bad(const Ragged& r, const std::string& message, DatasetOptions options = {}) const {
    NpzWriter writer(path("r.npz"), {{"features", DType::f32, {static_cast<std::int64_t>(r.features.size()) / 2, 2}},
                                     {"offsets", DType::i64, {static_cast<std::int64_t>(r.offsets.size())}},
                                     {"pairs", DType::i64, {static_cast<std::int64_t>(r.pairs.size()) / 2, 2}},
                                     {"labels", DType::f32, {static_cast<std::int64_t>(r.labels.size())}},
                                     {"weights", DType::f32, {static_cast<std::int64_t>(r.weights.size())}}});
    writer.write(0, 0, r.features.data(), static_cast<std::int64_t>(r.features.size()));
    writer.write(1, 0, r.offsets.data(), static_cast<std::int64_t>(r.offsets.size()));
    writer.write(2, 0, r.pairs.data(), static_cast<std::int64_t>(r.pairs.size()));
    writer.write(3, 0, r.labels.data(), static_cast<std::int64_t>(r.labels.size()));
    writer.write(4, 0, r.weights.data(), static_cast<std::int64_t>(r.weights.size()));
    writer.commit();
    expect_error(ErrorCode::bad_data, message, [&] { PreferenceDataset::load(path("r.npz"), options); });
  }
  fs::path folder_;
};

TEST_F(FileErrors, WrongValuesAreNamed) {
  Ragged r;
  r.features[3] = std::nanf("");
  expect_bad(r, "features[1, 1] = nan is not finite");
  r = {}, r.offsets = {0, 3, 2};
  expect_bad(r, "offsets[2] = 2 is less than the offset before it, 3");
  r = {}, r.offsets = {0, 2, 5};
  expect_bad(r, "offsets[2] = 5 is outside [0, 4] (num_steps)");
  r = {}, r.pairs = {0, 2};
  expect_bad(r, "pairs[0, second] = 2 is outside [0, 2) (num_segments)");
  r = {}, r.labels = {1.5f};
  expect_bad(r, "labels[0] = 1.5 is outside [0, 1]");
  r = {}, r.labels = {std::nanf("")};
  expect_bad(r, "labels[0] = nan is outside [0, 1]");
  r = {}, r.labels = {2};
  expect_bad(r, "labels[0] = 2 is not 0, 1 or -1", {.labels = LabelConvention::winner_index});
  r = {}, r.labels = {1, 0};
  expect_bad(r, "there are 1 pairs");
  r = {}, r.weights = {-1};
  expect_bad(r, "weights[0] = -1 is negative");
  r = {};
  expect_bad(r, "with chosen-rejected every first segment is preferred", {.labels = LabelConvention::chosen_rejected});
  expect_bad(r, "not [num_pairs, 2]", {.labels = LabelConvention::two_columns});
}

TEST_F(FileErrors, NonFiniteFeaturesCanBeAllowed) {
  NpzWriter writer(path("r.npz"), {{"features", DType::f32, {2, 1}}, {"offsets", DType::i64, {3}}, {"labels", DType::f32, {1}}});
  const float features[2] = {std::nanf(""), 1};
  const std::int64_t offsets[3] = {0, 1, 2};
  writer.write(0, 0, features, 2);
  writer.write(1, 0, offsets, 3);
  writer.commit();
  EXPECT_EQ(PreferenceDataset::load(path("r.npz"), {.allow_nonfinite_features = true}).num_pairs(), 1);
}

TEST_F(FileErrors, ArraysThatAreNotPlainNumbersAreRefused) {
  expect_error(ErrorCode::bad_data, "is an object array", [] { PreferenceDataset::load(numpy_file("object_array.npz")); });
  expect_error(ErrorCode::bad_data, "is a structured array", [] { PreferenceDataset::load(numpy_file("structured_array.npz")); });
  expect_error(ErrorCode::bad_data, "is big-endian ('>f4')", [] { PreferenceDataset::load(numpy_file("big_endian.npz")); });
  expect_error(ErrorCode::bad_data, "Fortran order", [] { StepStream stream(numpy_file("ragged_fortran.npz")); });
  expect_error(ErrorCode::io, "cannot open", [] { PreferenceDataset::load(numpy_file("absent.npz")); });
  expect_error(ErrorCode::bad_data, "neither a ragged data set", [&] {
    NpzWriter(path("k.npz"), {{"x", DType::f32, {1}}}).commit();
    PreferenceDataset::load(path("k.npz"));
  });
}

TEST(NpyHeaderErrors, EveryRuleIsStrict) {
  for (const char* text :
       {"", "{", "{}", "[1]", "{'descr': '<f4', 'fortran_order': False, 'shape': (3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}", "{'descr': '<f4', 'fortran_order': 0, 'shape': (3,)}",
        "{'descr': '<f4', 'fortran_order': False}", "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<c8', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 0, 8)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'x': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} x"})
    EXPECT_THROW(files::parse_npy_header(std::string(text), "x"), Error) << text;
}

TEST_F(FileErrors, TruncationAtEveryByteIsAnError) {
  for (const char* name : {"ragged_stored.npz", "ragged_compressed.npz"}) {
    const std::string bytes = read_bytes(numpy_file(name));
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      write_bytes(path("t.npz"), bytes.substr(0, length));
      EXPECT_THROW(PreferenceDataset::load(path("t.npz")), Error) << name << " " << length;
    }
  }
}

TEST_F(FileErrors, FlippedBitsAreAtWorstAnError) {
  for (const char* name : {"ragged_stored.npz", "ragged_compressed.npz"}) {
    const std::string bytes = read_bytes(numpy_file(name));
    for (std::size_t bit = 0; bit < 8 * bytes.size(); bit += 3) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      write_bytes(path("f.npz"), flipped);
      try {
        PreferenceDataset::load(path("f.npz"));
      } catch (const Error&) {
      }
    }
  }
}

RewardModelFile small_model() {
  RewardModelFile model;
  model.architecture.feature_dim = 2;
  model.architecture.hidden = {8};
  model.parameters.assign(static_cast<std::size_t>(num_parameters(model.architecture)), 0.25f);
  return model;
}

TEST_F(FileErrors, DamagedModelsAreErrors) {
  save_model(path("m.safetensors"), small_model());
  const std::string bytes = read_bytes(path("m.safetensors"));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    write_bytes(path("t"), bytes.substr(0, length));
    EXPECT_THROW(load_model(path("t")), Error) << length;
  }
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    write_bytes(path("f"), flipped);
    try {
      load_model(path("f"));
    } catch (const Error&) {
    }
  }
  write_bytes(path("long"), bytes + "x");
  expect_error(ErrorCode::bad_data, "the tensors end at byte", [&] { load_model(path("long")); });
}

TEST_F(FileErrors, ModelsOfANewerFormatSaySo) {
  save_model(path("m"), small_model());
  TensorFile file = load_tensors(path("m"));
  file.metadata.insert_or_assign("segpref.format_version", "2");
  save_tensors(path("m"), file);
  expect_error(ErrorCode::unsupported, fmt::format("a model of format 2 needs a newer segpref (this is {})", version()),
               [&] { load_model(path("m")); });
}

TEST_F(FileErrors, ModelsThatBreakTheirRulesAreNotSaved) {
  RewardModelFile model = small_model();
  model.parameters.pop_back();
  expect_error(ErrorCode::invalid_argument, "parameters has", [&] { save_model(path("m"), model); });
  model = small_model();
  model.parameters[3] = std::nanf("");
  expect_error(ErrorCode::invalid_argument, "layers.0.weight[3] = nan is not finite", [&] { save_model(path("m"), model); });
  EXPECT_EQ(num_files(), 0);
}

TEST_F(FileErrors, FoldersThatCannotBeWrittenAreNamed) {
  write_bytes(path("plain"), "x");
  expect_error(ErrorCode::io, "cannot create", [&] { save_model(path("plain/m"), small_model()); });
  expect_error(ErrorCode::io, "cannot create", [&] { save_model("/proc/m", small_model()); });
  expect_error(ErrorCode::io, "not a regular file", [] { save_model("/dev/full", small_model()); });
  EXPECT_EQ(num_files(), 1);
}

// The limit on a file's size stands for the full disk: the system refuses a write in the middle.
TEST_F(FileErrors, FullDiskKeepsTheOldFileAndLeavesNothing) {
  save_model(path("m"), small_model());
  const std::string before = read_bytes(path("m"));
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = old;
  small.rlim_cur = 256;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message, npz_message;
  try {
    save_model(path("m"), small_model());
  } catch (const Error& error) {
    message = error.what();
  }
  try {
    NpzWriter(path("n.npz"), {{"x", DType::f32, {1000}}}).commit();
  } catch (const Error& error) {
    npz_message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_NE(message.find("cannot write"), std::string::npos) << message;
  EXPECT_NE(npz_message.find("cannot"), std::string::npos) << npz_message;
  EXPECT_EQ(read_bytes(path("m")), before);
  EXPECT_EQ(num_files(), 1);
}

}  // namespace
}  // namespace segpref
