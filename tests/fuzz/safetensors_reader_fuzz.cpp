// Any bytes, read as tensors and as a model: a result or an Error.
#include "segpref/model_file.hpp"
#include "tests/fuzz/fuzz_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const segpref::fuzz::FuzzFile file(data, size);
  try {
    segpref::load_tensors(file.path());
  } catch (const segpref::Error&) {
  }
  try {
    segpref::load_model(file.path());
  } catch (const segpref::Error&) {
  }
  return 0;
}
