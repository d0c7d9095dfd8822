// Fills the table of recorder/elf_symbols.h: headers through libelf, tables by our own bounded
// reads.
#include <gelf.h>
#include <libelf.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>

#include "recorder/elf_notes.h"
#include "recorder/elf_symbols.h"
#include "recorder/small_file.h"

namespace twofold {
namespace {

constexpr uint64_t kMaxFileBytes = 2ULL << 30;
constexpr size_t kMaxSegments = 4096;
constexpr size_t kMaxSections = 65536;
constexpr size_t kMaxNotesBytes = size_t{64} * 1024;
constexpr size_t kMaxFunctions = 1'500'000;  // 24 MB; the largest browsers have about a million
constexpr size_t kSymbolsPerRead = 2048;

struct CloseElf {
  void operator()(Elf* elf) const { elf_end(elf); }
};

// What the two widths of symbols have in common.
struct RawSymbol {
  uint64_t address;
  uint64_t size_bytes;
  uint32_t name;
  uint8_t info;
  uint16_t section;
};

template <typename Sym>
RawSymbol FromBytes(const uint8_t* bytes) {
  Sym symbol;
  std::memcpy(&symbol, bytes, sizeof symbol);
  return {symbol.st_value, symbol.st_size, symbol.st_name, symbol.st_info, symbol.st_shndx};
}

}  // namespace

class ElfParser {
 public:
  ElfParser(ElfSymbols& out, uint64_t file_bytes) : out_(out), file_bytes_(file_bytes) {}

  // False: no ELF file of this machine's byte order.
  bool Parse() {
    static const bool libelf_ready = elf_version(EV_CURRENT) != EV_NONE;
    if (!libelf_ready) return false;
    const std::unique_ptr<Elf, CloseElf> elf(elf_begin(out_.fd_.get(), ELF_C_READ, nullptr));
    if (!elf || elf_kind(elf.get()) != ELF_K_ELF) return false;
    GElf_Ehdr header;
    if (gelf_getehdr(elf.get(), &header) == nullptr) return false;
    constexpr uint8_t kOwnOrder =
        std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
    if (header.e_ident[EI_DATA] != kOwnOrder) return false;
    is_64_bit_ = header.e_ident[EI_CLASS] == ELFCLASS64;
    ReadSegments(elf.get());
    ReadSections(elf.get());
    const size_t from_symtab = ReadSymbols(symtab_, false);
    Sort();
    ReadSymbols(dynsym_, true);
    MergeDynamic(from_symtab);
    ExtendUnsized();
    return true;
  }

 private:
  struct Table {
    uint64_t file_offset = 0;
    uint64_t size_bytes = 0;
    ElfSymbols::Strings strings;
  };

  struct CodeSection {
    uint64_t start;
    uint64_t end;
  };

  void ReadSegments(Elf* elf) {
    size_t count = 0;
    if (elf_getphdrnum(elf, &count) != 0) return;
    for (size_t i = 0; i < std::min(count, kMaxSegments); ++i) {
      GElf_Phdr segment;
      if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr) break;
      if (segment.p_type == PT_LOAD) {
        out_.segments_.push_back(
            {segment.p_offset, segment.p_vaddr, segment.p_filesz, (segment.p_flags & PF_X) != 0});
      } else if (segment.p_type == PT_NOTE) {
        ReadNotes(segment.p_offset, segment.p_filesz, segment.p_align);
      }
    }
    // A page can be in two segments, and it is code that is looked up.
    std::stable_partition(out_.segments_.begin(), out_.segments_.end(),
                          [](const ElfSymbols::Segment& s) { return s.is_executable; });
  }

  void ReadSections(Elf* elf) {
    Elf_Scn* section = nullptr;
    for (size_t i = 0; i < kMaxSections; ++i) {
      section = elf_nextscn(elf, section);
      if (section == nullptr) break;
      GElf_Shdr header;
      if (gelf_getshdr(section, &header) == nullptr) continue;
      if (header.sh_type == SHT_NOTE) {
        ReadNotes(header.sh_offset, header.sh_size, header.sh_addralign);
      } else if (header.sh_type == SHT_SYMTAB) {
        symtab_ = MakeTable(elf, header);
      } else if (header.sh_type == SHT_DYNSYM) {
        dynsym_ = MakeTable(elf, header);
      }
      const uint64_t end = header.sh_addr + header.sh_size;
      if ((header.sh_flags & SHF_EXECINSTR) != 0 && end > header.sh_addr) {
        code_sections_.push_back({header.sh_addr, end});
      }
    }
  }

  Table MakeTable(Elf* elf, const GElf_Shdr& header) const {
    Table table;
    const size_t entry_bytes = is_64_bit_ ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    Elf_Scn* strings = elf_getscn(elf, header.sh_link);
    GElf_Shdr strings_header;
    if (header.sh_entsize != entry_bytes || strings == nullptr ||
        gelf_getshdr(strings, &strings_header) == nullptr || strings_header.sh_type != SHT_STRTAB) {
      return table;
    }
    table.file_offset = header.sh_offset;
    table.size_bytes = InFile(header.sh_offset, header.sh_size);
    table.strings.file_offset = strings_header.sh_offset;
    table.strings.size_bytes = InFile(strings_header.sh_offset, strings_header.sh_size);
    return table;
  }

  // How much of a range lies in the file.
  uint64_t InFile(uint64_t offset, uint64_t size_bytes) const {
    if (offset >= file_bytes_) return 0;
    return std::min(size_bytes, file_bytes_ - offset);
  }

  void ReadNotes(uint64_t offset, uint64_t size_bytes, uint64_t alignment_bytes) {
    if (!out_.build_id_.empty()) return;
    const uint64_t wanted = std::min<uint64_t>(InFile(offset, size_bytes), kMaxNotesBytes);
    std::vector<uint8_t> notes(static_cast<size_t>(wanted));
    const auto got = ReadAt(out_.fd_.get(), offset, notes);
    if (!got) return;
    out_.build_id_ = FindBuildId(std::span(notes).first(*got), alignment_bytes);
  }

  // Appends the functions of a table; returns how many there are now.
  size_t ReadSymbols(const Table& table, bool is_dynamic) {
    const size_t entry_bytes = is_64_bit_ ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    const uint64_t count = table.size_bytes / entry_bytes;
    out_.strings_[is_dynamic ? 1 : 0] = table.strings;
    std::vector<uint8_t> chunk;
    for (uint64_t first = 0; first < count; first += kSymbolsPerRead) {
      const uint64_t wanted = std::min<uint64_t>(count - first, kSymbolsPerRead);
      chunk.resize(static_cast<size_t>(wanted) * entry_bytes);
      const auto got = ReadAt(out_.fd_.get(), table.file_offset + first * entry_bytes, chunk);
      if (!got) break;
      for (size_t at = 0; at + entry_bytes <= *got; at += entry_bytes) {
        const RawSymbol symbol = is_64_bit_ ? FromBytes<Elf64_Sym>(chunk.data() + at)
                                            : FromBytes<Elf32_Sym>(chunk.data() + at);
        AddFunction(symbol, is_dynamic);
      }
      if (*got < chunk.size()) break;
    }
    return out_.functions_.size();
  }

  void AddFunction(const RawSymbol& symbol, bool is_dynamic) {
    const uint8_t type = symbol.info & 15;
    const uint8_t binding = symbol.info >> 4;
    const bool is_function = type == STT_FUNC || type == STT_GNU_IFUNC;
    const bool is_here =
        symbol.section != SHN_UNDEF && symbol.section != SHN_ABS && symbol.section != SHN_COMMON;
    if (!is_function || !is_here || symbol.name == 0) return;
    if (out_.functions_.size() >= kMaxFunctions) return;
    ElfSymbols::Function function;
    function.address = symbol.address;
    function.name = symbol.name;
    function.size_bytes =
        static_cast<uint32_t>(std::min<uint64_t>(symbol.size_bytes, ElfSymbols::kMaxFunctionBytes));
    function.binding = binding == STB_LOCAL  ? ElfSymbols::kLocal
                       : binding == STB_WEAK ? ElfSymbols::kWeak
                                             : ElfSymbols::kGlobal;
    function.is_dynamic = is_dynamic ? 1 : 0;
    out_.functions_.push_back(function);
  }

  // In place: a table can be large.
  void Sort() {
    std::sort(out_.functions_.begin(), out_.functions_.end(),
              [](const ElfSymbols::Function& a, const ElfSymbols::Function& b) {
                return a.address != b.address ? a.address < b.address : a.name < b.name;
              });
  }

  // .symtab usually holds all of .dynsym: keep of that only what it adds.
  void MergeDynamic(size_t from_symtab) {
    auto& functions = out_.functions_;
    const auto symtab_end = functions.begin() + static_cast<ptrdiff_t>(from_symtab);
    const auto is_known = [&](const ElfSymbols::Function& f) {
      return std::binary_search(functions.begin(), symtab_end, f,
                                [](const ElfSymbols::Function& a, const ElfSymbols::Function& b) {
                                  return a.address < b.address;
                                });
    };
    functions.erase(std::remove_if(symtab_end, functions.end(), is_known), functions.end());
    if (functions.size() > from_symtab) Sort();
    functions.shrink_to_fit();
  }

  // A function without a size reaches to the next one or to the end of its section.
  void ExtendUnsized() {
    auto& functions = out_.functions_;
    uint64_t next_address = UINT64_MAX;
    for (size_t i = functions.size(); i-- > 0;) {
      ElfSymbols::Function& function = functions[i];
      if (i + 1 < functions.size() && functions[i + 1].address != function.address) {
        next_address = functions[i + 1].address;
      }
      if (function.size_bytes != 0) continue;
      const uint64_t end = std::min(next_address, EndOfSection(function.address));
      function.size_bytes = static_cast<uint32_t>(
          std::min<uint64_t>(end - std::min(end, function.address), ElfSymbols::kMaxFunctionBytes));
    }
  }

  uint64_t EndOfSection(uint64_t address) const {
    for (const CodeSection& section : code_sections_) {
      if (address >= section.start && address < section.end) return section.end;
    }
    return address;
  }

  ElfSymbols& out_;
  const uint64_t file_bytes_;
  bool is_64_bit_ = true;
  Table symtab_;
  Table dynsym_;
  std::vector<CodeSection> code_sections_;
};

Result<ElfSymbols> ElfSymbols::Read(UniqueFd fd, const std::string& name) {
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) {
    return Error{"cannot read the file's symbols: " + ErrnoText(errno), name, ""};
  }
  if (!S_ISREG(status.st_mode)) {
    return Error{"symbols can be read from regular files only", name, ""};
  }
  const uint64_t file_bytes = static_cast<uint64_t>(status.st_size);
  if (file_bytes > kMaxFileBytes) {
    return Error{"the file is larger than 2 GiB, its symbols are not read", name,
                 "Strip its debug information into a separate file"};
  }
  ElfSymbols symbols;
  symbols.fd_ = std::move(fd);
  if (!ElfParser(symbols, file_bytes).Parse()) {
    return Error{"not an ELF file of this machine's byte order", name, ""};
  }
  return symbols;
}

}  // namespace twofold
