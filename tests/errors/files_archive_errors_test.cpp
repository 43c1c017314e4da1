// Archives that lie, unpack without end, hide or repeat their members, labels of every convention, and folders that refuse a file.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "host/files/npz_reader.hpp"
#include "segpref/dataset.hpp"
#include "segpref/model_file.hpp"
#include "segpref/npz_writer.hpp"
#include "tests/support/expect_error.hpp"

namespace segpref {
namespace {

namespace fs = std::filesystem;
using testing::expect_error;

std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

/// A .npy of version 1.0. `shape` in Python's words: "(2, 3)".
std::string npy(const std::string& type, const std::string& shape, const std::string& data) {
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type, shape);
  text.resize((10 + text.size() + 64) / 64 * 64 - 11, ' ');
  text += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(text.size() & 0xff);
  bytes += static_cast<char>(text.size() >> 8);
  return bytes + text + data;
}

template <typename T>
std::string raw(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

struct Member {
  std::string name, bytes;
  int method = ZIP_CM_STORE;
  bool encrypted = false;
};

void write_zip(const std::string& path, const std::vector<Member>& members) {
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  ASSERT_NE(archive, nullptr) << code;
  for (const Member& member : members) {
    const zip_int64_t index = zip_file_add(archive, member.name.c_str(), zip_source_buffer(archive, member.bytes.data(), member.bytes.size(), 0), 0);
    ASSERT_GE(index, 0) << zip_strerror(archive);
    ASSERT_EQ(zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), member.method, 9), 0);
    if (member.encrypted) {
      ASSERT_EQ(zip_file_set_encryption(archive, static_cast<zip_uint64_t>(index), ZIP_EM_TRAD_PKWARE, "secret"), 0) << zip_strerror(archive);
    }
  }
  ASSERT_EQ(zip_close(archive), 0) << zip_strerror(archive);
}

/// Replaces every occurrence, without a change of length.
std::string replaced(std::string bytes, const std::string& from, const std::string& to) {
  EXPECT_EQ(from.size(), to.size());
  std::size_t count = 0;
  for (std::size_t at = bytes.find(from); at != std::string::npos; at = bytes.find(from, at + to.size()), ++count) bytes.replace(at, to.size(), to);
  EXPECT_GT(count, 0u) << from;
  return bytes;
}

/// Sets the little-endian `size` bytes at `offset` of every local ("PK 3 4") or central ("PK 1 2") header.
std::string with_header_field(std::string bytes, const char* signature, std::size_t offset, std::size_t size, std::uint64_t value) {
  for (std::size_t at = bytes.find(std::string(signature, 4)); at != std::string::npos; at = bytes.find(std::string(signature, 4), at + 4))
    for (std::size_t i = 0; i < size; ++i) bytes[at + offset + i] = static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}
constexpr const char* local_header = "PK\x03\x04";
constexpr const char* central_header = "PK\x01\x02";

class Archives : public ::testing::Test {
 protected:
  Archives() {
    std::string pattern = (fs::temp_directory_path() / "segpref_archives_XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~Archives() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void refused(const std::string& file, const std::string& message) const {
    expect_error(ErrorCode::bad_data, path(file) + ": " + message, [&] { PreferenceDataset::load(path(file)); });
  }
  fs::path folder_;
};

/// A legal data set of two segments of one step and one feature.
std::vector<Member> legal() {
  return {{"features.npy", npy("<f4", "(2, 1)", raw<float>({1, 2}))},
          {"offsets.npy", npy("<i8", "(3,)", raw<std::int64_t>({0, 1, 2}))},
          {"labels.npy", npy("<f4", "(1,)", raw<float>({1}))}};
}

TEST_F(Archives, TheLegalOneLoads) {
  write_zip(path("a.npz"), legal());
  EXPECT_EQ(PreferenceDataset::load(path("a.npz")).num_pairs(), 1);
}

constexpr std::int64_t mebi = std::int64_t{1} << 20;

TEST_F(Archives, AZipBombIsRefusedBeforeItIsUnpacked) {
  std::vector<Member> members = legal();
  const std::int64_t rows = 32 * mebi;  // 128 MiB of zeros, which deflate packs into about 128 KiB
  members[0] = {"features.npy", npy("<f4", fmt::format("({}, 1)", rows), std::string(static_cast<std::size_t>(4 * rows), '\0')), ZIP_CM_DEFLATE};
  write_zip(path("bomb.npz"), members);
  ASSERT_LT(fs::file_size(path("bomb.npz")), std::uintmax_t{200000});
  refused("bomb.npz", fmt::format("features: unpacks to {} bytes, which with the arrays before it is more than 250 times the archive's size (a zip bomb?); "
                                  "store it uncompressed",
                                  members[0].bytes.size()));
}

TEST_F(Archives, SmallBombsAreCountedTogether) {
  const std::string zeros = npy("<f4", fmt::format("({},)", 10 * mebi), std::string(static_cast<std::size_t>(40 * mebi), '\0'));
  write_zip(path("bombs.npz"), {{"a.npy", zeros, ZIP_CM_DEFLATE}, {"b.npy", zeros, ZIP_CM_DEFLATE}, {"c.npy", zeros, ZIP_CM_DEFLATE}});
  files::NpzReader reader(path("bombs.npz"));
  EXPECT_EQ(reader.read("a").header.num_elements(), 10 * mebi);
  EXPECT_EQ(reader.read("b").header.num_elements(), 10 * mebi);
  expect_error(ErrorCode::bad_data,
               fmt::format("{}: c: unpacks to {} bytes, which with the arrays before it is more than 250 times the archive's size (a zip bomb?); store it "
                           "uncompressed",
                           path("bombs.npz"), zeros.size()),
               [&] { reader.read("c"); });
}

TEST_F(Archives, AnArrayThatPromisesMoreThanItHoldsIsRefused) {
  std::vector<Member> members = legal();
  members[0].bytes = npy("<f4", "(1000000000000, 1)", raw<float>({1, 2}));
  write_zip(path("a.npz"), members);
  refused("a.npz", "features: the header says 4000000000000 bytes of data (shape [1000000000000, 1]), the file holds 8");
  members[0].bytes = npy("<f4", "(1, 1)", raw<float>({1, 2}));
  write_zip(path("a.npz"), members);
  refused("a.npz", "features: the header says 4 bytes of data (shape [1, 1]), the file holds 8");
}

TEST_F(Archives, AnArchiveInsideAnArchiveIsNoArray) {
  std::vector<Member> members = legal();
  write_zip(path("inner.npz"), members);
  members[0].bytes = read_bytes(path("inner.npz"));
  write_zip(path("a.npz"), members);
  refused("a.npz", "features: is not a .npy array (its first bytes are not \\x93NUMPY)");
  members[0].bytes = "\x93NUM";
  write_zip(path("a.npz"), members);
  refused("a.npz", "features: is not a .npy array (4 bytes are too few)");
}

TEST_F(Archives, SizesThatTheDirectoryInventsAreErrors) {
  for (int method : {ZIP_CM_STORE, ZIP_CM_DEFLATE}) {
    std::vector<Member> members = legal();
    for (Member& member : members) member.method = method;
    write_zip(path("a.npz"), members);
    const std::string bytes = read_bytes(path("a.npz"));
    for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{129}, std::uint64_t{1} << 20, std::uint64_t{0xfffffffe}}) {
      write_bytes(path("b.npz"), with_header_field(with_header_field(bytes, central_header, 24, 4, size), local_header, 22, 4, size));
      EXPECT_THROW(PreferenceDataset::load(path("b.npz")), Error) << "uncompressed size " << size << ", method " << method;
      write_bytes(path("b.npz"), with_header_field(with_header_field(bytes, central_header, 20, 4, size), local_header, 18, 4, size));
      if (method == ZIP_CM_DEFLATE && size > 128) {  // deflate says itself where it ends: all data are there
        const PreferenceDataset dataset = PreferenceDataset::load(path("b.npz"));
        EXPECT_EQ(static_cast<const float*>(dataset.features().first.data)[1], 2.0f);
      } else {
        EXPECT_THROW(PreferenceDataset::load(path("b.npz")), Error) << "compressed size " << size << ", method " << method;
      }
    }
  }
}

TEST_F(Archives, AWrongChecksumIsDamage) {
  write_zip(path("a.npz"), legal());
  const std::string bytes = read_bytes(path("a.npz"));
  write_bytes(path("b.npz"), with_header_field(with_header_field(bytes, central_header, 16, 4, 1), local_header, 14, 4, 1));
  refused("b.npz", "offsets: the member is damaged: CRC error");
}

TEST_F(Archives, RepeatedMembersAreRefused) {
  std::vector<Member> members = legal();
  members.push_back({"labelz.npy", members[2].bytes});
  write_zip(path("a.npz"), members);
  write_bytes(path("b.npz"), replaced(read_bytes(path("a.npz")), "labelz.npy", "labels.npy"));
  refused("b.npz", "the key 'labels' occurs twice");
}

TEST_F(Archives, EncryptedMembersAreRefused) {
  std::vector<Member> members = legal();
  members[2].encrypted = true;
  write_zip(path("a.npz"), members);
  refused("a.npz", "labels: is encrypted");
}

TEST_F(Archives, OtherCompressionsAreRefused) {
  write_zip(path("a.npz"), legal());
  const std::string bytes = read_bytes(path("a.npz"));
  for (const int method : {9, 12, 14, 93}) {  // deflate64, bzip2, LZMA, Zstandard
    write_bytes(path("b.npz"), with_header_field(with_header_field(bytes, central_header, 10, 2, static_cast<std::uint64_t>(method)), local_header, 8, 2,
                                                 static_cast<std::uint64_t>(method)));
    refused("b.npz", fmt::format("offsets: compression method {} is neither stored nor deflated", method));
  }
}

TEST_F(Archives, ANpyFileTruncatedAtAnyByteIsAnError) {
  const std::string bytes = npy("<f4", "(4, 2)", raw<float>({1, 2, 3, 4, 5, 6, 7, 8}));
  const auto read_all = [&](const std::string& contents) {
    write_bytes(path("steps.npy"), contents);
    StepStream stream(path("steps.npy"));
    while (stream.next(3).first.present()) {
    }
  };
  EXPECT_NO_THROW(read_all(bytes));
  for (std::size_t length = 0; length < bytes.size(); ++length) EXPECT_THROW(read_all(bytes.substr(0, length)), Error) << length;
  EXPECT_THROW(read_all(bytes + "x"), Error);
}

// Labels

struct LabelCase {
  LabelConvention convention;
  std::vector<double> given;  ///< one label, or two columns
  double label;               ///< what it becomes
};

TEST_F(Archives, EveryLabelConventionBecomesTheProbabilityOfTheSecond) {
  const double infinity = std::numeric_limits<double>::infinity();
  using L = LabelConvention;
  const std::vector<LabelCase> cases = {
      {L::probability_of_second, {0.25}, 0.25}, {L::probability_of_first, {0.25}, 0.75}, {L::probability_of_first, {1}, 0},
      {L::winner_index, {0}, 0},                {L::winner_index, {1}, 1},               {L::winner_index, {-1}, 0.5},
      {L::two_columns, {0.25, 0.75}, 0.75},     {L::two_columns, {1, 0}, 0},             {L::two_columns, {0.5005, 0.5}, 0.5 / 1.0005},
      {L::signed_strength, {-3}, 0},            {L::signed_strength, {0.5}, 1},          {L::signed_strength, {0}, 0.5},
      {L::signed_strength, {-infinity}, 0},     {L::signed_logit, {0}, 0.5},             {L::signed_logit, {2}, 1 / (1 + std::exp(-2.0))},
      {L::signed_logit, {infinity}, 1},         {L::signed_logit, {-infinity}, 0}};
  for (const LabelCase& test_case : cases) {
    std::vector<Member> members = legal();
    members[2].bytes = npy("<f8", test_case.given.size() == 2 ? "(1, 2)" : "(1,)", raw(test_case.given));
    write_zip(path("a.npz"), members);
    const PreferenceDataset dataset = PreferenceDataset::load(path("a.npz"), {.labels = test_case.convention});
    EXPECT_EQ(static_cast<const float*>(dataset.batch().labels.data)[0], static_cast<float>(test_case.label))
        << name_of(test_case.convention) << " " << test_case.given[0];
  }
  std::vector<Member> unlabelled = legal();
  unlabelled.pop_back();
  write_zip(path("a.npz"), unlabelled);
  const PreferenceDataset dataset = PreferenceDataset::load(path("a.npz"), {.labels = L::chosen_rejected});
  EXPECT_EQ(static_cast<const float*>(dataset.batch().labels.data)[0], 0.0f);
}

TEST_F(Archives, EveryLabelConventionNamesWhatItDoesNotTake) {
  const auto refuse = [&](LabelConvention convention, const std::string& shape, const std::vector<double>& given, const std::string& message) {
    std::vector<Member> members = legal();
    members[2].bytes = npy("<f8", shape, raw(given));
    write_zip(path("a.npz"), members);
    expect_error(ErrorCode::bad_data, fmt::format("{}: {}", path("a.npz"), message), [&] { PreferenceDataset::load(path("a.npz"), {.labels = convention}); });
  };
  const double nan = std::nan("");
  using L = LabelConvention;
  refuse(L::probability_of_second, "(1,)", {1.5}, "labels[0] = 1.5 is outside [0, 1] (labels: probability-of-second)");
  refuse(L::probability_of_second, "(1,)", {nan}, "labels[0] = nan is outside [0, 1] (labels: probability-of-second)");
  refuse(L::probability_of_second, "(1, 2)", {0, 1}, "labels has the shape [1, 2], not [num_pairs] (labels: probability-of-second)");
  refuse(L::probability_of_second, "(2,)", {0, 1}, "labels has the shape [2], but there are 1 pairs");
  refuse(L::probability_of_first, "(1,)", {-0.5}, "labels[0] = -0.5 is outside [0, 1] (labels: probability-of-first)");
  refuse(L::winner_index, "(1,)", {2}, "labels[0] = 2 is not 0, 1 or -1 (labels: winner-index)");
  refuse(L::winner_index, "(1,)", {0.5}, "labels[0] = 0.5 is not 0, 1 or -1 (labels: winner-index)");
  refuse(L::two_columns, "(1,)", {1}, "labels has the shape [1], not [num_pairs, 2] (labels: two-columns)");
  refuse(L::two_columns, "(1, 2)", {0.25, 0.5}, "labels[0] = 0.75 is the sum of the two columns, not 1 (labels: two-columns)");
  refuse(L::two_columns, "(1, 2)", {-0.5, 1.5}, "labels[0] = -0.5 is outside [0, 1] (labels: two-columns)");
  refuse(L::signed_strength, "(1,)", {nan}, "labels[0] = nan is not a number (labels: signed-strength)");
  refuse(L::signed_logit, "(1,)", {nan}, "labels[0] = nan is not a number (labels: signed-logit)");
  refuse(L::chosen_rejected, "(1,)", {0}, "labels: is in the file, but with chosen-rejected every first segment is preferred");
  expect_error(ErrorCode::invalid_argument,
               "labels = 'winner' is not one of probability-of-second, probability-of-first, winner-index, two-columns, signed-strength, signed-logit, chosen-rejected",
               [] { label_convention_from("winner"); });
}

// Folders

/// Runs with the rights of an ordinary user, whom a folder without write permission stops; root it would not.
class AsOrdinaryUser {
 public:
  AsOrdinaryUser() : user_(geteuid()) {
    if (user_ == 0) become(65534);
  }
  ~AsOrdinaryUser() {
    if (user_ == 0) become(user_);
  }

 private:
  static void become(uid_t user) { EXPECT_EQ(seteuid(user), 0); }
  uid_t user_;
};

TEST_F(Archives, AFolderWithoutWritePermissionIsNamed) {
  ASSERT_EQ(chmod(folder_.c_str(), 0755), 0);
  ASSERT_TRUE(fs::create_directory(path("closed")));
  ASSERT_EQ(chmod(path("closed").c_str(), 0555), 0);
  RewardModelFile model;
  model.architecture.feature_dim = 2;
  model.parameters.assign(static_cast<std::size_t>(num_parameters(model.architecture)), 0.5f);
  std::string model_message, npz_message;
  {
    const AsOrdinaryUser user;
    try {
      save_model(path("closed/m.safetensors"), model);
    } catch (const Error& error) {
      model_message = error.what();
      EXPECT_EQ(error.code(), ErrorCode::io);
    }
    try {
      NpzWriter(path("closed/a.npz"), {{"x", DType::f32, {1}}});
    } catch (const Error& error) {
      npz_message = error.what();
      EXPECT_EQ(error.code(), ErrorCode::io);
    }
  }
  EXPECT_NE(model_message.find("cannot create"), std::string::npos) << model_message;
  EXPECT_NE(model_message.find("Permission denied"), std::string::npos) << model_message;
  EXPECT_NE(npz_message.find("Permission denied"), std::string::npos) << npz_message;
  EXPECT_TRUE(fs::is_empty(path("closed")));
}

}  // namespace
}  // namespace segpref
