// A training loop that owns its memory: the plan is made once, says how much scratch it needs, and runs in it as often as you like.
// An ensemble of two models learns from minibatches of its own; the pairs stay where they are, a minibatch is a list of pair indices.
#include <segpref/segpref.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <new>
#include <vector>

namespace {

constexpr std::int64_t num_members = 2, num_segments = 64, steps_per_segment = 10, num_pairs = 32, num_batch_pairs = 8;
constexpr std::int64_t num_steps = num_segments * steps_per_segment;
constexpr std::align_val_t alignment{64};

struct Free {
  void operator()(std::byte* memory) const { ::operator delete[](memory, alignment); }
};

}  // namespace

int main() {
  segpref::PreferenceCapacity capacity;
  capacity.num_members = num_members;
  capacity.num_steps = num_steps;
  capacity.num_segments = num_segments;
  capacity.num_pairs = num_pairs;
  capacity.num_batch_pairs = num_batch_pairs;
  const segpref::PreferenceLossPlan plan(capacity);
  std::printf("%s\n", plan.describe().c_str());
  const std::unique_ptr<std::byte[], Free> memory(static_cast<std::byte*>(::operator new[](plan.workspace_bytes(), alignment)));
  const segpref::Workspace workspace(memory.get(), plan.workspace_bytes());

  // The second segment of every pair is the better one.
  std::vector<std::int32_t> offsets(num_segments + 1);
  for (std::int64_t i = 0; i <= num_segments; ++i) offsets[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i * steps_per_segment);
  const std::vector<float> labels(num_pairs, 1.0f);
  std::vector<std::int32_t> pair_order(num_members * num_batch_pairs);
  std::vector<float> rewards(num_members * num_steps, 0.0f), grad(rewards.size()), loss(num_members);

  const segpref::Context context;
  segpref::PreferenceBatch batch;
  batch.offsets = segpref::view(offsets);
  batch.labels = segpref::view(labels);
  batch.pair_order = segpref::view(pair_order.data(), {num_members, num_batch_pairs});
  segpref::PreferenceResult result;
  result.loss = segpref::view(loss);
  const auto step_rewards = segpref::view(rewards.data(), {num_members, num_steps});
  const auto grad_step_rewards = segpref::view(grad.data(), {num_members, num_steps});

  for (std::int64_t step = 0; step < 40; ++step) {
    for (std::int64_t i = 0; i < num_members * num_batch_pairs; ++i)  // member 1 is half an epoch ahead
      pair_order[static_cast<std::size_t>(i)] = static_cast<std::int32_t>((step * num_batch_pairs + i % num_batch_pairs + i / num_batch_pairs * num_pairs / 2) % num_pairs);
    segpref::preference_loss(context, plan, step_rewards, batch, {}, result, grad_step_rewards, workspace);
    // Your own model's backward pass would go here. This one's parameters are the rewards themselves.
    for (std::size_t i = 0; i < rewards.size(); ++i) rewards[i] -= grad[i];
    if (step % 13 == 0) std::printf("step %2ld: loss %.4f and %.4f\n", static_cast<long>(step), loss[0], loss[1]);
  }
  return loss[0] < 0.1f && loss[1] < 0.1f ? 0 : 1;
}
