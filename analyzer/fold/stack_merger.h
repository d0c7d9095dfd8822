// Adds stacks to those that are the same.
#pragma once

#include <cstdint>
#include <vector>

#include "analyzer/data/flat_map.h"
#include "analyzer/fold/forest.h"

namespace twofold {

class StackMerger {
 public:
  // Both are borrowed; what is the same is the forest's to say.
  StackMerger(Folded& folded, const Forest& forest) : folded_(folded), forest_(forest) {}

  // Adds to the stack that is the same, of the same thread. Where a part ends does not matter for
  // that, so stacks are found by a hash of their names alone, and compared when more than one has
  // it. Returns its index.
  uint32_t Add(const FoldedStack& stack);

 private:
  bool AreSame(const FoldedStack& a, const FoldedStack& b) const;
  std::vector<uint32_t> IdentitiesOf(const FoldedStack& stack) const;

  Folded& folded_;
  const Forest& forest_;
  FlatMap stack_ids_;  // hash of all names -> first stack
  std::vector<uint32_t> next_with_hash_;
};

}  // namespace twofold
