#include "analyzer/symbolize/stack_uses.h"

#include <algorithm>
#include <type_traits>

namespace twofold {

bool IsInlinedIntoParent(const Capture& capture, StackId stack) {
  const StackNode& node = capture.GetStack(stack);
  const Frame& frame = capture.GetFrame(node.frame);
  if (!frame.inlined || node.parent.value == 0) return false;
  const Frame& into = capture.GetFrame(capture.GetStack(node.parent).frame);
  return into.module == frame.module && into.offset == frame.offset;
}

StackUses::StackUses(const Capture& capture) : is_named_(capture.definitions.stacks.size() + 1) {
  NoteNamed(capture);
  NotePlaces(capture);
}

void StackUses::NoteNamed(const Capture& capture) {
  const auto note = [&]<typename Identifier>(Identifier id) {
    if constexpr (std::is_same_v<Identifier, StackId>) is_named_[id.value] = true;
  };
  for (const Waker& waker : capture.definitions.wakers) ForEachReference(waker, note);
  for (const Interval& interval : capture.intervals) {
    ForEachRow(interval, [&](const auto& row) { ForEachReference(row, note); });
  }
  is_named_[0] = false;
}

void StackUses::NotePlaces(const Capture& capture) {
  const Definitions& all = capture.definitions;
  std::vector<bool> calls(all.stacks.size() + 1);       // it has a frame that it called
  std::vector<bool> is_reached(all.stacks.size() + 1);  // it is a part of a named stack
  // Children come behind their parents.
  for (size_t i = all.stacks.size(); i != 0; --i) {
    const auto stack = StackId(uint32_t(i));
    if (!IsNamed(stack) && !is_reached[i]) continue;
    const StackNode& node = all.stacks[i - 1];
    is_reached[node.parent.value] = true;
    if (!IsInlinedIntoParent(capture, stack)) calls[node.parent.value] = true;
    const Frame& frame = capture.GetFrame(node.frame);
    const Module& module = capture.GetModule(frame.module);
    const std::string& build_id = capture.String(module.build_id);
    if (module.kind != ModuleKind::kUserFile || build_id.empty()) continue;
    std::vector<CodePlace>& places = places_[build_id];
    if (IsNamed(stack)) places.push_back({frame.offset, false});
    if (calls[i]) places.push_back({frame.offset, true});
  }
  for (auto& [build_id, places] : places_) {
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
  }
}

}  // namespace twofold
