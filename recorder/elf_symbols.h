// The functions of one ELF file, from its .symtab and .dynsym, found by file offset.
//
// The file may belong to anybody: nothing in it is trusted, it is read with pread (never mapped: a
// file that shrinks must not kill the recorder), and every count has a cap. Only an open descriptor
// goes in, so that the parser can move to a process without privileges.
//
// Names stay in the file until an address is looked up: the table holds 16 bytes per function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/base/result.h"
#include "recorder/unique_fd.h"

namespace twofold {

class ElfSymbols {
 public:
  // Takes the descriptor and keeps it for the names. `name` is what errors call the file. Error:
  // not a regular file, too large, no ELF file, or one of the other byte order. A file without
  // symbols is fine, and so is one whose tables are damaged: it has fewer names.
  static Result<ElfSymbols> Read(UniqueFd fd, const std::string& name);

  // The function that holds the byte at an offset of the file, mangled as in the file, without a
  // symbol version ("@GLIBC_2.2.5"); nullopt when there is none.
  //
  // Among nested functions it is the innermost. Among names of one address it is, always the same
  // way: a global or weak before a local one, as those are the names in the interface; then the one
  // with the fewest leading underscores (in C libraries the public name is often the weak one:
  // `read`, where `__read` is global); then a global before a weak one; then the shortest, as
  // decorations only add characters; then the first in alphabetical order. A function without a
  // size reaches to the next one or to the end of its section.
  std::optional<std::string> FindByFileOffset(uint64_t file_offset) const;

  // The same by virtual address, as the file itself counts (before relocation).
  std::optional<std::string> FindByAddress(uint64_t address) const;

  // The virtual address of a file offset; nullopt when no segment loads it.
  std::optional<uint64_t> AddressOfFileOffset(uint64_t file_offset) const;

  // Lower-case hexadecimal; empty when the file has none.
  const std::string& build_id() const { return build_id_; }

  // Functions in the table.
  size_t size() const { return functions_.size(); }

  size_t memory_bytes() const;

  // Gives the descriptor back; the table can find no names after that.
  UniqueFd TakeFd() { return std::move(fd_); }

 private:
  friend class ElfParser;

  enum Binding : uint32_t { kGlobal, kWeak, kLocal };
  static constexpr uint32_t kMaxFunctionBytes = (1U << 29) - 1;

  struct Function {
    uint64_t address;
    uint32_t name;  // offset in the table's strings
    uint32_t size_bytes : 29;
    uint32_t binding : 2;
    uint32_t is_dynamic : 1;  // which strings: 0 .symtab's, 1 .dynsym's
  };
  static_assert(sizeof(Function) == 16);

  struct Segment {
    uint64_t file_offset;
    uint64_t address;
    uint64_t size_bytes;  // in the file
    bool is_executable;
  };

  struct Strings {
    uint64_t file_offset = 0;
    uint64_t size_bytes = 0;
  };

  std::string ReadName(const Function& function) const;

  UniqueFd fd_;
  std::vector<Function> functions_;  // by address
  std::vector<Segment> segments_;    // executable ones first
  Strings strings_[2];               // by is_dynamic
  std::string build_id_;
};

}  // namespace twofold
