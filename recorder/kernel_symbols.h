// The kernel's symbols, from /proc/kallsyms: the kernel proper, modules and BPF programs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/result.h"

namespace twofold {

class KernelSymbols {
 public:
  struct Hit {
    std::string_view name;
    std::string_view module;  // empty: the kernel proper; "bpf" for BPF programs
    uint64_t offset = 0;      // from the symbol's start
  };

  // Error: the file cannot be read, or hides its addresses (kptr_restrict).
  static Result<KernelSymbols> Load(const std::string& path = "/proc/kallsyms");

  // The symbol at or before an address; nullopt when it lies outside of kernel text.
  std::optional<Hit> Find(uint64_t address) const;

  // The address of a symbol by name; nullopt when there is none.
  std::optional<uint64_t> AddressOf(std::string_view name) const;

  // Reads the file again, for modules and programs loaded since; keeps the old table on error.
  void Reload();

  size_t size() const;

 private:
  struct Symbol {
    uint64_t address;
    uint32_t name;    // offset in text_
    uint32_t module;  // index in modules_
  };
  std::string path_;
  std::vector<Symbol> symbols_;  // by address
  std::string text_;             // names, each ends in NUL
  std::vector<std::string> modules_;
};

}  // namespace twofold
