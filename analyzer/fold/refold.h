// Folded stacks made anew from others: what filters of stacks are written with. Names and texts
// stay as they are; nodes are made again, and stacks that have become the same are added up. Rows
// follow their stacks.
#pragma once

#include <vector>

#include "analyzer/fold/folded.h"
#include "analyzer/fold/forest.h"
#include "analyzer/fold/stack_merger.h"

namespace twofold {

class Refold {
 public:
  // Takes the old stacks over. Without an identity: frames where the old ones have details.
  explicit Refold(Folded&& old);
  Refold(Folded&& old, Identity identity);

  // As they were: stacks, nodes and totals; without details.
  const Folded& old() const { return old_; }
  // Of the new ones. Its names are those of old() and more.
  Forest& forest() { return forest_; }

  // Every old node's place among the new ones: below its parent's place, or there in its stead
  // where `leave_out` has a true for its name.
  std::vector<uint32_t> Places(const std::vector<bool>& leave_out);

  // The place of one old node, with all frames on its way to the root.
  uint32_t PlaceOf(uint32_t node);

  // A new stack, made of the old one with that index; its nodes are new ones. A stack without user
  // frames has its kernel frames in their place. Returns which of the new stacks it is a part of.
  uint32_t Add(size_t old_stack, FoldedStack stack);

  // The new stacks; their total is that of what was added, and what is lost and was not added is
  // said to be left out.
  Folded Finish();

 private:
  Folded old_;
  Folded fresh_;
  Forest forest_;
  StackMerger merger_;
  std::vector<uint32_t> places_;      // by old node, as PlaceOf finds them
  std::vector<uint32_t> new_stacks_;  // by old stack, as Add returned them
};

// Merges frames that have details into those with the same text and kind, and drops the details.
// With `annotate`, see FoldRequest::annotate. `merged_into`, if given, receives for each old stack
// the index of the one that it is a part of.
Folded MergeByTexts(Folded folded, bool annotate, std::vector<uint32_t>* merged_into = nullptr);

// Merges frames with the same text, kind and place in the source. Those that stay have the details
// of the first one: of what they do not have in common, those say nothing.
Folded MergeByPlaces(Folded folded, bool annotate);

}  // namespace twofold
