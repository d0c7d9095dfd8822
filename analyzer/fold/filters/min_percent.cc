// --min-percent: frames with less than a share of the total, counted with all that they call, go
// into one frame [below 0.5 %] of their caller's, so that everything still adds up.
//
// Frames are compared by their texts, so that every output shows the same, whether it tells apart
// what has the same name or not. Lost time is never put away.
#include <charconv>
#include <cmath>
#include <cstdio>

#include "analyzer/fold/filters/filters.h"
#include "analyzer/fold/refold.h"
#include "analyzer/fold/stack_order.h"

namespace twofold {
namespace {

constexpr uint32_t kAll = UINT32_MAX;

// How many frames of each stack, from the first one on, have at least `least`; kAll: all of them.
// Stacks are in their order, so those that share frames are neighbours, and a frame's value is
// known when the walk leaves it.
std::vector<uint32_t> KeptFrames(const Folded& sorted, double least) {
  struct OpenFrame {
    uint64_t start;      // sum of values before it
    size_t first_stack;  // that goes through it
  };
  std::vector<uint32_t> kept(sorted.stacks.size(), kAll);
  std::vector<OpenFrame> open;
  uint64_t position = 0;
  auto close_down_to = [&](size_t depth, size_t end_stack) {
    for (; open.size() > depth; open.pop_back()) {
      const OpenFrame& frame = open.back();
      if (double(position - frame.start) >= least) continue;
      // What it calls has less, so this is what counts so far.
      for (size_t i = frame.first_stack; i < end_stack; ++i) {
        kept[i] = uint32_t(open.size()) - 1;
      }
    }
  };
  PathWalker walker(sorted);
  for (size_t i = 0; i < sorted.stacks.size(); ++i) {
    close_down_to(walker.MoveTo(sorted.stacks[i]), i);
    while (open.size() < walker.path().size()) open.push_back({position, i});
    position += sorted.stacks[i].value;
  }
  close_down_to(0, sorted.stacks.size());
  return kept;
}

// The same for stacks with details, which share frames where they share their names.
std::vector<uint32_t> KeptFramesByTexts(const Folded& folded, double least) {
  std::vector<uint32_t> merged_into;
  Folded merged = MergeByTexts(folded, /*annotate=*/false, &merged_into);
  // Numbers them, so that they are known again in their order; they are of no thread.
  for (uint32_t i = 0; i < merged.stacks.size(); ++i) merged.stacks[i].thread = i;
  SortStacks(merged);
  std::vector<uint32_t> in_order = KeptFrames(merged, least);
  std::vector<uint32_t> by_number(in_order.size());
  for (size_t i = 0; i < in_order.size(); ++i) by_number[merged.stacks[i].thread] = in_order[i];
  std::vector<uint32_t> kept;
  for (uint32_t number : merged_into) kept.push_back(by_number[number]);
  return kept;
}

// The node `depth` frames below the root, on the way to `node`.
uint32_t AtDepth(const Folded& folded, uint32_t node, uint32_t depth) {
  while (folded.nodes[node].depth > depth) node = folded.nodes[node].parent;
  return node;
}

Folded Apply(const Prune& prune, Folded folded) {
  double least = double(folded.total) * prune.least_share;
  std::vector<uint32_t> kept;
  if (folded.details.frames.empty()) {
    SortStacks(folded);
    kept = KeptFrames(folded, least);
  } else {
    kept = KeptFramesByTexts(folded, least);
  }
  Refold refold(std::move(folded));
  const Folded& old = refold.old();
  uint32_t remainder = refold.forest().NameOf(prune.remainder, FrameKind::kSpecial);
  for (size_t i = 0; i < old.stacks.size(); ++i) {
    FoldedStack stack = old.stacks[i];
    bool cut = kept[i] != kAll && !old.IsLost(stack);
    uint32_t left = kept[i];
    if (cut && stack.root != Folded::kNoRoot) {
      if (left == 0) {
        stack.root = remainder;
        stack.user = stack.kernel = stack.tail = 0;
        cut = false;
      } else {
        --left;
      }
    }
    for (uint32_t* part : {&stack.user, &stack.kernel, &stack.tail}) {
      uint32_t depth = old.nodes[*part].depth;
      if (!cut) {
        *part = refold.PlaceOf(*part);
      } else if (left >= depth) {
        left -= depth;
        *part = refold.PlaceOf(*part);
      } else {
        *part = refold.forest().Child(refold.PlaceOf(AtDepth(old, *part, left)), remainder);
        if (part != &stack.tail) stack.tail = 0;
        if (part == &stack.user) stack.kernel = 0;
        cut = false;
      }
    }
    refold.Add(i, stack);
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
  Prune prune{percent / 100, text};
  auto apply = [prune](Folded folded) { return Apply(prune, std::move(folded)); };
  return StackStep{apply, /*needs_details=*/false, /*on_texts=*/true, prune};
}

}  // namespace

const StackFilter kMinPercentFilter = {
    "min-percent", "PERCENT",
    "put frames with less than this share of the total into one frame [below ...] of each caller",
    Make};

}  // namespace twofold
