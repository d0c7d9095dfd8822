// The kernel's symbols, from /proc/kallsyms: the kernel proper, modules and BPF programs.
//
// Only text symbols can be found. Where several share an address, one is chosen, always the same
// one: a global (T) before a local (t) before a weak one (w, W), because the global name is the one
// that sources and documentation use; then the shortest, which is the plain spelling among variants
// such as `memcpy` and `__memcpy`; then the first in alphabetical order. The padding symbols that
// compilers put before functions (`__pfx_*`, `__cfi_*`) are left out: nothing ever runs there, and
// they are half of a large table.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/result.h"

namespace twofold {

class KernelSymbols {
 public:
  // Views stay valid until Reload.
  struct Hit {
    std::string_view name;
    std::string_view module;  // empty: the kernel proper; "bpf" for BPF programs
    uint64_t offset = 0;      // from the symbol's start
  };

  // Error: the file cannot be read, or hides its addresses (kptr_restrict).
  // `modules_path` lists the loaded modules, if there are any.
  static Result<KernelSymbols> Load(const std::string& path = "/proc/kallsyms",
                                    const std::string& modules_path = "/proc/modules");

  // The symbol at or before an address; nullopt when it lies outside of kernel text. A module's or
  // program's last symbol reaches to the next symbol of any kind, at most 256 KiB (kallsyms does
  // not tell sizes).
  std::optional<Hit> Find(uint64_t address) const;

  // The address of a text symbol, of any alias, by name; the lowest when there are several; nullopt
  // when there is none.
  std::optional<uint64_t> AddressOf(std::string_view name) const;

  // A BPF program that the kernel announced, where it lies; it comes before what the file told, and
  // stays known after the kernel let go of it, until the next Reload or until another one takes its
  // place: its last samples are still to be named.
  void AddProgram(uint64_t address, uint64_t size_bytes, std::string name);
  void RemoveProgram(uint64_t address);

  // Reads the file again if the list of loaded modules is another than the last time; says whether
  // it did. For every interval's end: a module that came is no part of its neighbour in memory.
  bool FollowModules();

  // Reads the file again, for modules and programs loaded since; keeps the old table on error.
  void Reload();

  // Symbols that can be found, aliases included.
  size_t size() const { return symbol_count_; }

  // Of the tables, for those who watch the recorder's memory.
  size_t memory_bytes() const;

 private:
  friend class KallsymsParser;

  // kMarker: data begins here, the text symbol before it ends.
  enum class Rank : uint8_t { kGlobal, kLocal, kWeak, kMarker };

  struct Symbol {
    uint64_t address;
    uint32_t name;    // offset in text_
    uint16_t module;  // index in modules_; 0: the kernel proper
    Rank rank;
  };
  static_assert(sizeof(Symbol) == 16);

  struct Range {
    uint64_t start = 0;
    uint64_t end = 0;
    bool Contains(uint64_t address) const { return address >= start && address < end; }
  };

  struct Program {
    uint64_t end;
    std::string name;
    bool is_gone;
  };

  const char* NameOf(const Symbol& symbol) const { return text_.data() + symbol.name; }
  bool Before(const Symbol& a, const Symbol& b) const;
  void Sort();

  std::string path_;
  std::string modules_path_;
  std::vector<Symbol> symbols_;  // by address, then by preference
  std::string text_;             // names, each ends in NUL
  std::vector<std::string> modules_;
  Range text_range_;       // _stext to _etext; empty where kallsyms does not tell
  Range init_text_range_;  // _sinittext to _einittext
  size_t symbol_count_ = 0;
  std::map<uint64_t, Program> programs_;  // announced ones, by start, without overlaps
  std::string module_list_;
};

}  // namespace twofold
