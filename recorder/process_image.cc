#include "recorder/process_image.h"

#include <algorithm>
#include <utility>

namespace twofold {
namespace {

// The kernel's own default limit of mappings per process (vm.max_map_count), rounded up.
constexpr size_t kMaxMappings = 65536;

// Whether a mapping repeats a part of an older one. A build id that one of the two lacks is no
// difference: the kernel can tell it only while the file's first page is in memory.
bool Repeats(const Mapping& fresh, const Mapping& known) {
  if (fresh.start < known.start || fresh.end > known.end) return false;
  const MappedFile& a = *fresh.file;
  const MappedFile& b = *known.file;
  if (a.kind != b.kind || a.path != b.path) return false;
  if (a.kind == ModuleKind::kAnonymous) return true;
  if (fresh.file_offset - known.file_offset != fresh.start - known.start) return false;
  if (!a.build_id.empty() && !b.build_id.empty()) return a.build_id == b.build_id;
  if (a.inode != 0 && b.inode != 0) return a.inode == b.inode && a.device == b.device;
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

void ProcessImage::AddMapping(const Mapping& mapping) {
  if (mapping.start >= mapping.end || mapping.file == nullptr) return;
  const auto first =
      std::upper_bound(mappings.begin(), mappings.end(), mapping.start,
                       [](uint64_t wanted, const Mapping& m) { return wanted < m.end; });
  auto last = first;
  while (last != mappings.end() && last->start < mapping.end) ++last;

  if (first != last && Repeats(mapping, *first)) {
    if (first->build_id().empty() && !mapping.build_id().empty()) first->file = mapping.file;
    return;
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
  if (mappings.size() + pieces.size() > kMaxMappings) return;
  const auto at = mappings.erase(first, last);
  mappings.insert(at, std::make_move_iterator(pieces.begin()),
                  std::make_move_iterator(pieces.end()));
}

}  // namespace twofold
