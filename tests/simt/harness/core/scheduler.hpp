// Which of a block's ready threads runs next. Random order mixes two policies, one per block: every thread alike, or the warp of the
// highest random priority until it must wait. The second lets one warp run far ahead of another, which the first hardly ever does
// (after Burckhardt et al. 2010, "A randomized scheduler with probabilistic guarantees of finding bugs").
#pragma once

#include <vector>

#include "tests/simt/harness/core/block.hpp"
#include "tests/simt/harness/core/random.hpp"

namespace segpref::simt {

class Scheduler {
 public:
  void start(const Block& block, Order order, Random& random);
  void add(Thread* thread);
  /// Null when nobody is ready.
  Thread* take();
  /// A barrier opened: a good moment for another warp to lead.
  void draw_priorities();

 private:
  std::size_t choose() const;

  Order order_ = Order::random;
  Random* random_ = nullptr;
  std::vector<Thread*> ready_;               // by index unless the order is random
  std::vector<std::uint64_t> priorities_;    // per warp; empty: every thread alike
};

}  // namespace segpref::simt
