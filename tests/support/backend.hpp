// The back ends that the conformance suite runs on. A test makes host arrays and says which are inputs and which are outputs; a back end
// puts them where it reads and writes, and brings the outputs home.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "segpref/context.hpp"
#include "segpref/plan.hpp"
#include "segpref/preference_options.hpp"
#include "segpref/reward_model.hpp"

namespace segpref::testing {

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  virtual const Context& context(int num_threads) = 0;
  /// Where plans must be made for.
  virtual Device device() const { return {}; }
  /// The same values where this back end reads them; valid until finish().
  virtual ConstTensorView input(const ConstTensorView& host) = 0;
  /// A place for an output that begins with the host's contents.
  virtual TensorView output(const TensorView& host) = 0;
  /// Dirty memory for one call.
  virtual Workspace workspace(std::size_t bytes) = 0;
  /// Waits; the outputs of the call are in their host arrays after it.
  virtual void finish() = 0;

  PreferenceBatch inputs(const PreferenceBatch& host);
  PreferenceOptions inputs(const PreferenceOptions& host);
  Features inputs(const Features& host);
  PreferenceResult outputs(const PreferenceResult& host);
};

/// Bytes from the first element to the last: rows may have gaps.
std::size_t spanned_bytes(const ConstTensorView& view);

/// The back ends of this program: the CPU (cpu_backend.cpp), whose instruction set is the process's (SEGPREF_ISA), a modelled CUDA device
/// (tests/simt/host/modelled_backend.cpp), or a real one (tests/gpu/gpu_backend.cpp).
const std::vector<Backend*>& backends();

}  // namespace segpref::testing
