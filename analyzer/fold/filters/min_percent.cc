// --min-percent: frames with less than a share of the total, counted with all that they call, go
// into one frame [below 0.5 %] of their caller's, so that everything still adds up.
//
// Frames are compared by their texts, so that every output shows the same, whether it tells apart
// what has the same name or not. Lost time is never put away.
#include <charconv>
#include <cmath>
#include <cstdio>

#include "analyzer/data/flat_map.h"
#include "analyzer/fold/filters/filters.h"
#include "analyzer/fold/refold.h"
#include "analyzer/fold/stack_order.h"

namespace twofold {
namespace {

// Frames by the texts from the first one down, with the values of all stacks through them.
class TextTree {
 public:
  explicit TextTree(const Folded& folded) : folded_(folded), walker_(folded) {}

  // Moves to a stack; path() then has a node for each of its frames.
  void MoveTo(const FoldedStack& stack) {
    size_t common = walker_.MoveTo(stack);
    path_.resize(common);
    for (size_t i = common; i < walker_.path().size(); ++i) {
      uint32_t parent = i == 0 ? 0 : path_[i - 1];
      uint32_t text = folded_.names[walker_.path()[i]].text;
      bool inserted = false;
      uint32_t node = nodes_.FindOrInsert(uint64_t{parent} << 32 | text,
                                          static_cast<uint32_t>(values_.size()), inserted);
      if (inserted) values_.push_back(0);
      path_.push_back(node);
    }
  }
  void Add(uint64_t value) {
    for (uint32_t node : path_) values_[node] += value;
  }
  const std::vector<uint32_t>& path() const { return path_; }
  uint64_t value(uint32_t node) const { return values_[node]; }

 private:
  const Folded& folded_;
  PathWalker walker_;
  FlatMap nodes_;  // parent and text
  std::vector<uint64_t> values_ = {0};
  std::vector<uint32_t> path_;
};

// The node `depth` frames below the root, on the way to `node`.
uint32_t AtDepth(const Folded& folded, uint32_t node, uint32_t depth) {
  while (folded.nodes[node].depth > depth) node = folded.nodes[node].parent;
  return node;
}

Folded Apply(double percent, const std::string& remainder_text, Folded folded) {
  SortStacks(folded);
  double least = static_cast<double>(folded.total) * percent / 100;
  Refold refold(std::move(folded));
  const Folded& old = refold.old();
  TextTree tree(old);
  for (const FoldedStack& stack : old.stacks) {
    tree.MoveTo(stack);
    tree.Add(stack.value);
  }
  std::vector<uint32_t> places = refold.Places(std::vector<bool>(old.names.size(), false));
  uint32_t remainder = refold.forest().NameOf(remainder_text, FrameKind::kSpecial);
  for (FoldedStack stack : old.stacks) {
    tree.MoveTo(stack);
    size_t kept = 0;
    while (kept < tree.path().size() &&
           static_cast<double>(tree.value(tree.path()[kept])) >= least) {
      ++kept;
    }
    bool cut = kept < tree.path().size() && !old.IsLost(stack);
    uint32_t left = static_cast<uint32_t>(kept);
    if (cut && stack.root != Folded::kNoRoot) {
      if (left == 0) {
        stack = {
            .root = remainder, .value = stack.value, .count = stack.count, .thread = stack.thread};
        cut = false;
      } else {
        --left;
      }
    }
    for (uint32_t* part : {&stack.user, &stack.kernel, &stack.tail}) {
      uint32_t depth = old.nodes[*part].depth;
      if (!cut) {
        *part = places[*part];
      } else if (left >= depth) {
        left -= depth;
        *part = places[*part];
      } else {
        *part = refold.forest().Child(places[AtDepth(old, *part, left)], remainder);
        if (part != &stack.tail) stack.tail = 0;
        if (part == &stack.user) stack.kernel = 0;
        cut = false;
      }
    }
    refold.Add(stack);
  }
  return refold.Finish();
}

Result<StackStep> Make(const std::string& value) {
  double percent = 0;
  auto [stop, status] = std::from_chars(value.data(), value.data() + value.size(), percent);
  bool usable = status == std::errc() && stop == value.data() + value.size() &&
                std::isfinite(percent) && percent >= 0 && percent <= 100;
  if (!usable) {
    return Error{"'" + value + "' does not do", "--min-percent", "Give a number from 0 to 100",
                 Error::Kind::kUsage};
  }
  char text[64];
  snprintf(text, sizeof(text), "[below %g %%]", percent);
  auto apply = [percent, remainder = std::string(text)](Folded folded) {
    return Apply(percent, remainder, std::move(folded));
  };
  return StackStep{apply, /*needs_details=*/false, /*on_texts=*/true};
}

}  // namespace

const StackFilter kMinPercentFilter = {
    "min-percent", "PERCENT",
    "put frames with less than this share of the total into one frame [below ...] of each caller",
    Make};

}  // namespace twofold
