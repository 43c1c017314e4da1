#include "segpref/query_scores.hpp"

#include "host/c_abi/context.hpp"
#include "host/c_abi/struct.hpp"
#include "host/c_abi/tensor.hpp"

using namespace segpref::c_abi;

segpref_status segpref_query_scores(const segpref_context* context, const DLTensor* scores, const DLTensor* pairs, double temperature,
                                    const segpref_query_result* result) {
  return guarded([&] {
    const segpref::Context& threads = read_context(context);
    Tensors tensors;
    const segpref::ConstTensorView score_view = tensors.in("scores", scores);
    const segpref::ConstTensorView pair_view = tensors.in("pairs", pairs);
    const segpref_query_result in = read_struct("result", result);
    segpref::QueryScores out;
    out.mean_probability = tensors.out("mean_probability", in.mean_probability);
    out.disagreement = tensors.out("disagreement", in.disagreement);
    out.entropy_of_mean = tensors.out("entropy_of_mean", in.entropy_of_mean);
    out.mean_entropy = tensors.out("mean_entropy", in.mean_entropy);
    segpref::query_scores(threads, score_view, pair_view, temperature, out);
  });
}
