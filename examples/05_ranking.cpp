// Three answers ranked by a person, best first: the Plackett-Luce loss and what it does to each answer's reward.
#include <segpref/segpref.hpp>

#include <cstdint>
#include <cstdio>
#include <vector>

int main() {
  // One reward per answer (a segment of one step); the person preferred answer 2, then 0, then 1. The model thinks otherwise.
  std::vector<float> rewards = {0.5f, 1.0f, 0.0f};
  const std::vector<std::int64_t> offsets = {0, 1, 2, 3};
  const std::vector<std::int64_t> rankings = {2, 0, 1}, ranking_offsets = {0, 3};
  std::vector<float> loss(1), grad(3);

  const segpref::Context context;
  segpref::RankingBatch batch;
  batch.offsets = segpref::view(offsets);
  batch.rankings = segpref::view(rankings);
  batch.ranking_offsets = segpref::view(ranking_offsets);
  segpref::RankingResult result;
  result.loss = segpref::view(loss);
  for (int step = 0; step < 50; ++step) {
    segpref::ranking_loss(context, segpref::view(rewards), batch, {}, result, segpref::view(grad));
    if (step == 0) std::printf("loss %.4f, gradients %+.3f %+.3f %+.3f\n", loss[0], grad[0], grad[1], grad[2]);
    for (std::size_t i = 0; i < rewards.size(); ++i) rewards[i] -= grad[i];
  }
  std::printf("loss %.4f, rewards %+.2f %+.2f %+.2f\n", loss[0], rewards[0], rewards[1], rewards[2]);
  return rewards[2] > rewards[0] && rewards[0] > rewards[1] ? 0 : 1;
}
