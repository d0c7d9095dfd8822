#include "recorder/processes/process_image.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace twofold {
namespace {

// The kernel's own default limit of mappings per process (vm.max_map_count), rounded up.
constexpr size_t kMaxMappings = 65536;

// Whether two mappings show the same at addresses that both have. A generation that one of the two
// lacks is no difference: /proc does not tell it.
bool ShowSame(const Mapping& x, const Mapping& y) {
  const MappedFile& a = *x.file;
  const MappedFile& b = *y.file;
  if (a.kind != b.kind) return false;
  if (a.kind == ModuleKind::kAnonymous) return a.path == b.path;
  if (x.file_offset - y.file_offset != x.start - y.start) return false;
  if (a.inode == 0 || b.inode == 0) return a.path == b.path;
  if (a.device == b.device) {
    return a.inode == b.inode && (a.inode_generation == b.inode_generation ||
                                  a.inode_generation == 0 || b.inode_generation == 0);
  }
  // Of a file in an overlay /proc tells the overlay's numbers, and the event, up to Linux 6.17,
  // those of the file below.
  return a.path == b.path && (major(a.device) == 0 || major(b.device) == 0);
}

// Whether a mapping repeats a part of an older one.
bool Repeats(const Mapping& fresh, const Mapping& known) {
  return fresh.start >= known.start && fresh.end <= known.end && ShowSame(fresh, known);
}

// Keeps the part of `old` that `fresh` takes the place of. False: both show the same.
bool KeepReplaced(ProcessImage& image, const Mapping& old, const Mapping& fresh,
                  uint64_t until_ns) {
  if (ShowSame(old, fresh)) return false;
  Mapping part = old;
  if (part.start < fresh.start) {
    part.file_offset += fresh.start - part.start;
    part.start = fresh.start;
  }
  part.end = std::min(part.end, fresh.end);
  // Two that take turns are two, however often.
  for (ProcessImage::Replaced& known : image.replaced) {
    if (known.mapping.start != part.start || known.mapping.end != part.end ||
        !ShowSame(known.mapping, part)) {
      continue;
    }
    known.mapping.since_ns = std::min(known.mapping.since_ns, part.since_ns);
    known.until_ns = until_ns;
    return true;
  }
  if (image.replaced.size() >= ProcessImage::kMaxReplaced) {
    const auto oldest =
        std::min_element(image.replaced.begin(), image.replaced.end(),
                         [](const auto& a, const auto& b) { return a.until_ns < b.until_ns; });
    image.replaced_unknown_ns = std::max(image.replaced_unknown_ns, oldest->until_ns);
    image.replaced.erase(oldest);
  }
  image.replaced.push_back({.mapping = std::move(part), .until_ns = until_ns});
  return true;
}

}  // namespace

MappedFile ClassifyMappingText(std::string_view text) {
  constexpr std::string_view kDeleted = " (deleted)";
  MappedFile file;
  if (text.empty() || text == "//anon" || text.starts_with("[anon")) {
    file.kind = ModuleKind::kAnonymous;
    return file;
  }
  if (text.front() == '[') {
    file.kind = text == "[vdso]" ? ModuleKind::kVdso : ModuleKind::kAnonymous;
    file.path = text;
    return file;
  }
  if (text.ends_with(kDeleted)) {
    text.remove_suffix(kDeleted.size());
    file.deleted = true;
  }
  if (file.deleted && text == "/dev/zero") {  // memory shared with child processes
    file.kind = ModuleKind::kAnonymous;
    file.deleted = false;
    return file;
  }
  file.path = text;
  return file;
}

const Mapping* ProcessImage::FindMapping(uint64_t address) const {
  const auto after =
      std::upper_bound(mappings.begin(), mappings.end(), address,
                       [](uint64_t wanted, const Mapping& m) { return wanted < m.start; });
  if (after == mappings.begin()) return nullptr;
  const Mapping& found = *(after - 1);
  return address < found.end ? &found : nullptr;
}

std::vector<const Mapping*> ProcessImage::FindMappings(uint64_t address,
                                                       const TimeRange& when) const {
  std::vector<const Mapping*> found;
  const Mapping* now = FindMapping(address);
  // The kernel tells of a mapping before anything can run in it.
  if (now != nullptr && now->since_ns <= when.to_ns) found.push_back(now);
  if (replaced.empty()) return found;
  for (const Replaced& old : replaced) {
    const Mapping& mapping = old.mapping;
    if (address < mapping.start || address >= mapping.end) continue;
    if (old.until_ns <= when.from_ns || mapping.since_ns > when.to_ns) continue;
    const bool is_known = std::any_of(found.begin(), found.end(), [&](const Mapping* other) {
      return ShowSame(mapping, *other);
    });
    if (!is_known) found.push_back(&mapping);
  }
  std::sort(found.begin(), found.end(), [](const Mapping* a, const Mapping* b) {
    return std::tie(a->since_ns, a->file->path) < std::tie(b->since_ns, b->file->path);
  });
  if (when.from_ns < replaced_unknown_ns && !found.empty() &&
      found.front()->since_ns > when.from_ns) {
    found.insert(found.begin(), nullptr);
  }
  return found;
}

bool ProcessImage::AddMapping(const Mapping& mapping, uint64_t seen_ns) {
  if (mapping.start >= mapping.end || mapping.file == nullptr) return false;
  const auto first =
      std::upper_bound(mappings.begin(), mappings.end(), mapping.start,
                       [](uint64_t wanted, const Mapping& m) { return wanted < m.end; });
  auto last = first;
  while (last != mappings.end() && last->start < mapping.end) ++last;

  if (first != last && Repeats(mapping, *first)) {
    if (first->file->inode_generation == 0) first->file = mapping.file;
    return false;
  }

  std::vector<Mapping> pieces;
  if (first != last && first->start < mapping.start) {
    pieces.push_back(*first);
    pieces.back().end = mapping.start;
  }
  pieces.push_back(mapping);
  if (first != last && (last - 1)->end > mapping.end) {
    Mapping rest = *(last - 1);
    rest.file_offset += mapping.end - rest.start;
    rest.start = mapping.end;
    pieces.push_back(std::move(rest));
  }
  if (mappings.size() + pieces.size() > kMaxMappings) return false;
  bool is_replacement = false;
  for (auto old = first; old != last; ++old) {
    const uint64_t until_ns = seen_ns == 0 ? mapping.since_ns : seen_ns;
    is_replacement = KeepReplaced(*this, *old, mapping, until_ns) || is_replacement;
  }
  ++mapping_changes;
  last_mapped_ns = std::max(last_mapped_ns, mapping.since_ns);
  if (is_replacement) last_replacement = mapping_changes;
  const auto at = mappings.erase(first, last);
  mappings.insert(at, std::make_move_iterator(pieces.begin()),
                  std::make_move_iterator(pieces.end()));
  return is_replacement;
}

}  // namespace twofold
