// What the contract promises of linear_preference_loss on a device, beside its results over every option, which the conformance suite judges:
// streams, graphs, plans, refusals, and rows wider than that suite's.
#include "segpref/reward_linear.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <type_traits>

#include "host/plan/owned_workspace.hpp"
#include "kernels/math/half.hpp"
#include "segpref/error.hpp"
#include "tests/simt/host/device_call.hpp"
#include "tests/support/expect_error.hpp"

namespace segpref::simt {
namespace {

constexpr Device cuda_0{Device::Kind::cuda, 0};

struct Shape {
  std::vector<std::int64_t> lengths;
  std::int64_t feature_dim = 8, num_members = 1;
  std::int64_t padding = 0, shift = 0;  ///< elements behind a row, and before the first
  std::vector<std::int64_t> pairs = {};  ///< first and second; empty: (0, 1), (2, 3), ...
  std::int64_t num_pairs = -1;           ///< of those; -1: as many as there are segments for
  bool windows = false, shared_bias = false;
};

template <typename Element>
using RealOf = std::conditional_t<std::is_same_v<Element, double>, double, float>;

std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }

/// The tensors of one call, in host memory (Array is std::vector) or in a device's (Buffer).
template <template <typename...> class Array, typename Element>
struct Tensors {
  using Real = RealOf<Element>;
  Array<Element> features;
  Array<Real> weight, bias;
  Array<std::int64_t> offsets, begins, lengths, pairs;
  Array<float> labels;
  Array<Real> loss, step_rewards, grad_weight, grad_bias;
  Array<Element> grad_features;
};

template <typename T>
TensorView tensor(std::vector<T>& array, std::initializer_list<std::int64_t> shape) { return view(array.data(), shape); }
template <typename T>
TensorView tensor(const Buffer<T>& array, std::initializer_list<std::int64_t> shape) { return view(array.get(), shape, cuda_0); }

/// A call with random features and weights, where host and device find the same ones.
template <typename Element>
class Call {
 public:
  using Real = RealOf<Element>;

  explicit Call(const Shape& s) : shape(s), host(made()), device(copied()) {}

  std::int64_t num_steps() const { return std::accumulate(shape.lengths.begin(), shape.lengths.end(), std::int64_t{0}); }
  std::int64_t num_segments() const { return static_cast<std::int64_t>(shape.lengths.size()); }
  std::int64_t num_pairs() const { return !shape.pairs.empty() ? static_cast<std::int64_t>(shape.pairs.size()) / 2 : shape.num_pairs >= 0 ? shape.num_pairs : num_segments() / 2; }
  std::int64_t row_stride() const { return shape.feature_dim + shape.padding; }

  PreferenceCapacity capacity(Device on) const {
    PreferenceCapacity capacity{shape.num_members, num_steps(), num_segments(), num_pairs(), 0, 0, dtype_of<Element>::value};
    capacity.device = on;
    return capacity;
  }
  LinearLossPlan plan() const { return {capacity(cuda_0), shape.feature_dim}; }

  void run(const Context& context, const LinearLossPlan& plan, Workspace workspace, TensorView scores = {}) {
    with(device, scores, [&](auto&... arguments) { linear_preference_loss(context, plan, arguments..., workspace); });
  }
  void run_without_plan(const Context& context) {
    with(device, {}, [&](auto&... arguments) { linear_preference_loss(context, arguments...); });
  }

  /// Every result is the CPU's.
  void expect_results_of_the_cpu() {
    const OwnedWorkspace workspace(LinearLossPlan(capacity({}), shape.feature_dim).workspace_bytes());
    with(host, {}, [&](auto&... arguments) { linear_preference_loss(Context(1), LinearLossPlan(capacity({}), shape.feature_dim), arguments..., workspace.get()); });
    const double epsilon = sizeof(Real) == 8 ? 1e-12 : 1e-5;
    expect_near("loss", device.loss, host.loss, epsilon);
    expect_near("step reward", device.step_rewards, host.step_rewards, epsilon);
    expect_near("gradient of a weight", device.grad_weight, host.grad_weight, epsilon);
    expect_near("gradient of a bias", device.grad_bias, host.grad_bias, epsilon);
    expect_near("gradient of a feature", device.grad_features, host.grad_features, sizeof(Element) == 2 ? 0.02 : epsilon);
  }

  /// Other features of the same shape, on the host.
  void redraw(unsigned seed) {
    std::mt19937 random(seed);
    for (Element& x : host.features) x = math::from_real<Element>(std::uniform_real_distribution<float>(-1, 1)(random));
  }

  Shape shape;
  Tensors<std::vector, Element> host;
  Tensors<Buffer, Element> device;

 private:
  Tensors<std::vector, Element> made() {
    Tensors<std::vector, Element> t;
    std::mt19937 random(11);
    const std::int64_t members = shape.num_members, dim = shape.feature_dim;
    const auto reals = [&](std::int64_t size, float scale) {
      std::vector<Real> values(count(size));
      for (Real& x : values) x = static_cast<Real>(std::uniform_real_distribution<float>(-scale, scale)(random));
      return values;
    };
    for (Real x : reals(shape.shift + num_steps() * row_stride(), 1)) t.features.push_back(math::from_real<Element>(static_cast<float>(x)));
    t.weight = reals(members * dim, 1 / std::sqrt(static_cast<float>(dim)));
    t.bias = reals(shape.shared_bias ? 1 : members, 1);
    t.offsets = {0};
    for (std::int64_t length : shape.lengths) {
      t.begins.push_back(t.offsets.back());
      t.offsets.push_back(t.offsets.back() + length);
    }
    t.lengths = shape.lengths;
    t.pairs = shape.pairs;
    for (std::int64_t p = 0; p < num_pairs(); ++p) t.labels.push_back(static_cast<float>(p % 3) / 2);
    t.loss.resize(count(members));
    t.step_rewards.resize(count(members * num_steps()));
    t.grad_weight.resize(t.weight.size());
    t.grad_bias.resize(t.bias.size());
    t.grad_features.resize(count(num_steps() * dim));
    return t;
  }
  Tensors<Buffer, Element> copied() const {
    const auto& h = host;
    return {Buffer(h.features), Buffer(h.weight), Buffer(h.bias), Buffer(h.offsets), Buffer(h.begins), Buffer(h.lengths), Buffer(h.pairs), Buffer(h.labels),
            // Uninitialised: everything wanted is written
            Buffer<Real>(h.loss.size()), Buffer<Real>(h.step_rewards.size()), Buffer<Real>(h.grad_weight.size()), Buffer<Real>(h.grad_bias.size()), Buffer<Element>(h.grad_features.size())};
  }

  /// Calls use(head, features, batch, options, result, gradients, step_rewards).
  template <class TensorsOf, typename Use>
  void with(TensorsOf& t, const TensorView& scores, Use use) {
    const std::int64_t members = shape.num_members, dim = shape.feature_dim, biases = shape.shared_bias ? 1 : members;
    const LinearHead head{tensor(t.weight, {members, dim}), tensor(t.bias, {biases})};
    TensorView rows = tensor(t.features, {num_steps(), dim});
    rows.data = static_cast<Element*>(rows.data) + shape.shift;
    rows.strides[0] = row_stride();
    const ConstTensorView features = rows;
    PreferenceBatch batch;
    if (shape.windows) batch.begins = tensor(t.begins, {num_segments()}), batch.lengths = tensor(t.lengths, {num_segments()});
    else batch.offsets = tensor(t.offsets, {num_segments() + 1});
    if (!shape.pairs.empty()) batch.pairs = tensor(t.pairs, {num_pairs(), 2});
    batch.labels = tensor(t.labels, {num_pairs()});
    const PreferenceOptions options;
    PreferenceResult result;
    result.loss = tensor(t.loss, {members});
    result.scores = scores;
    const LinearGradients gradients{tensor(t.grad_weight, {members, dim}), tensor(t.grad_bias, {biases}), tensor(t.grad_features, {num_steps(), dim})};
    const TensorView step_rewards = tensor(t.step_rewards, {members, num_steps()});
    use(head, features, batch, options, result, gradients, step_rewards);
  }

  template <typename T>
  static void expect_near(const char* what, const Buffer<T>& actual, const std::vector<T>& expected, double tolerance) {
    const std::vector<T> got = actual.to_host();
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double a = static_cast<double>(math::to_f32(got[i])), e = static_cast<double>(math::to_f32(expected[i]));
      ASSERT_LE(std::fabs(a - e), tolerance * (1 + std::fabs(e))) << what << " [" << i << "]: " << a << " for " << e;
    }
  }
};

/// A workspace of exactly the plan's bytes, uninitialised: what lies behind it is guarded.
class PlannedWorkspace {
 public:
  explicit PlannedWorkspace(const LinearLossPlan& plan) : bytes_(plan.workspace_bytes()) {}
  Workspace get() const { return {bytes_.get(), bytes_.size()}; }

 private:
  Buffer<std::byte> bytes_;
};

Context context_on(const Stream& stream) { return Context(1).on_stream(stream.get()); }

template <typename Element>
void expect_the_cpus(const Shape& shape) {
  const Stream stream;
  Call<Element> call(shape);
  const LinearLossPlan plan = call.plan();
  const PlannedWorkspace workspace(plan);
  call.run(context_on(stream), plan, workspace.get());
  stream.wait();
  call.expect_results_of_the_cpu();
}

const Shape small{.lengths = {5, 3, 0, 7}};

TEST(LinearPreferenceLossOnADevice, RunsOnTheCallersStreamAndWaitsForNothing) {
  const Stream stream, other;
  Call<float> call(small);
  const LinearLossPlan plan = call.plan();
  const PlannedWorkspace workspace(plan);
  call.run(context_on(stream), plan, workspace.get());
  EXPECT_FALSE(stream.is_idle());
  EXPECT_TRUE(other.is_idle());
  stream.wait();
  EXPECT_EQ(num_pending_operations(), 0u);
  call.expect_results_of_the_cpu();
}

TEST(LinearPreferenceLossOnADevice, IsCapturedInAGraphAndReplayedWithNewData) {
  const Stream stream;
  Call<float> call({.lengths = {5, 3, 0, 7}, .pairs = {3, 1, 0, 3}});  // with a sort and a mark of the used segments
  const LinearLossPlan plan = call.plan();
  const PlannedWorkspace workspace(plan);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), cudaSuccess);
  call.run(context_on(stream), plan, workspace.get());
  ASSERT_EQ(cudaStreamEndCapture(stream.get(), &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  for (const unsigned seed : {1u, 2u}) {
    call.redraw(seed);
    const auto& features = call.host.features;
    ASSERT_EQ(cudaMemcpyAsync(call.device.features.get(), features.data(), features.size() * sizeof(float), cudaMemcpyHostToDevice, stream.get()), cudaSuccess);
    ASSERT_EQ(cudaGraphLaunch(executable, stream.get()), cudaSuccess);
    stream.wait();
    call.expect_results_of_the_cpu();
  }
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
}

TEST(LinearPreferenceLossOnADevice, AWorkspaceOfItsOwnNeedsNoWaiting) {
  const Stream stream;
  Call<float> call(small);
  call.run_without_plan(context_on(stream));
  EXPECT_FALSE(stream.is_idle());
  stream.wait();
  call.expect_results_of_the_cpu();
}

template <typename Element>
class WideRowsOnADevice : public ::testing::Test {};
using AllElements = ::testing::Types<float, double, bf16, f16>;
TYPED_TEST_SUITE(WideRowsOnADevice, AllElements);

/// More columns than a block reads, of rows that are aligned (whatever the dimension), padded, and neither; segments of several pieces.
TYPED_TEST(WideRowsOnADevice, AreTheCpus) {
  expect_the_cpus<TypeParam>({.lengths = {150, 4, 0, 9}, .feature_dim = 1040, .num_members = 2});
  expect_the_cpus<TypeParam>({.lengths = {9, 4, 150}, .feature_dim = 1037, .num_members = 2, .padding = 3, .pairs = {2, 0, 1, 2, 2, 2}, .shared_bias = true});
  expect_the_cpus<TypeParam>({.lengths = {9, 4, 150, 2}, .feature_dim = 1040, .shift = 1, .windows = true});
}

TEST(LinearPreferenceLossOnADevice, WithoutPairsOrStepsGradientsAreZeros) {
  expect_the_cpus<float>({.lengths = {5, 3}, .num_members = 2, .num_pairs = 0});
  expect_the_cpus<float>({.lengths = {5, 3}, .num_pairs = 0, .windows = true});
  expect_the_cpus<float>({.lengths = {0, 0}, .num_members = 2});
  expect_the_cpus<float>({.lengths = {}});
  expect_the_cpus<float>({.lengths = {}, .windows = true});
}

/// Segments behind the last pair, or in no listed pair: their features are not even initialised.
TEST(LinearPreferenceLossOnADevice, SegmentsInNoPairAreNotRead) {
  for (const std::vector<std::int64_t>& pairs : {std::vector<std::int64_t>{}, {1, 0, 0, 1}}) {
    const Stream stream;
    Call<float> call({.lengths = {5, 3, 140, 2}, .pairs = pairs, .num_pairs = 1});
    const std::size_t used = 8 * 8;
    const Buffer<float> rows(call.host.features.size());
    ASSERT_EQ(cudaMemcpyAsync(rows.get(), call.host.features.data(), used * sizeof(float), cudaMemcpyHostToDevice, stream.get()), cudaSuccess);
    PreferenceBatch batch;
    batch.offsets = on_device(call.device.offsets);
    batch.labels = on_device(call.device.labels);
    if (!pairs.empty()) batch.pairs = tensor(call.device.pairs, {2, 2});
    PreferenceResult result;
    result.loss = on_device(call.device.loss);
    linear_preference_loss(context_on(stream), {on_device(call.device.weight), {}}, tensor(rows, {150, 8}), batch, {}, result, {on_device(call.device.grad_weight), {}, {}});
    stream.wait();
    EXPECT_TRUE(std::isfinite(call.device.loss.to_host()[0]));
  }
}

/// The sums of windows, and with them every bit behind, do not depend on what else is asked for.
TEST(LinearPreferenceLossOnADevice, WantedScoresChangeNoBit) {
  const Stream stream;
  std::vector<std::int64_t> lengths(600, 1);
  lengths[1] = 900;  // more than most_window_pieces(600) usual pieces
  Call<float> call({.lengths = lengths, .feature_dim = 2, .num_pairs = 1, .windows = true});
  const LinearLossPlan plan = call.plan();
  const PlannedWorkspace workspace(plan), another(plan);
  call.run(context_on(stream), plan, workspace.get());
  stream.wait();
  const std::vector<float> without = call.device.grad_weight.to_host();
  const Buffer<float> scores(lengths.size());
  call.run(context_on(stream), plan, another.get(), tensor(scores, {1, 600}));
  stream.wait();
  EXPECT_EQ(call.device.grad_weight.to_host(), without);
}

TEST(LinearPreferenceLossOnADevice, APlanSaysWhatItWillDo) {
  PreferenceCapacity capacity{3, 32768, 128, 64, 0, 0, DType::bf16};
  capacity.device = cuda_0;
  const LinearLossPlan plan(capacity, 4096);
  EXPECT_NE(plan.describe().find("linear_preference_loss on cuda:0: up to 3 members, 32768 steps of 4096 features (bf16)"), std::string::npos) << plan.describe();
  EXPECT_NE(plan.describe().find("a block for 128 rows of 1024 columns, up to 1920 partial sums"), std::string::npos) << plan.describe();
  capacity.max_segment_steps = 128;
  const LinearLossPlan short_segments(capacity, 4096);
  EXPECT_EQ(short_segments.describe().find("partial sums"), std::string::npos) << "no segment has a second piece";
  EXPECT_EQ(plan.workspace_bytes() - short_segments.workspace_bytes(), 1920u * 4100 * sizeof(float));
}

/// Every code is returned before anything is enqueued.
template <typename Refused>
void expect_refusal(ErrorCode code, const std::string& words, Refused refused) {
  try {
    refused();
    ADD_FAILURE() << "accepted; expected: " << words;
  } catch (const segpref::Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
  }
  EXPECT_EQ(num_pending_operations(), 0u);
}

TEST(LinearPreferenceLossOnADevice, RefusesBeforeAnythingIsEnqueued) {
  const Stream stream;
  Call<float> call(small);
  const LinearLossPlan plan = call.plan();
  const PlannedWorkspace workspace(plan);
  const Workspace bytes = workspace.get();
  expect_refusal(ErrorCode::invalid_argument, "the plan needs", [&] { call.run(context_on(stream), plan, bytes.first(bytes.size() - 1)); });
  expect_refusal(ErrorCode::invalid_argument, "feature_dim = 8 is more than the plan's capacity 7", [&] { call.run(context_on(stream), {call.capacity(cuda_0), 7}, bytes); });
  expect_refusal(ErrorCode::invalid_argument, "the plan was made for the CPU", [&] { call.run(context_on(stream), {call.capacity({}), 8}, bytes); });

  PreferenceCapacity large = call.capacity(cuda_0);
  large.num_segments = std::int64_t{1} << 26;
  expect_refusal(ErrorCode::unsupported, "a plan for CUDA takes up to 2147483647 blocks", [&] { LinearLossPlan(large, 16384); });
  large.num_segments = std::int64_t{1} << 31;
  expect_refusal(ErrorCode::unsupported, "a plan for CUDA takes up to 1073741824 segments", [&] { LinearLossPlan(large, 1); });
}

TEST(LinearPreferenceLossOnADevice, ChecksValuesWhereTheContextAsksForIt) {
  const Stream stream;
  Call<float> call(small);
  const LinearLossPlan plan = call.plan();
  const PlannedWorkspace workspace(plan);
  const float label = 2;
  ASSERT_EQ(cudaMemcpy(call.device.labels.get() + 1, &label, sizeof label, cudaMemcpyHostToDevice), cudaSuccess);
  testing::expect_error(ErrorCode::invalid_argument, "labels[1] = 2 is outside [0, 1]", [&] { call.run(context_on(stream).checking_values(), plan, workspace.get()); });
  stream.wait();
}

}  // namespace
}  // namespace segpref::simt
