#include "analyzer/names/frame_names.h"

#include "analyzer/names/demangle.h"
#include "analyzer/text/units.h"

namespace twofold {

Result<FrameNames> FrameNames::Read(Database& database, bool demangle) {
  FrameNames names;
  if (!demangle) return names;
  Result<Statement> rows =
      database.Prepare("SELECT symbol FROM frame WHERE symbol IS NOT NULL ORDER BY frame.frame_id");
  if (!rows) return std::move(rows).error();
  std::vector<std::string_view> mangled;  // of the keys of names.mangled_
  while (true) {
    Result<bool> row = rows->Step();
    if (!row) return std::move(row).error();
    if (!*row) break;
    std::string_view name = rows->Text(0);
    if (!LooksMangled(name)) continue;
    auto [entry, fresh] = names.mangled_.try_emplace(std::string(name), mangled.size());
    if (fresh) mangled.emplace_back(entry->first);
  }
  names.demangled_ = DemangledNames::Of(mangled);
  return names;
}

std::string_view FrameNames::Shown(std::string_view name) const {
  if (mangled_.empty() || !LooksMangled(name)) return name;
  auto found = mangled_.find(std::string(name));
  if (found == mangled_.end()) return name;
  return demangled_.At(found->second).value_or(name);
}

std::vector<std::string> FrameNames::Notes() const {
  std::vector<std::string> notes;
  size_t mangled = demangled_.given_up() + demangled_.not_tried();
  if (mangled > 0) {
    notes.push_back(FormatCount(static_cast<int64_t>(mangled)) +
                    (mangled == 1 ? " name is" : " names are") +
                    " shown mangled: making more of them readable would take too long");
  }
  return notes;
}

}  // namespace twofold
