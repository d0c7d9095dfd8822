#include "analyzer/fold/refold.h"

#include <algorithm>
#include <map>
#include <tuple>
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
  fresh.is_growth = old.is_growth;
  fresh.page_bytes = old.page_bytes;
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
    case FrameKind::kFact:
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

// Adds to each name what it is. All names keep their frames.
void Annotate(Folded& folded) {
  std::map<std::pair<uint32_t, std::string_view>, uint32_t> annotated;
  for (FrameName& name : folded.names) {
    std::string_view annotation = AnnotationOf(name, folded.details);
    if (annotation.empty()) continue;
    auto [text, fresh] =
        annotated.try_emplace({name.text, annotation}, uint32_t(folded.texts.size()));
    if (fresh) folded.texts.push_back(folded.texts[name.text] + std::string(annotation));
    name.text = text->second;
  }
}

// Adds up the stacks that become the same when every name becomes that of `names`.
Folded Merge(Refold& refold, const std::vector<uint32_t>& names,
             std::vector<uint32_t>* merged_into) {
  const Folded& old = refold.old();
  std::vector<uint32_t> places(old.nodes.size(), 0);
  for (size_t i = 1; i < places.size(); ++i) {
    places[i] = refold.forest().Child(places[old.nodes[i].parent], names[old.nodes[i].name]);
  }
  for (size_t i = 0; i < old.stacks.size(); ++i) {
    FoldedStack stack = old.stacks[i];
    if (stack.root != Folded::kNoRoot) stack.root = names[stack.root];
    stack.user = places[stack.user];
    stack.kernel = places[stack.kernel];
    stack.tail = places[stack.tail];
    stack.thread = 0;
    uint32_t index = refold.Add(i, stack);
    if (merged_into != nullptr) merged_into->push_back(index);
  }
  return refold.Finish();
}

}  // namespace

Refold::Refold(Folded&& old, Identity identity)
    : old_(std::move(old)),
      fresh_(WithNamesOf(old_)),
      forest_(fresh_, identity),
      merger_(fresh_, forest_),
      new_stacks_(old_.stacks.size(), kUnknown) {}

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

uint32_t Refold::Add(size_t old_stack, FoldedStack stack) {
  if (stack.user == 0) std::swap(stack.user, stack.kernel);
  fresh_.total += stack.value;
  fresh_.divisor_total += stack.divisor;
  if (fresh_.IsLost(stack)) fresh_.lost += stack.value;
  new_stacks_[old_stack] = merger_.Add(stack);
  return new_stacks_[old_stack];
}

Folded Refold::Finish() {
  // Stacks that are lost and have been cut short are still there, and still say so.
  if (old_.lost > fresh_.lost) {
    uint64_t fewer = std::min(old_.lost - fresh_.lost, old_.total - fresh_.total);
    fresh_.lost_left_out += fewer;
    fresh_.lost = old_.lost - fewer;
  }
  for (FoldedRow row : old_.rows) {
    row.stack = new_stacks_[row.stack];
    if (row.stack != kUnknown) fresh_.rows.push_back(row);
  }
  return std::move(fresh_);
}

Folded MergeByTexts(Folded folded, bool annotate, std::vector<uint32_t>* merged_into) {
  if (annotate) Annotate(folded);
  folded.details = {};
  Refold refold(std::move(folded), Identity::kTexts);
  std::vector<uint32_t> names;
  for (const FrameName& name : refold.old().names) {
    names.push_back(refold.forest().NameOfText(name.text, name.kind));
  }
  return Merge(refold, names, merged_into);
}

Folded MergeByPlaces(Folded folded, bool annotate) {
  if (annotate) Annotate(folded);
  const StackDetails& details = folded.details;
  using Place = std::tuple<uint32_t, FrameKind, std::string_view, int64_t>;
  std::map<Place, uint32_t> first;
  std::vector<uint32_t> names;
  for (uint32_t i = 0; i < folded.names.size(); ++i) {
    const FrameName& name = folded.names[i];
    Place place{name.text, name.kind, {}, 0};
    if (name.frame != 0) {
      const FrameDetail& frame = details.frames[name.frame - 1];
      place = {name.text, name.kind, frame.file, frame.line};
    }
    names.push_back(first.try_emplace(place, i).first->second);
  }
  Refold refold(std::move(folded), Identity::kFrames);
  return Merge(refold, names, nullptr);
}

}  // namespace twofold
