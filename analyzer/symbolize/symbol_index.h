// The symbol table of a file, by address: names for what its debug information does not tell.
#pragma once

#include <libelf.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace twofold {

// Only for the child process that FindSourcePlaces makes.
class SymbolIndex {
 public:
  // Reads .symtab, or .dynsym where there is none. `elf` is borrowed and outlives the index.
  explicit SymbolIndex(Elf* elf);

  // The function at an address; empty: none is known.
  std::string_view NameAt(uint64_t address) const;

 private:
  struct Symbol {
    uint64_t address;
    uint64_t size_bytes;  // 0: up to the next one
    uint8_t rank;         // of names for the same function: the lowest is taken
    std::string_view name;
  };

  bool Read(Elf* elf, uint32_t section_type);

  std::vector<Symbol> symbols_;  // by address, one each
};

}  // namespace twofold
