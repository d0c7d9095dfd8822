// The part that knows DWARF, by way of libdw: it runs in a child process only.
//
// A file is read in passes. Which compilation unit does each address lie in? Then, of these units
// alone: which function and which inlined calls enclose it (one walk over the unit's entries), and
// which line of the line table is the last one at or before it? What nothing of this tells, the
// symbol table may. The answers are those of addr2line -i, with linkage names as -f prints them.
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <unordered_map>

#include "analyzer/symbolize/source_places.h"
#include "analyzer/symbolize/symbol_index.h"

namespace twofold {
namespace {

// How deep entries nest: honest ones stay below 100.
constexpr size_t kMaxNesting = 1024;
// Inlined calls that enclose one another.
constexpr size_t kMaxInlined = 256;
constexpr size_t kMaxTextBytes = 32 << 10;
constexpr uint32_t kNone = UINT32_MAX;

struct EndElf {
  void operator()(Elf* elf) const { elf_end(elf); }
};
struct EndDwarf {
  void operator()(Dwarf* dwarf) const { dwarf_end(dwarf); }
};

// A function, or an inlined copy of one, that encloses an address.
struct Scope {
  Dwarf_Die die;
  uint32_t caller = kNone;  // of an inlined copy: the scope that it lies in
};

// The innermost scope of an address so far.
struct Innermost {
  uint32_t scope = kNone;
  uint64_t range_bytes = UINT64_MAX;  // of the range of it that the address lies in
};

bool IsLinkageNameOfC(Dwarf_Die& unit) {
  switch (dwarf_srclang(&unit)) {
    case DW_LANG_C89:
    case DW_LANG_C:
    case DW_LANG_C99:
    case DW_LANG_C11:
    case DW_LANG_Mips_Assembler:
    case DW_LANG_Go:
    case DW_LANG_Fortran77:
    case DW_LANG_Fortran90:
    case DW_LANG_Fortran95:
      return true;
    default:
      return false;
  }
}

class PlaceFinder {
 public:
  PlaceFinder(Dwarf* dwarf, Elf* elf, const std::vector<uint64_t>& addresses, SourcePlaces& out)
      : dwarf_(dwarf), addresses_(addresses), symbols_(elf), out_(out) {
    order_.resize(addresses.size());
    for (uint32_t i = 0; i < order_.size(); ++i) order_[i] = i;
    std::sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) {
      return addresses[a] != addresses[b] ? addresses[a] < addresses[b] : a < b;
    });
    out_.places.resize(addresses.size());
  }

  void Run() {
    if (dwarf_ != nullptr) RunUnits();
    for (uint32_t i = 0; i < addresses_.size(); ++i) NameBySymbol(i);
  }

 private:
  // The addresses of a range, as a part of order_.
  std::span<const uint32_t> InRange(uint64_t start, uint64_t end) const {
    auto below = [&](uint32_t index, uint64_t address) { return addresses_[index] < address; };
    auto first = std::lower_bound(order_.begin(), order_.end(), start, below);
    auto last = std::lower_bound(first, order_.end(), std::max(start, end), below);
    return {first, last};
  }

  // Calls use(index of an address, bytes of its range) for the addresses in an entry's ranges.
  template <typename Use>
  static void ForRanges(Dwarf_Die& die, Use use) {
    Dwarf_Addr base = 0;
    Dwarf_Addr start = 0;
    Dwarf_Addr end = 0;
    for (ptrdiff_t at = 0; (at = dwarf_ranges(&die, at, &base, &start, &end)) > 0;) use(start, end);
  }

  void RunUnits() {
    std::vector<bool> is_done(addresses_.size());
    Dwarf_CU* unit = nullptr;
    Dwarf_Half version = 0;
    uint8_t type = 0;
    Dwarf_Die die;
    while (dwarf_get_units(dwarf_, unit, &unit, &version, &type, &die, nullptr) == 0) {
      if (type != DW_UT_compile && type != DW_UT_skeleton) continue;
      std::vector<uint32_t> inside;
      ForRanges(die, [&](uint64_t start, uint64_t end) {
        for (uint32_t index : InRange(start, end)) {
          if (!is_done[index]) inside.push_back(index);
          is_done[index] = true;
        }
      });
      if (!inside.empty()) RunUnit(die, inside);
    }
  }

  void RunUnit(Dwarf_Die& unit, const std::vector<uint32_t>& inside) {
    scopes_.clear();
    innermost_.clear();
    for (uint32_t index : inside) innermost_.emplace(index, Innermost{});
    FindScopes(unit);
    Dwarf_Files* files = nullptr;
    size_t file_count = 0;
    if (dwarf_getsrcfiles(&unit, &files, &file_count) != 0) files = nullptr;
    const bool names_are_linkage_names = IsLinkageNameOfC(unit);
    for (uint32_t index : inside) {
      SourceFrame place = LineOf(unit, addresses_[index]);
      SourcePlace& result = out_.places[index];
      size_t count = 0;
      for (uint32_t scope = innermost_[index].scope; scope != kNone && count < kMaxInlined;
           scope = scopes_[scope].caller, ++count) {
        Scope& found = scopes_[scope];
        place.function = FunctionOf(found, index, names_are_linkage_names);
        result.frames.push_back(place);
        place = found.caller != kNone ? CallOf(found.die, files) : SourceFrame();
      }
      if (count == 0 && (place.file != 0 || place.line != 0)) result.frames.push_back(place);
      std::reverse(result.frames.begin(), result.frames.end());
    }
  }

  // Walks over all entries of a unit, without recursion.
  void FindScopes(Dwarf_Die& unit) {
    struct Level {
      Dwarf_Die die;
      uint32_t scope;  // that encloses the entry
    };
    std::vector<Level> levels;
    Dwarf_Die child;
    if (dwarf_child(&unit, &child) != 0) return;
    levels.push_back({child, kNone});
    while (!levels.empty()) {
      Level& level = levels.back();
      uint32_t scope = NoteScope(level.die, level.scope);
      bool goes_down = levels.size() < kMaxNesting && dwarf_child(&level.die, &child) == 0;
      if (goes_down) {
        levels.push_back({child, scope});
        continue;
      }
      while (!levels.empty() && dwarf_siblingof(&levels.back().die, &levels.back().die) != 0) {
        levels.pop_back();
      }
    }
  }

  // Gives the scope that encloses an entry's children.
  uint32_t NoteScope(Dwarf_Die& die, uint32_t enclosing) {
    int tag = dwarf_tag(&die);
    bool is_inlined = tag == DW_TAG_inlined_subroutine;
    if (tag != DW_TAG_subprogram && !is_inlined) return enclosing;
    uint32_t fresh = uint32_t(scopes_.size());
    uint32_t caller = is_inlined ? enclosing : kNone;
    bool encloses = false;
    ForRanges(die, [&](uint64_t start, uint64_t end) {
      for (uint32_t index : InRange(start, end)) {
        auto found = innermost_.find(index);
        if (found == innermost_.end()) continue;
        Innermost& best = found->second;
        bool is_inside = best.scope != kNone && Encloses(best.scope, caller);
        if (end - start >= best.range_bytes && !is_inside) continue;
        best = {fresh, end - start};
        encloses = true;
      }
    });
    if (encloses) scopes_.push_back({die, caller});
    if (encloses) return fresh;
    return is_inlined ? enclosing : kNone;
  }

  // Whether a scope is `inner` or one of those around it.
  bool Encloses(uint32_t scope, uint32_t inner) const {
    for (; inner != kNone; inner = scopes_[inner].caller) {
      if (inner == scope) return true;
    }
    return false;
  }

  TextIndex FunctionOf(Scope& scope, uint32_t index, bool names_are_linkage_names) {
    Dwarf_Attribute attribute;
    for (unsigned int name : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
      if (dwarf_attr_integrate(&scope.die, name, &attribute) == nullptr) continue;
      if (const char* text = dwarf_formstring(&attribute)) return Text(text);
    }
    const char* name = nullptr;
    if (dwarf_attr_integrate(&scope.die, DW_AT_name, &attribute) != nullptr) {
      name = dwarf_formstring(&attribute);
    }
    if (scope.caller == kNone && !names_are_linkage_names) {
      std::string_view symbol = symbols_.NameAt(addresses_[index]);
      if (!symbol.empty()) return Text(symbol);
    }
    return name == nullptr ? 0 : Text(name);
  }

  SourceFrame LineOf(Dwarf_Die& unit, uint64_t address) {
    SourceFrame place;
    Dwarf_Line* line = dwarf_getsrc_die(&unit, address);
    int number = 0;
    if (line == nullptr) return place;
    if (const char* file = dwarf_linesrc(line, nullptr, nullptr)) place.file = Text(file);
    if (dwarf_lineno(line, &number) == 0 && number > 0) place.line = uint32_t(number);
    return place;
  }

  // Where an inlined copy was called.
  SourceFrame CallOf(Dwarf_Die& die, Dwarf_Files* files) {
    SourceFrame place;
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    if (dwarf_attr(&die, DW_AT_call_line, &attribute) != nullptr &&
        dwarf_formudata(&attribute, &value) == 0 && value <= INT32_MAX) {
      place.line = uint32_t(value);
    }
    if (files != nullptr && dwarf_attr(&die, DW_AT_call_file, &attribute) != nullptr &&
        dwarf_formudata(&attribute, &value) == 0) {
      if (const char* file = dwarf_filesrc(files, value, nullptr, nullptr)) place.file = Text(file);
    }
    return place;
  }

  void NameBySymbol(uint32_t index) {
    SourcePlace& place = out_.places[index];
    if (!place.frames.empty() && place.frames.front().function != 0) return;
    std::string_view name = symbols_.NameAt(addresses_[index]);
    if (name.empty()) return;
    if (place.frames.empty()) place.frames.push_back({});
    place.frames.front().function = Text(name);
    place.is_symbol = true;
  }

  TextIndex Text(std::string_view text) {
    if (text.empty() || text.size() > kMaxTextBytes) return 0;
    auto [entry, fresh] =
        text_ids_.try_emplace(std::string(text), static_cast<TextIndex>(out_.texts.size()));
    if (fresh) out_.texts.emplace_back(text);
    return entry->second;
  }

  Dwarf* dwarf_;
  const std::vector<uint64_t>& addresses_;
  SymbolIndex symbols_;
  SourcePlaces& out_;
  std::vector<uint32_t> order_;                        // indices of addresses, by address
  std::vector<Scope> scopes_;                          // of the unit at work
  std::unordered_map<uint32_t, Innermost> innermost_;  // of its addresses
  std::unordered_map<std::string, TextIndex> text_ids_;
};

}  // namespace

bool FindSourcePlacesUnguarded(int debug_file, int shared_file,
                               const std::vector<uint64_t>& addresses, SourcePlaces& places) {
  elf_version(EV_CURRENT);
  std::unique_ptr<Elf, EndElf> elf(elf_begin(debug_file, ELF_C_READ_MMAP, nullptr));
  if (elf == nullptr || elf_kind(elf.get()) != ELF_K_ELF) return false;
  // Without debug information there may still be symbols.
  std::unique_ptr<Dwarf, EndDwarf> shared;
  std::unique_ptr<Dwarf, EndDwarf> dwarf(dwarf_begin_elf(elf.get(), DWARF_C_READ, nullptr));
  if (dwarf != nullptr && shared_file >= 0) {
    shared.reset(dwarf_begin(shared_file, DWARF_C_READ));
    if (shared != nullptr) dwarf_setalt(dwarf.get(), shared.get());
  }
  PlaceFinder(dwarf.get(), elf.get(), addresses, places).Run();
  return true;
}

}  // namespace twofold
