// Any bytes, read as a data set by every label convention and as a stream of steps: a result or an Error.
#include "segpref/dataset.hpp"
#include "tests/fuzz/fuzz_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const segpref::fuzz::FuzzFile file(data, size);
  segpref::DatasetOptions options;
  options.labels = static_cast<segpref::LabelConvention>(size % 7);
  try {
    segpref::PreferenceDataset::load(file.path(), options);
  } catch (const segpref::Error&) {
  }
  try {
    segpref::StepStream stream(file.path());
    while (stream.next(3).first.present()) {
    }
  } catch (const segpref::Error&) {
  }
  return 0;
}
