// The calls that bench/cuda times, one by one and in a graph, on a modelled device and on a real one (tests/gpu): they pass the benches' own check,
// which notices wrong results.
#include <gtest/gtest.h>

#include "bench/cuda/given_call.hpp"

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
