// The functions of one ELF file, found by file offset. Their names come from
//   - .symtab, when the file has not been stripped;
//   - else .dynsym and the compressed .gnu_debugdata (recorder/parser/elf_minidebug.h), and the
//   .symtab of
//   a
//     separate debug file, if its descriptor is handed in (recorder/names/debug_file.h finds it);
//   - the relocations of its PLT (recorder/parser/elf_plt.h), as `function@plt`.
//
// The file may belong to anybody: nothing in it is trusted, it is read with pread (never mapped: a
// file that shrinks must not kill the recorder), and every count has a cap. Only an open descriptor
// goes in: this runs in the name reader's process (recorder/parser/name_reader_process.h), which
// may read, and make and fill files in memory (memfd_create) for what is decompressed.
//
// Names stay in the file until an address is looked up: the table holds 16 bytes per function.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "format/base/elf_headers.h"
#include "format/base/result.h"
#include "format/base/unique_fd.h"
#include "recorder/parser/elf_debug_link.h"
#include "recorder/parser/elf_plt.h"

namespace twofold {

class ElfSymbols {
 public:
  // Takes the descriptor and keeps it for the names. `name` is what errors call the file. Error:
  // not a regular file, too large, no ELF file, or one of the other byte order. A file without
  // symbols is fine, and so is one whose tables are damaged: it has fewer names.
  static Result<ElfSymbols> Read(UniqueFd fd, const std::string& name);

  // Adds the functions of a separate debug file, whose addresses are those of the main file. Takes
  // the descriptor, and keeps it for the names. Error: the main file has a .symtab of its own or a
  // debug file already, this is none that belongs to it (the same build id, or where the main file
  // has none the checksum that its debug link tells), or it names no functions.
  Result<void> AddDebugFile(UniqueFd fd, const std::string& name);

  // The function that holds the byte at an offset of the file, mangled as in the file, without a
  // symbol version ("@GLIBC_2.2.5"); nullopt when there is none.
  //
  // Among nested functions it is the innermost. Among names of one address it is, always the same
  // way: a global or weak before a local one, as those are the names in the interface; then the one
  // with the fewest leading underscores (in C libraries the public name is often the weak one:
  // `read`, where `__read` is global); then a global before a weak one; then the shortest, as
  // decorations only add characters; then the first in alphabetical order. A function without a
  // size reaches to the next one or to the end of its section.
  //
  // An entry of the PLT is the function that it calls, with "@plt"; one that calls a function which
  // a resolver chooses when the program begins (IFUNC) is that function, or if nothing tells its
  // name the resolver. The stub at the begin of .plt, which asks the loader, has no name.
  std::optional<std::string> FindByFileOffset(uint64_t file_offset) const;

  // The same by virtual address, as the file itself counts (before relocation).
  std::optional<std::string> FindByAddress(uint64_t address) const;

  // The virtual address of a file offset; nullopt when no segment loads it.
  std::optional<uint64_t> AddressOfFileOffset(uint64_t file_offset) const;

  // Lower-case hexadecimal; empty when the file has none.
  const std::string& build_id() const { return build_id_; }

  // Whether the file itself names all of its functions, so that no debug file can add any.
  bool has_symtab() const { return has_symtab_; }

  // What the file says about its debug file.
  const std::optional<DebugLink>& debug_link() const { return debug_link_; }

  // Functions in the table, with entries of the PLT.
  size_t size() const { return functions_.size(); }

  size_t memory_bytes() const;

 private:
  friend class ElfParser;

  enum Binding : uint32_t { kGlobal, kWeak, kLocal };
  // Where a name is.
  enum Table : uint32_t { kSymtab, kDynsym, kMinidebug, kDebugFile };
  static constexpr uint32_t kMaxFunctionBytes = (1U << 27) - 1;

  struct Function {
    uint64_t address;
    uint32_t name;  // offset in the table's strings
    uint32_t size_bytes : 27;
    uint32_t binding : 2;
    uint32_t table : 2;
    uint32_t is_plt : 1;

    bool Holds(uint64_t wanted) const { return wanted - address < size_bytes; }
  };
  static_assert(sizeof(Function) == 16);

  struct Strings {
    uint64_t file_offset = 0;
    uint64_t size_bytes = 0;
  };

  struct Choice {
    const Function* function = nullptr;  // nullptr: none has a name
    std::string name;
  };

  // The best of the names that functions which begin at one address have for a byte of theirs.
  Choice Choose(std::span<const Function> same_address, uint64_t address) const;

  std::string ReadName(const Function& function) const;

  UniqueFd fd_;
  UniqueFd minidebug_fd_;  // a file in memory with the strings of .gnu_debugdata only
  UniqueFd debug_fd_;
  std::vector<Function> functions_;     // by address
  std::vector<ElfSegment> segments_;    // executable ones first
  std::vector<PltEntry> indirect_plt_;  // by address; a debug file may know better names
  Strings strings_[4];                  // by Table
  std::string build_id_;
  std::optional<DebugLink> debug_link_;
  bool has_symtab_ = false;
};

}  // namespace twofold
