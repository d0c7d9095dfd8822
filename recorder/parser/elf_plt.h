// The procedure linkage table (PLT) of an ELF file: the little pieces of code through which a
// module calls functions of other modules, and functions that are chosen when the program begins.
// No symbol table names them. Part of recorder/parser/elf_symbols.h.
//
// Each entry jumps to where a word of memory points (its slot), and a relocation tells the dynamic
// loader which function's address to put there. So an entry is found by its jump, and named by the
// relocation of the jump's slot: whatever linker made the table, with or without branch protection
// (endbr64, bti), lazily bound or not. What has no such jump, like the stub that calls the loader
// to bind a function, is no entry.
#pragma once

#include <cstdint>
#include <vector>

#include "format/base/elf_headers.h"

namespace twofold {

struct PltEntry {
  uint64_t address;
  uint32_t size_bytes;  // at most 32
  // The function: a number in the dynamic symbol table; 0: the one that `resolver` chooses.
  uint32_t symbol;
  uint64_t resolver;  // address of the function that the loader asks (an IRELATIVE relocation)
};

// By address. Of x86-64, i386 and arm64; empty for other machines. Damage costs entries only.
std::vector<PltEntry> FindPltEntries(int fd, const ElfHeaders& headers);

}  // namespace twofold
