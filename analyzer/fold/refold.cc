#include "analyzer/fold/refold.h"

#include <algorithm>
#include <utility>

namespace twofold {
namespace {

constexpr uint32_t kUnknown = UINT32_MAX;

Folded WithNamesOf(Folded& old) {
  Folded fresh;
  fresh.texts = old.texts;
  fresh.names = old.names;
  fresh.details = std::move(old.details);
  fresh.notes = std::move(old.notes);
  fresh.lost_left_out = old.lost_left_out;
  return fresh;
}

std::string_view AnnotationOf(const FrameName& name, const StackDetails& details) {
  switch (name.kind) {
    case FrameKind::kKernel:
      return "_[k]";
    case FrameKind::kWaker:
      return "_[w]";
    case FrameKind::kUser:
      break;
    case FrameKind::kRoot:
    case FrameKind::kSpecial:
    case FrameKind::kSeparator:
      return "";
  }
  if (name.frame == 0) return "";
  const FrameDetail& frame = details.frames[name.frame - 1];
  if (frame.is_inlined) return "_[i]";
  const ModuleDetail* module = details.ModuleOf(frame);
  bool made_at_run_time =
      module != nullptr && (module->kind == "runtime" || module->kind == "anonymous");
  return made_at_run_time ? "_[j]" : "";
}

}  // namespace

Refold::Refold(Folded&& old, Identity identity)
    : old_(std::move(old)),
      fresh_(WithNamesOf(old_)),
      forest_(fresh_, identity),
      merger_(fresh_, forest_) {}

Refold::Refold(Folded&& old)
    : Refold(std::move(old), old.details.frames.empty() ? Identity::kTexts : Identity::kFrames) {}

std::vector<uint32_t> Refold::Places(const std::vector<bool>& leave_out) {
  std::vector<uint32_t> places(old_.nodes.size(), 0);
  for (size_t i = 1; i < places.size(); ++i) {
    const FrameNode& node = old_.nodes[i];
    uint32_t parent = places[node.parent];
    places[i] = leave_out[node.name] ? parent : forest_.Child(parent, node.name);
  }
  return places;
}

uint32_t Refold::PlaceOf(uint32_t node) {
  if (places_.empty()) {
    places_.assign(old_.nodes.size(), kUnknown);
    places_[0] = 0;
  }
  std::vector<uint32_t> pending;
  for (; places_[node] == kUnknown; node = old_.nodes[node].parent) pending.push_back(node);
  uint32_t place = places_[node];
  for (; !pending.empty(); pending.pop_back()) {
    place = forest_.Child(place, old_.nodes[pending.back()].name);
    places_[pending.back()] = place;
  }
  return place;
}

uint32_t Refold::Add(FoldedStack stack) {
  if (stack.user == 0) std::swap(stack.user, stack.kernel);
  fresh_.total += stack.value;
  fresh_.divisor_total += stack.divisor;
  if (fresh_.IsLost(stack)) fresh_.lost += stack.value;
  return merger_.Add(stack);
}

Folded Refold::Finish() {
  // Stacks that are lost and have been cut short are still there, and still say so.
  if (old_.lost > fresh_.lost) {
    uint64_t fewer = std::min(old_.lost - fresh_.lost, old_.total - fresh_.total);
    fresh_.lost_left_out += fewer;
    fresh_.lost = old_.lost - fewer;
  }
  return std::move(fresh_);
}

Folded MergeByTexts(Folded folded, bool annotate, std::vector<uint32_t>* merged_into) {
  StackDetails details = std::move(folded.details);
  folded.details = {};
  Refold refold(std::move(folded), Identity::kTexts);
  const Folded& old = refold.old();
  Forest& forest = refold.forest();
  std::vector<uint32_t> names(old.names.size());
  for (uint32_t i = 0; i < names.size(); ++i) {
    const FrameName& name = old.names[i];
    std::string_view annotation = annotate ? AnnotationOf(name, details) : "";
    uint32_t text = annotation.empty()
                        ? name.text
                        : forest.TextOf(std::string(old.Text(i)) + std::string(annotation));
    names[i] = forest.NameOfText(text, name.kind);
  }
  std::vector<uint32_t> places(old.nodes.size(), 0);
  for (size_t i = 1; i < places.size(); ++i) {
    places[i] = forest.Child(places[old.nodes[i].parent], names[old.nodes[i].name]);
  }
  for (FoldedStack stack : old.stacks) {
    if (stack.root != Folded::kNoRoot) stack.root = names[stack.root];
    stack.user = places[stack.user];
    stack.kernel = places[stack.kernel];
    stack.tail = places[stack.tail];
    stack.thread = 0;
    uint32_t index = refold.Add(stack);
    if (merged_into != nullptr) merged_into->push_back(index);
  }
  return refold.Finish();
}

}  // namespace twofold
