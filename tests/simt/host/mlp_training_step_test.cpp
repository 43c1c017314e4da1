// mlp_training_step on a device: the loss, then the optimiser, with the bits of both, by either path, in a graph too.
#include <gtest/gtest.h>

#include "host/device/with_cuda/stream.hpp"
#include "tests/simt/host/mlp_call.hpp"
#include "tests/support/expect_error.hpp"

namespace segpref::simt {
namespace {

using segpref::testing::expect_error;

/// Parameters and what a training step keeps beside them.
struct Model {
  Buffer<float> parameters, first, second, gradient;
  Buffer<std::int64_t> step{std::vector<std::int64_t>{1}};

  explicit Model(const std::vector<float>& start)
      : parameters(start), first(std::vector<float>(start.size(), 0.0f)), second(std::vector<float>(start.size(), 0.0f)), gradient(start.size()) {}
  MlpOptimizer optimizer() const { return {on_device(first), on_device(second), on_device(step), {}}; }
  std::vector<std::vector<float>> state() const { return {parameters.to_host(), first.to_host(), second.to_host(), gradient.to_host()}; }
};

struct TrainingStep {
  explicit TrainingStep(const MlpShapes& shapes) : call(trained(shapes)), plan(call.plan()), workspace(plan.workspace_bytes()) {}
  static MlpShapes trained(MlpShapes shapes) {
    shapes.trains_alone = true;
    return shapes;
  }
  /// As one call.
  void fused(const Context& context, const Model& model) {
    call.with_batch([&](const Features& features, const PreferenceBatch& batch, const PreferenceResult& result) {
      mlp_training_step(context, plan, on_device(model.parameters), features, batch, {}, result, on_device(model.gradient), {}, model.optimizer(), {workspace.get(), workspace.size()});
    });
  }
  void one_by_one(const Context& context, const Model& model) {
    call.with_batch([&](const Features& features, const PreferenceBatch& batch, const PreferenceResult& result) {
      MlpGradients gradients;
      gradients.parameters = on_device(model.gradient);
      mlp_preference_loss(context, plan, on_device(model.parameters), features, batch, {}, result, gradients, {}, {}, {workspace.get(), workspace.size()});
      adamw_step(context, on_device(model.parameters), on_device(model.gradient), on_device(model.first), on_device(model.second), on_device(model.step), {});
    });
  }

  MlpCall call;
  MlpLossPlan plan;
  Buffer<std::byte> workspace;
};

TEST(MlpTrainingStepOnADevice, HasTheBitsOfLossAndOptimiser) {
  for (const std::int64_t max_segment_steps : {0, 7})  // the general path, and the resident one
    for (const Compute compute : {Compute::standard, Compute::bf16}) {
      TrainingStep training({.compute = compute, .max_segment_steps = max_segment_steps});
      EXPECT_EQ(training.plan.describe().find("resident path,") != std::string::npos, max_segment_steps > 0);
      const Stream stream;
      const Context context = Context(1).on_stream(stream.get());
      const Model fused(training.call.host.parameters), expected(training.call.host.parameters);
      for (int i = 0; i < 2; ++i) {
        training.fused(context, fused);
        training.one_by_one(context, expected);
      }
      stream.wait();
      EXPECT_EQ(fused.state(), expected.state());
      EXPECT_EQ(fused.step.to_host(), std::vector<std::int64_t>{3});
      EXPECT_NE(fused.parameters.to_host(), training.call.host.parameters);
    }
}

TEST(MlpTrainingStepOnADevice, TakesTheNextStepAtEveryReplayOfAGraph) {
  for (const std::int64_t max_segment_steps : {0, 7}) {
    TrainingStep training({.max_segment_steps = max_segment_steps});
    const device::Stream stream;
    const Context context = Context(1).on_stream(stream.get());
    const Model replayed(training.call.host.parameters), expected(training.call.host.parameters);
    const device::Graph graph(stream, [&] { training.fused(context, replayed); });
    for (int i = 0; i < 3; ++i) {
      graph.launch(stream);
      training.fused(context, expected);
    }
    stream.wait();
    EXPECT_EQ(replayed.state(), expected.state());
    EXPECT_EQ(replayed.step.to_host(), std::vector<std::int64_t>{4});
  }
}

TEST(MlpTrainingStepOnADevice, RefusesBeforeAnythingIsEnqueued) {
  TrainingStep training(MlpShapes{});
  const Stream stream;
  const Context context = Context(1).on_stream(stream.get());
  const Model model(training.call.host.parameters);
  const auto with = [&](MlpOptimizer optimizer) {
    return [&training, &model, context, optimizer] {
      training.call.with_batch([&](const Features& features, const PreferenceBatch& batch, const PreferenceResult& result) {
        mlp_training_step(context, training.plan, on_device(model.parameters), features, batch, {}, result, on_device(model.gradient), {}, optimizer,
                          {training.workspace.get(), training.workspace.size()});
      });
    };
  };
  MlpOptimizer optimizer = model.optimizer();
  optimizer.options.beta1 = 1;
  expect_error(ErrorCode::invalid_argument, "beta1 = 1 must be in [0, 1)", with(optimizer));
  optimizer = model.optimizer();
  std::int64_t on_host = 1;
  optimizer.step = view(&on_host, {1});
  expect_error(ErrorCode::invalid_type, "step lives on the CPU and parameters on cuda:0: all tensors of a call live on one device", with(optimizer));
  EXPECT_EQ(num_pending_operations(), 0u);
  const Buffer<std::int64_t> zero{std::vector<std::int64_t>{0}};
  optimizer = model.optimizer();
  optimizer.step = on_device(zero);
  expect_error(ErrorCode::invalid_argument, "step[0] = 0 must be >= 1 and <= 9223372036854775806 (the first step is 1)", [&] {
    training.call.with_batch([&](const Features& features, const PreferenceBatch& batch, const PreferenceResult& result) {
      mlp_training_step(context.checking_values(), training.plan, on_device(model.parameters), features, batch, {}, result, on_device(model.gradient), {}, optimizer,
                        {training.workspace.get(), training.workspace.size()});
    });
  });
}

}  // namespace
}  // namespace segpref::simt
