// What symbolizing must know of an ELF file before anybody looks into its debug information: whose
// it is (build id), what it holds, and how its code was laid out. Files are hostile: their headers
// are read by format/base/elf_headers.h, and nothing is trusted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/base/elf_headers.h"

namespace twofold {

struct ElfFile {
  std::string build_id;      // lower-case hexadecimal; empty: it has none
  bool has_lines = false;    // DWARF, .debug_info
  bool has_symbols = false;  // .symtab
  bool has_code = false;     // the code itself, not only a description of it
  std::vector<ElfSegment> segments;
  std::string shared_build_id;  // of the file with what several files share (dwz); empty: none
};

// nullopt: no ELF file that can be used: not little-endian, or its header is cut short.
std::optional<ElfFile> ReadElfFile(int descriptor);

// Where the code at offsets of the executable or library lies in its debug information.
class CodeLayout {
 public:
  // Of the executable or library itself, or of its debug file. What strips code away leaves
  // addresses alone, and most leave offsets alone, too (eu-strip; llvm-objcopy). GNU objcopy and
  // strip do not: they set them to where the emptied segments begin, and the sizes to what is left.
  // Offsets are then derived: linkers place each segment at the first offset behind the
  // one before that fits its address modulo its alignment.
  explicit CodeLayout(const ElfFile& file);

  // Whether the offsets were derived.
  bool is_derived() const { return is_derived_; }

  // nullopt: no code lies there.
  std::optional<uint64_t> AddressOf(uint64_t file_offset) const;

 private:
  std::vector<ElfSegment> code_;
  bool is_derived_ = false;
};

}  // namespace twofold
