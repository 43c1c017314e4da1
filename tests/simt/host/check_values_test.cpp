// A context that checks values: every rule on values in device memory, one by one, has the words it has in host memory; nothing is written when one is
// broken; and a context that does not check enqueues nothing more than before.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>

#include "host/plan/owned_workspace.hpp"
#include "segpref/adamw.hpp"
#include "segpref/error.hpp"
#include "segpref/preference_loss.hpp"
#include "segpref/query_scores.hpp"
#include "segpref/ranking_loss.hpp"
#include "tests/simt/host/device_call.hpp"
#include "tests/support/expect_error.hpp"

namespace segpref::simt {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();

/// Where a call's tensors lie: in the test's own arrays, or in copies on a device.
class Place {
 public:
  explicit Place(bool on_device) : on_device_(on_device) {}

  Device device() const { return on_device_ ? Device{Device::Kind::cuda, 0} : Device{}; }
  TensorView tensor(TensorView host) {
    if (!on_device_ || !host.present()) return host;
    const auto* bytes = static_cast<const std::byte*>(host.data);
    copies_.push_back({host, std::make_unique<Buffer<std::byte>>(std::vector<std::byte>(bytes, bytes + host.size() * size_of(host.dtype)))});
    host.data = host.size() > 0 ? copies_.back().buffer->get() : nullptr;  // as frameworks do for empty tensors
    host.device = device();
    return host;
  }
  /// What the device holds, back into the test's arrays.
  void bring_home() {
    for (const Copy& copy : copies_) {
      const std::vector<std::byte> bytes = copy.buffer->to_host();
      if (!bytes.empty()) std::memcpy(copy.host.data, bytes.data(), bytes.size());
    }
  }

 private:
  struct Copy {
    TensorView host;
    std::unique_ptr<Buffer<std::byte>> buffer;
  };
  bool on_device_;
  std::vector<Copy> copies_;
};

/// [n], or [num_members, n] where the array holds more than n.
template <typename T>
TensorView per_member(std::vector<T>& values, std::int64_t n) {
  const auto size = static_cast<std::int64_t>(values.size());
  return size <= n ? view(values) : view(values.data(), {size / n, n});
}

/// Two members, four segments, three pairs. Tests break one thing.
template <typename Index, typename Real>
struct PreferenceCall {
  static constexpr std::int64_t num_steps = 12, num_pairs = 3;
  std::vector<Real> rewards = std::vector<Real>(2 * num_steps, Real(0.25)), labels = {0, 1, Real(0.5)}, weights = {1, 1, 1, 1, 1, 1}, margins = {0, 0, 0}, tie;
  std::vector<Index> offsets = {0, 2, 3, 7, 12}, begins, lengths, pairs = {0, 1, 1, 2, 3, 0}, order = {0, 1, 2, 2, 1, 0};
  std::vector<Real> loss = {7, 7}, grad = std::vector<Real>(2 * num_steps, 7);
  TieModel tie_model = TieModel::none;
  std::int64_t max_segment_steps = 0;

  void use_windows() { begins = {0, 2, 3, 7}, lengths = {2, 1, 4, 5}, offsets.clear(); }
  void run(const Context& context, Place& place) {
    PreferenceBatch batch;
    if (begins.empty()) batch.offsets = place.tensor(view(offsets));
    else batch.begins = place.tensor(view(begins)), batch.lengths = place.tensor(view(lengths));
    batch.pairs = place.tensor(view(pairs.data(), {num_pairs, 2}));
    batch.pair_order = place.tensor(per_member(order, num_pairs));
    batch.labels = place.tensor(view(labels));
    batch.weights = place.tensor(per_member(weights, num_pairs));
    batch.margins = place.tensor(per_member(margins, num_pairs));
    PreferenceOptions options;
    options.tie_model = tie_model;
    if (!tie.empty()) options.tie_parameter = place.tensor(view(tie));
    PreferenceResult result;
    result.loss = place.tensor(view(loss));
    PreferenceCapacity capacity;
    capacity.num_members = 2;
    capacity.num_steps = num_steps;
    capacity.num_segments = 4;
    capacity.num_pairs = num_pairs;
    capacity.dtype = dtype_of<Real>::value;
    capacity.max_segment_steps = max_segment_steps;
    capacity.device = place.device();
    const PreferenceLossPlan plan(capacity);
    const OwnedWorkspace workspace(plan.workspace_bytes(), place.device(), context);
    preference_loss(context, plan, place.tensor(view(rewards.data(), {2, num_steps})), batch, options, result, place.tensor(view(grad.data(), {2, num_steps})), workspace.get());
  }
  bool is_untouched() const { return loss == std::vector<Real>{7, 7} && grad == std::vector<Real>(2 * num_steps, 7); }
};

/// Two members, three segments, two rankings.
template <typename Index, typename Real>
struct RankingCall {
  static constexpr std::int64_t num_steps = 5;
  std::vector<Real> rewards = std::vector<Real>(2 * num_steps, Real(0.25)), weights = {1, 1, 1, 1};
  std::vector<Index> offsets = {0, 2, 3, 5}, rankings = {2, 1, 0, 0, 1}, ranking_offsets = {0, 3, 5};
  std::vector<Real> loss = {7, 7}, grad = std::vector<Real>(2 * num_steps, 7);

  void run(const Context& context, Place& place) {
    RankingBatch batch;
    batch.offsets = place.tensor(view(offsets));
    batch.rankings = place.tensor(view(rankings));
    batch.ranking_offsets = place.tensor(view(ranking_offsets));
    batch.weights = place.tensor(per_member(weights, 2));
    RankingResult result;
    result.loss = place.tensor(view(loss));
    ranking_loss(context, place.tensor(view(rewards.data(), {2, num_steps})), batch, {}, result, place.tensor(view(grad.data(), {2, num_steps})));
  }
  bool is_untouched() const { return loss == std::vector<Real>{7, 7} && grad == std::vector<Real>(2 * num_steps, 7); }
};

template <typename Index, typename Real>
struct QueryCall {
  std::vector<Real> scores = {0, 1, 2, 3, 4, 5}, mean = {7, 7};
  std::vector<Index> pairs = {0, 1, 1, 2};

  void run(const Context& context, Place& place) {
    QueryScores result;
    result.mean_probability = place.tensor(view(mean));
    query_scores(context, place.tensor(view(scores.data(), {2, 3})), place.tensor(view(pairs.data(), {2, 2})), 1.0, result);
  }
  bool is_untouched() const { return mean == std::vector<Real>{7, 7}; }
};

struct AdamWCall {
  std::vector<float> p = {1, 1}, g = {1, 1}, m = {0, 0}, v = {0, 0};
  std::vector<std::int64_t> step = {1};

  void run(const Context& context, Place& place) {
    adamw_step(context, place.tensor(view(p)), place.tensor(view(g)), place.tensor(view(m)), place.tensor(view(v)), place.tensor(view(step)), {});
  }
  bool is_untouched() const { return p == std::vector<float>{1, 1} && m == std::vector<float>{0, 0}; }
};

/// The same broken call in host and in device memory.
template <class Call>
void expect_the_words_of_the_host(const char* what, const std::function<void(Call&)>& spoil) {
  SCOPED_TRACE(what);
  Call on_host, on_device;
  spoil(on_host);
  spoil(on_device);
  std::string message;
  ErrorCode code{};
  try {
    Place host(false);
    on_host.run(Context(1), host);
    FAIL() << "the host accepts it";
  } catch (const segpref::Error& error) {
    message = error.what();
    code = error.code();
  }
  const Stream stream;
  Place device(true);
  testing::expect_error(code, message, [&] { on_device.run(Context(1).on_stream(stream.get()).checking_values(), device); });
  stream.wait();
  device.bring_home();
  EXPECT_TRUE(on_device.is_untouched()) << "something was written";
}

/// A legal call gives, checked, what it gives unchecked.
template <class Call>
void expect_the_results_of_an_unchecked_call() {
  Call unchecked, checked;
  for (Call* call : {&unchecked, &checked}) {
    const Stream stream;
    Place device(true);
    call->run(Context(1).on_stream(stream.get()).checking_values(call == &checked), device);
    stream.wait();
    device.bring_home();
    EXPECT_FALSE(call->is_untouched());
  }
  if constexpr (requires { unchecked.grad; }) {
    EXPECT_EQ(checked.loss, unchecked.loss);
    EXPECT_EQ(checked.grad, unchecked.grad);
  } else {
    EXPECT_EQ(checked.mean, unchecked.mean);
  }
}

template <typename I, typename R>
struct Types {
  using Index = I;
  using Real = R;
};
template <class T>
class CheckedValues : public ::testing::Test {};
using AllTypes = ::testing::Types<Types<std::int32_t, float>, Types<std::int64_t, double>>;
TYPED_TEST_SUITE(CheckedValues, AllTypes);

TYPED_TEST(CheckedValues, OfPreferenceLossHaveTheRulesOfTheHost) {
  using Real = typename TypeParam::Real;
  using Call = PreferenceCall<typename TypeParam::Index, Real>;
  expect_the_results_of_an_unchecked_call<Call>();
  const auto refuse = expect_the_words_of_the_host<Call>;
  refuse("first offset below zero", [](Call& c) { c.offsets[0] = -1; });
  refuse("first offset beyond the steps", [](Call& c) { c.offsets[0] = 13; });
  refuse("offsets decrease", [](Call& c) { c.offsets[2] = 1; });
  refuse("last offset beyond the steps", [](Call& c) { c.offsets[4] = 13; });
  refuse("last offset below the one before", [](Call& c) { c.offsets[4] = 6; });
  refuse("window of negative length", [](Call& c) { c.use_windows(), c.lengths[1] = -1; });
  refuse("window before the steps", [](Call& c) { c.use_windows(), c.begins[2] = -2; });
  refuse("window behind the steps", [](Call& c) { c.use_windows(), c.begins[0] = 13; });
  refuse("window beyond the steps", [](Call& c) { c.use_windows(), c.lengths[3] = 6; });
  refuse("pair beyond the segments", [](Call& c) { c.pairs[3] = 4; });
  refuse("pair below zero", [](Call& c) { c.pairs[4] = -1; });
  refuse("own order beyond the pairs", [](Call& c) { c.order[4] = 3; });
  refuse("shared order below zero", [](Call& c) { c.order = {0, -7, 1}; });
  refuse("label above one", [](Call& c) { c.labels[2] = Real(1.1); });
  refuse("label below zero", [](Call& c) { c.labels[0] = Real(-0.1); });
  refuse("label NaN", [](Call& c) { c.labels[1] = static_cast<Real>(nan); });
  refuse("weight of a member negative", [](Call& c) { c.weights[4] = Real(-0.3); });
  refuse("shared weight infinite", [](Call& c) { c.weights = {1, static_cast<Real>(infinity), 1}; });
  refuse("weight NaN", [](Call& c) { c.weights[0] = static_cast<Real>(nan); });
  refuse("margin negative", [](Call& c) { c.margins[2] = -1; });
  refuse("margin of a member NaN", [](Call& c) { c.margins = {0, 0, 0, 0, 0, static_cast<Real>(nan)}; });
  refuse("tie parameter zero", [](Call& c) { c.tie_model = TieModel::rao_kupper, c.tie = {1, 0}; });
  refuse("tie parameter infinite", [](Call& c) { c.tie_model = TieModel::rao_kupper, c.tie = {static_cast<Real>(infinity)}; });
  refuse("tie parameter NaN", [](Call& c) { c.tie_model = TieModel::davidson, c.tie = {static_cast<Real>(nan), 0}; });
  refuse("margin with a tie model", [](Call& c) { c.tie_model = TieModel::davidson, c.tie = {-1}, c.margins = {0, 0, 0, 0, Real(0.1), 0}; });
  refuse("segment longer than the plan", [](Call& c) { c.max_segment_steps = 4; });
  refuse("window longer than the plan", [](Call& c) { c.use_windows(), c.max_segment_steps = 3; });
  refuse("everything, and the first rule is named", [](Call& c) { c.labels[0] = 2, c.pairs[5] = 9, c.order[0] = 9, c.offsets[3] = 1; });
  refuse("several of one rule, and the first position is named", [](Call& c) { c.labels = {0, 3, 2}; });
}

TYPED_TEST(CheckedValues, OfRankingLossHaveTheRulesOfTheHost) {
  using Real = typename TypeParam::Real;
  using Call = RankingCall<typename TypeParam::Index, Real>;
  expect_the_results_of_an_unchecked_call<Call>();
  const auto refuse = expect_the_words_of_the_host<Call>;
  refuse("offsets decrease", [](Call& c) { c.offsets[2] = 1; });
  refuse("entry beyond the segments", [](Call& c) { c.rankings[4] = 3; });
  refuse("entry below zero", [](Call& c) { c.rankings[0] = -1; });
  refuse("first ranking before the entries", [](Call& c) { c.ranking_offsets[0] = -2; });
  refuse("ranking offsets decrease", [](Call& c) { c.ranking_offsets = {0, 5, 3}; });
  refuse("last ranking beyond the entries", [](Call& c) { c.ranking_offsets[2] = 6; });
  refuse("ranking of one entry", [](Call& c) { c.ranking_offsets[1] = 4; });
  refuse("ranking of 65 entries", [](Call& c) { c.rankings.assign(70, 0), c.ranking_offsets = {0, 65, 70}; });
  refuse("weight negative", [](Call& c) { c.weights[3] = -1; });
  refuse("shared weight NaN", [](Call& c) { c.weights = {1, static_cast<Real>(nan)}; });
}

TYPED_TEST(CheckedValues, OfQueryScoresHaveTheRulesOfTheHost) {
  using Call = QueryCall<typename TypeParam::Index, typename TypeParam::Real>;
  expect_the_results_of_an_unchecked_call<Call>();
  expect_the_words_of_the_host<Call>("pair beyond the segments", [](Call& c) { c.pairs[3] = 3; });
  expect_the_words_of_the_host<Call>("pair below zero", [](Call& c) { c.pairs[0] = -1; });
}

TEST(CheckedValuesOfAdamW, HaveTheRulesOfTheHost) {
  const auto refuse = expect_the_words_of_the_host<AdamWCall>;
  refuse("step zero", [](AdamWCall& c) { c.step[0] = 0; });
  refuse("step below zero", [](AdamWCall& c) { c.step[0] = -5; });
  refuse("step that cannot be advanced", [](AdamWCall& c) { c.step[0] = std::numeric_limits<std::int64_t>::max(); });
}

TYPED_TEST(CheckedValues, EmptyArraysBreakNoRule) {
  using Call = PreferenceCall<typename TypeParam::Index, typename TypeParam::Real>;
  for (const bool checks : {false, true}) {
    Call call;
    call.order.clear();  // no pairs in the batch: a null pointer on the device
    const Stream stream;
    Place device(true);
    call.run(Context(1).on_stream(stream.get()).checking_values(checks), device);
    stream.wait();
    device.bring_home();
    EXPECT_EQ(call.loss, (decltype(call.loss){0, 0}));
    EXPECT_EQ(call.grad, decltype(call.grad)(call.grad.size(), 0));
  }
}

using Query = QueryCall<std::int32_t, float>;

TEST(CheckedValuesOnAStream, AnUncheckedCallEnqueuesNothingMore) {
  const Stream stream;
  Query call;
  Place device(true);
  call.run(Context(1).on_stream(stream.get()), device);
  EXPECT_EQ(num_pending_operations(), 1u);
  stream.wait();
}

TEST(CheckedValuesOnAStream, ACheckedCallWaitsForTheStreamAndThenEnqueuesTheSame) {
  const Stream stream;
  Query before, call;
  Place device_before(true), device(true);
  before.run(Context(1).on_stream(stream.get()), device_before);
  call.run(Context(1).on_stream(stream.get()).checking_values(), device);
  device_before.bring_home();
  EXPECT_FALSE(before.is_untouched()) << "what was enqueued before is done";
  EXPECT_EQ(num_pending_operations(), 2u) << "the end of the check's memory, and the call itself, which nobody waits for";
  stream.wait();
}

TEST(CheckedValuesOnAStream, ACaptureIsRefusedAndGoesOn) {
  const Stream stream;
  Query call;
  Place device(true);
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), cudaSuccess);
  testing::expect_error(ErrorCode::unsupported,
                        "the context checks values in device memory, which waits for its stream; a stream that is being captured cannot be waited for: capture with a context without "
                        "checking_values()",
                        [&] { call.run(Context(1).on_stream(stream.get()).checking_values(), device); });
  call.run(Context(1).on_stream(stream.get()), device);
  EXPECT_EQ(cudaStreamEndCapture(stream.get(), &graph), cudaSuccess) << "the refused call has spoilt the capture";
  cudaGraphDestroy(graph);
}

TEST(CheckedValuesOnAStream, AFailedLaunchOfTheCheckIsReported) {
  const Stream stream;
  Query call;
  Place device(true);
  fail_next_launch(cudaErrorInvalidConfiguration);
  try {
    call.run(Context(1).on_stream(stream.get()).checking_values(), device);
    ADD_FAILURE() << "accepted";
  } catch (const segpref::Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::device_failed);
    EXPECT_EQ(std::string(error.what()).find("host/cuda_backend/with_cuda/check_values.cpp:"), 0u) << error.what();
  }
  stream.wait();
}

}  // namespace
}  // namespace segpref::simt
