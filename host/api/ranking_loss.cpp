#include "segpref/ranking_loss.hpp"

#include "segpref/error.hpp"

namespace segpref {

void ranking_loss(const Context&, ConstTensorView, const RankingBatch&, const PreferenceOptions&, const RankingResult&, TensorView) {
  throw Error(ErrorCode::unsupported, "ranking_loss is not supported by this version; two segments at a time go through preference_loss");
}

}  // namespace segpref
