// What the tests of the command need beside a shell: data sets of any size, what an archive holds, and a child's peak memory.
//   test_tool ragged|paired FILE PAIRS LENGTH DIM   random preferences, written in pieces; ragged also with "margins" or "nan" (one step)
//   test_tool arrays FILE                           one line per array: key, then its extents
//   test_tool peak COMMAND...                       runs it; the last line of standard output is its peak resident memory in MiB
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <vector>

#include "host/files/npz_reader.hpp"
#include "kernels/cpu/random.hpp"
#include "segpref/npz_writer.hpp"

namespace {

using segpref::DType;

/// Fills array `array_idx` with uniform values in [-1, 1), a few MiB at a time.
void write_random(segpref::NpzWriter& writer, std::int64_t array_idx, std::int64_t count) {
  constexpr std::int64_t piece = 1 << 20;
  std::vector<float> values(piece);
  for (std::int64_t first = 0; first < count; first += piece) {
    const std::int64_t size = std::min(piece, count - first);
    segpref::cpu::fill_uniform(static_cast<std::uint64_t>(array_idx), static_cast<std::uint64_t>(first), -1.0f, 1.0f, values);
    writer.write(array_idx, first, values.data(), size);
  }
}

void make_data(bool paired, const char* path, std::int64_t pairs, std::int64_t length, std::int64_t dim, std::string_view extra) {
  std::vector<float> labels;
  for (std::int64_t pair = 0; pair < pairs; ++pair) labels.push_back(static_cast<float>(pair * 7 % 5 < 2));
  if (paired) {
    segpref::NpzWriter writer(path, {{"obs_1", DType::f32, {pairs, length, dim}}, {"obs_2", DType::f32, {pairs, length, dim}}, {"label", DType::f32, {pairs}}});
    write_random(writer, 0, pairs * length * dim);
    write_random(writer, 1, pairs * length * dim);
    writer.write(2, 0, labels.data(), pairs);
    return writer.commit();
  }
  std::vector<std::int64_t> offsets;
  for (std::int64_t s = 0; s <= 2 * pairs; ++s) offsets.push_back(s * length);
  if (extra == "halves") labels.assign(labels.size(), 0.5f);
  std::vector<segpref::NpzArray> arrays = {{"features", DType::f32, {2 * pairs * length, dim}}, {"offsets", DType::i64, {2 * pairs + 1}}};
  if (extra != "unlabelled") arrays.push_back({"labels", DType::f32, {pairs}});
  if (extra == "margins") arrays.push_back({"margins", DType::f32, {pairs}});
  segpref::NpzWriter writer(path, arrays);
  write_random(writer, 0, 2 * pairs * length * dim);
  writer.write(1, 0, offsets.data(), 2 * pairs + 1);
  if (extra != "unlabelled") writer.write(2, 0, labels.data(), pairs);
  const std::vector<float> margins(static_cast<std::size_t>(pairs), 0.25f);
  const float hole = std::numeric_limits<float>::quiet_NaN();
  if (extra == "margins") writer.write(3, 0, margins.data(), pairs);
  if (extra == "nan") writer.write(0, 0, &hole, 1);
  writer.commit();
}

void list_arrays(const char* path) {
  segpref::files::NpzReader reader(path);
  for (const std::string& key : reader.keys()) {
    const segpref::files::NpyStream stream = reader.open(key);
    std::printf("%s", key.c_str());
    for (std::int64_t extent : stream.header().shape) std::printf(" %lld", static_cast<long long>(extent));
    std::printf("\n");
  }
}

int peak_of(char** command) {
  const pid_t child = fork();
  if (child == 0) {
    execvp(command[0], command);
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  if (child < 0 || wait4(child, &status, 0, &usage) != child) return 1;
  std::printf("%ld\n", usage.ru_maxrss / 1024);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 2 ? argv[1] : "";
  if ((verb == "ragged" || verb == "paired") && (argc == 6 || argc == 7))
    return make_data(verb == "paired", argv[2], std::atoll(argv[3]), std::atoll(argv[4]), std::atoll(argv[5]), argc == 7 ? argv[6] : ""), 0;
  if (verb == "arrays") return list_arrays(argv[2]), 0;
  if (verb == "peak") return peak_of(argv + 2);
  return 2;
}
