// The calls that bench/cuda times, one by one and in a graph, on a modelled device and on a real one (tests/gpu): they pass the benches' own check,
// which notices wrong results.
#include <gtest/gtest.h>

#include "bench/cuda/given_call.hpp"
#include "bench/cuda/training_call.hpp"

namespace segpref::bench {
namespace {

TEST(GivenCallOfTheBenches, IsRightInEveryPlaceOfItsData) {
  for (const PairOrder order : {PairOrder::in_order, PairOrder::shuffled}) {
    GivenWorkload workload(9, 40);
    const Stream stream;
    const Context context = Context(1).on_stream(stream.get());
    GivenCall call(workload, order, 3);
    EXPECT_EQ(call.num_rotations(), 3);
    EXPECT_EQ(call.check(context, stream), "") << (order == PairOrder::shuffled);
  }
}

TEST(GivenCallOfTheBenches, IsCapturedWithAllItsPlaces) {
  GivenWorkload workload(9, 40);
  const Stream stream;
  const Context context = Context(1).on_stream(stream.get());
  const GivenCall call(workload, PairOrder::shuffled, 2);
  const Graph graph(stream, [&] {
    for (int i = 0; i < 4; ++i) call.enqueue(context, i);
  });
  graph.launch(stream);
  stream.wait();
  for (int rotation : {0, 1}) {
    call.bring_home(rotation);
    EXPECT_EQ(workload.check(), "");
  }
}

void check_training(std::int64_t length, MinibatchOrder minibatches, Compute compute) {
  TrainingWorkload workload({5, {8, 8}, Output::tanh, 3, length}, minibatches);
  const Stream stream;
  const Context context = Context(1).on_stream(stream.get());
  const TrainingCall call(workload, compute);
  EXPECT_EQ(call.check(context, stream), "");
  EXPECT_EQ(call.parameters(), workload.parameters);
  const Graph graph(stream, [&] { call.enqueue(context); });
  graph.launch(stream);
  graph.launch(stream);
  stream.wait();
  EXPECT_EQ(call.steps_done(), 2);
  EXPECT_NE(call.parameters(), workload.parameters);
}

TEST(TrainingCallOfTheBenches, IsRightAndIsCapturedByTheResidentPath) { check_training(3, MinibatchOrder::shared, Compute::standard); }
TEST(TrainingCallOfTheBenches, IsRightAndIsCapturedByTheGeneralPath) { check_training(33, MinibatchOrder::own, Compute::bf16); }

TEST(GivenWorkloadOfTheBenches, NoticesWrongResults) {
  GivenWorkload workload(9, 40);
  const Stream stream;
  const Context context = Context(1).on_stream(stream.get());
  GivenCall call(workload, PairOrder::in_order, 1);
  ASSERT_EQ(call.check(context, stream), "");
  workload.loss[0] *= 1.001f;
  EXPECT_EQ(workload.check(), "the loss is wrong");
  workload.grad.back() *= 1.001f;
  EXPECT_EQ(workload.check(), "a gradient is wrong");
}

}  // namespace
}  // namespace segpref::bench
