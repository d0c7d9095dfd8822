#include "analyzer/names/frame_names.h"

#include "analyzer/data/dense_table.h"
#include "analyzer/names/demangle.h"
#include "analyzer/names/java_name.h"
#include "format/base/units.h"

namespace twofold {

Result<FrameNames> FrameNames::Read(Database& database, bool demangle, bool lines) {
  FrameNames names;
  names.readable_ = demangle;
  if (demangle) TWOFOLD_RETURN_IF_ERROR(names.ReadDemangled(database));
  if (lines) TWOFOLD_RETURN_IF_ERROR(names.ReadLines(database));
  return names;
}

Result<void> FrameNames::ReadDemangled(Database& database) {
  std::vector<std::string_view> mangled;  // of the keys of mangled_
  TWOFOLD_RETURN_IF_ERROR(ForEachRow(
      database, "SELECT symbol FROM frame WHERE symbol IS NOT NULL ORDER BY frame.frame_id", {},
      [&](const Statement& row) {
        std::string_view name = row.Text(0);
        if (!LooksMangled(name)) return;
        auto [entry, fresh] = mangled_.try_emplace(std::string(name), mangled.size());
        if (fresh) mangled.emplace_back(entry->first);
      }));
  demangled_ = DemangledNames::Of(mangled);
  return {};
}

Result<void> FrameNames::ReadLines(Database& database) {
  return ReadDenseTable(database, "frame",
                        "SELECT frame_id, source_file, line FROM frame ORDER BY frame_id",
                        [&](const Statement& row) -> Result<void> {
                          std::string_view file = row.Text(1);
                          file.remove_prefix(file.rfind('/') + 1);
                          std::string& place = lines_.emplace_back();
                          if (file.empty()) return {};
                          place = " (" + std::string(file);
                          if (!row.IsNull(2)) place += ":" + std::to_string(row.Int(2));
                          place += ")";
                          return {};
                        });
}

std::string FrameNames::ShownWithLine(int64_t frame_id, std::string_view name) const {
  std::string shown(Shown(name));
  if (frame_id >= 1 && IsIndexOf(frame_id - 1, lines_)) {
    shown += lines_[size_t(frame_id) - 1];
  }
  return shown;
}

std::string_view FrameNames::Shown(std::string_view name) const {
  if (!readable_) return name;
  if (!LooksMangled(name)) return ShortenJavaName(name);
  auto found = mangled_.find(std::string(name));
  if (found == mangled_.end()) return name;
  return demangled_.At(found->second).value_or(name);
}

std::vector<std::string> FrameNames::Notes() const {
  std::vector<std::string> notes;
  size_t mangled = demangled_.given_up() + demangled_.not_tried();
  if (mangled > 0) {
    notes.push_back(FormatCount(int64_t(mangled)) + (mangled == 1 ? " name is" : " names are") +
                    " shown mangled: making more of them readable would take too long");
  }
  return notes;
}

}  // namespace twofold
