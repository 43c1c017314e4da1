// Writes a small valid file for each reader's fuzzer, and numbers of enough length for the calls of the C ABI's: make_seeds FOLDER.
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "segpref/model_file.hpp"
#include "segpref/npz_writer.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  for (const char* name : {"npz_reader_fuzz", "safetensors_reader_fuzz", "c_abi_fuzz"}) std::filesystem::create_directories(folder / name);
  const float numbers[8] = {};
  const std::int64_t offsets[3] = {0, 1, 2};
  segpref::NpzWriter ragged(
      (folder / "npz_reader_fuzz/ragged.npz").string(),
      {{"features", segpref::DType::f32, {2, 2}}, {"offsets", segpref::DType::i64, {3}}, {"labels", segpref::DType::f32, {1}}});
  ragged.write(0, 0, numbers, 4);
  ragged.write(1, 0, offsets, 3);
  ragged.commit();
  segpref::NpzWriter((folder / "npz_reader_fuzz/paired.npz").string(), {{"obs_1", segpref::DType::f32, {1, 2, 2}},
                                                                        {"obs_2", segpref::DType::f32, {1, 2, 2}},
                                                                        {"action_1", segpref::DType::f64, {1, 2, 1}},
                                                                        {"action_2", segpref::DType::f16, {1, 2, 1}},
                                                                        {"label", segpref::DType::i64, {1}}})
      .commit();
  segpref::RewardModelFile model;
  model.architecture.feature_dim = 2;
  model.architecture.hidden = {8};
  model.parameters.assign(static_cast<std::size_t>(segpref::num_parameters(model.architecture)), 0.0f);
  segpref::save_model((folder / "safetensors_reader_fuzz/model.safetensors").string(), model);
  std::mt19937 generator(0);
  for (int seed = 0; seed < 64; ++seed) {
    std::string bytes(1024, '\0');
    for (char& byte : bytes) byte = static_cast<char>(generator());
    std::ofstream(folder / "c_abi_fuzz" / std::to_string(seed), std::ios::binary) << bytes;
  }
}
