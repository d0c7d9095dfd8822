// Fills the table of recorder/parser/elf_symbols.h from what the sections of files hold.
#include <elf.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

#include "format/base/elf_headers.h"
#include "format/base/input_file.h"
#include "recorder/parser/elf_minidebug.h"
#include "recorder/parser/elf_plt.h"
#include "recorder/parser/elf_symbols.h"

namespace twofold {
namespace {

constexpr uint64_t kMaxFileBytes = 2ULL << 30;
constexpr size_t kMaxFunctions = 1'500'000;  // 24 MB; the largest browsers have about a million
constexpr size_t kMaxIndirect = 4096;        // a C library has a hundred
constexpr size_t kSymbolsPerRead = 2048;
constexpr size_t kCopyBytes = size_t{64} * 1024;

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

RawSymbol SymbolFromBytes(const uint8_t* bytes, bool is_64_bit) {
  return is_64_bit ? FromBytes<Elf64_Sym>(bytes) : FromBytes<Elf32_Sym>(bytes);
}

size_t SymbolBytes(bool is_64_bit) { return is_64_bit ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym); }

// A range of a file in a file in memory; invalid when there is no memory for it.
UniqueFd CopyRange(int fd, uint64_t offset, uint64_t size_bytes) {
  UniqueFd copy(memfd_create("names", MFD_CLOEXEC));
  if (!copy) return UniqueFd();
  std::vector<uint8_t> chunk(kCopyBytes);
  for (uint64_t done = 0; done < size_bytes;) {
    const size_t wanted = size_t(std::min<uint64_t>(size_bytes - done, chunk.size()));
    const auto got = ReadAt(fd, offset + done, std::span(chunk).first(wanted));
    if (!got || *got == 0) return UniqueFd();
    const ssize_t wrote = write(copy.get(), chunk.data(), *got);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return UniqueFd();
    done += uint64_t(wrote);
  }
  return copy;
}

// The size of a regular file that is not too large.
Result<uint64_t> SizeOfFile(int fd, const std::string& name) {
  struct stat status {};
  if (fstat(fd, &status) != 0) {
    return Error{"cannot read the file's symbols: " + ErrnoText(errno), name, ""};
  }
  if (!S_ISREG(status.st_mode)) {
    return Error{"symbols can be read from regular files only", name, ""};
  }
  const uint64_t file_bytes = uint64_t(status.st_size);
  if (file_bytes > kMaxFileBytes) {
    return Error{"the file is larger than 2 GiB, its symbols are not read", name,
                 "Strip its debug information into a separate file"};
  }
  return file_bytes;
}

Error NotElf(const std::string& name) {
  return Error{"not an ELF file of this machine's byte order", name, ""};
}

}  // namespace

class ElfParser {
 public:
  explicit ElfParser(ElfSymbols& out) : out_(out) {}

  // All that the file itself tells.
  void ReadMain(ElfHeaders headers) {
    ReadTable(out_.fd_.get(), headers, SHT_SYMTAB, ElfSymbols::kSymtab);
    out_.has_symtab_ = !functions_.empty();
    Sort();
    const size_t from_symtab = functions_.size();
    ReadTable(out_.fd_.get(), headers, SHT_DYNSYM, ElfSymbols::kDynsym);
    // The compressed names are those that .dynsym lacks.
    if (!out_.has_symtab_) ReadMinidebug(headers);
    DropKnown(from_symtab);
    ExtendUnsized(headers);
    AddPlt(FindPltEntries(out_.fd_.get(), headers), &headers);
    Finish();
    out_.segments_ = std::move(headers.segments);
    // A page can be in two segments, and it is code that is looked up.
    std::stable_partition(out_.segments_.begin(), out_.segments_.end(),
                          [](const ElfSegment& s) { return s.is_executable; });
  }

  // False: it has no functions.
  bool ReadDebugFile(const ElfHeaders& headers) {
    ReadTable(out_.debug_fd_.get(), headers, SHT_SYMTAB, ElfSymbols::kDebugFile);
    if (functions_.empty()) return false;
    Sort();
    const size_t from_debug_file = functions_.size();
    const std::vector<PltEntry> indirect = std::exchange(out_.indirect_plt_, {});
    const auto is_indirect = [&indirect](const Function& f) {
      return f.is_plt != 0 && std::binary_search(indirect.begin(), indirect.end(),
                                                 PltEntry{.address = f.address}, IsBefore);
    };
    std::remove_copy_if(out_.functions_.begin(), out_.functions_.end(),
                        std::back_inserter(functions_), is_indirect);
    DropKnown(from_debug_file);
    ExtendUnsized(headers);
    AddPlt(indirect, nullptr);
    Finish();
    return true;
  }

 private:
  using Function = ElfSymbols::Function;

  static bool IsBefore(const PltEntry& a, const PltEntry& b) { return a.address < b.address; }

  // Appends the functions of a symbol table.
  void ReadTable(int fd, const ElfHeaders& headers, uint32_t type, ElfSymbols::Table table) {
    const ElfSection* symbols = headers.FindType(type);
    const size_t entry_bytes = SymbolBytes(headers.is_64_bit);
    if (symbols == nullptr || symbols->entry_bytes != entry_bytes) return;
    const ElfSection* strings = headers.LinkOf(*symbols);
    if (strings == nullptr || strings->type != SHT_STRTAB) return;
    out_.strings_[table] = {strings->file_offset,
                            headers.InFile(strings->file_offset, strings->size_bytes)};
    const uint64_t count = headers.InFile(symbols->file_offset, symbols->size_bytes) / entry_bytes;
    std::vector<uint8_t> chunk;
    for (uint64_t first = 0; first < count; first += kSymbolsPerRead) {
      const uint64_t wanted = std::min<uint64_t>(count - first, kSymbolsPerRead);
      chunk.resize(size_t(wanted) * entry_bytes);
      const auto got = ReadAt(fd, symbols->file_offset + first * entry_bytes, chunk);
      if (!got) return;
      for (size_t at = 0; at + entry_bytes <= *got; at += entry_bytes) {
        AddSymbol(SymbolFromBytes(chunk.data() + at, headers.is_64_bit), table);
      }
      if (*got < chunk.size()) return;
    }
  }

  void AddSymbol(const RawSymbol& symbol, ElfSymbols::Table table) {
    const uint8_t type = symbol.info & 15;
    const uint8_t binding = symbol.info >> 4;
    const bool is_function = type == STT_FUNC || type == STT_GNU_IFUNC;
    const bool is_here =
        symbol.section != SHN_UNDEF && symbol.section != SHN_ABS && symbol.section != SHN_COMMON;
    if (!is_function || !is_here || symbol.name == 0) return;
    if (functions_.size() >= kMaxFunctions) return;
    Function function{};
    function.address = symbol.address;
    function.name = symbol.name;
    function.size_bytes =
        uint32_t(std::min<uint64_t>(symbol.size_bytes, ElfSymbols::kMaxFunctionBytes));
    function.binding = binding == STB_LOCAL  ? ElfSymbols::kLocal
                       : binding == STB_WEAK ? ElfSymbols::kWeak
                                             : ElfSymbols::kGlobal;
    function.table = table;
    functions_.push_back(function);
    if (type == STT_GNU_IFUNC && indirect_.size() < kMaxIndirect) {
      if (function.size_bytes == 0) function.size_bytes = 1;
      indirect_.push_back(function);
    }
  }

  // Of the file inside of the file only the strings stay in memory.
  void ReadMinidebug(const ElfHeaders& headers) {
    const ElfSection* section = headers.FindName(".gnu_debugdata");
    if (section == nullptr) return;
    const UniqueFd inner = DecompressXz(out_.fd_.get(), section->file_offset,
                                        headers.InFile(section->file_offset, section->size_bytes));
    if (!inner) return;
    const auto inner_bytes = SizeOfFile(inner.get(), "");
    if (!inner_bytes) return;
    const auto inner_headers = ReadElfHeaders(inner.get(), *inner_bytes);
    if (!inner_headers) return;
    const size_t before = functions_.size();
    ReadTable(inner.get(), *inner_headers, SHT_SYMTAB, ElfSymbols::kMinidebug);
    ElfSymbols::Strings& strings = out_.strings_[ElfSymbols::kMinidebug];
    if (functions_.size() > before) {
      out_.minidebug_fd_ = CopyRange(inner.get(), strings.file_offset, strings.size_bytes);
    }
    strings.file_offset = 0;
    if (!out_.minidebug_fd_) strings.size_bytes = 0;
  }

  // In place: a table can be large.
  static void SortByAddress(std::vector<Function>& functions) {
    std::sort(functions.begin(), functions.end(), [](const Function& a, const Function& b) {
      if (a.address != b.address) return a.address < b.address;
      return a.table != b.table ? a.table < b.table : a.name < b.name;
    });
  }

  void Sort() { SortByAddress(functions_); }

  // The first `known` functions are sorted, and usually hold all of the others: keep of those only
  // what they add.
  void DropKnown(size_t known) {
    const auto known_end = functions_.begin() + ptrdiff_t(known);
    const auto is_known = [&](const Function& f) {
      return std::binary_search(
          functions_.begin(), known_end, f,
          [](const Function& a, const Function& b) { return a.address < b.address; });
    };
    functions_.erase(std::remove_if(known_end, functions_.end(), is_known), functions_.end());
    if (functions_.size() > kMaxFunctions) functions_.resize(kMaxFunctions);
    if (functions_.size() > known) Sort();
  }

  // A function without a size reaches to the next one or to the end of its section.
  void ExtendUnsized(const ElfHeaders& headers) {
    std::vector<std::pair<uint64_t, uint64_t>> code;  // start and end
    for (const ElfSection& section : headers.sections) {
      const uint64_t end = section.address + section.size_bytes;
      const bool is_code = (section.flags & SHF_EXECINSTR) != 0;
      if (is_code && end > section.address) code.emplace_back(section.address, end);
    }
    std::sort(code.begin(), code.end());
    const auto end_of_section = [&code](uint64_t address) {
      auto after = std::upper_bound(code.begin(), code.end(), std::pair(address, UINT64_MAX));
      if (after == code.begin()) return address;
      return std::max((--after)->second, address);
    };
    uint64_t next_address = UINT64_MAX;
    for (size_t i = functions_.size(); i-- > 0;) {
      Function& function = functions_[i];
      if (i + 1 < functions_.size() && functions_[i + 1].address != function.address) {
        next_address = functions_[i + 1].address;
      }
      if (function.size_bytes != 0) continue;
      const uint64_t end = std::min(next_address, end_of_section(function.address));
      function.size_bytes = uint32_t(
          std::min<uint64_t>(end - std::min(end, function.address), ElfSymbols::kMaxFunctionBytes));
    }
  }

  // Names the entries that no symbol names. `headers` are the main file's, nullptr when all of the
  // entries are such as a resolver chooses.
  void AddPlt(const std::vector<PltEntry>& entries, const ElfHeaders* headers) {
    SortByAddress(indirect_);
    const ElfSection* symbols = headers == nullptr ? nullptr : headers->FindType(SHT_DYNSYM);
    std::vector<Function> named;
    for (const PltEntry& entry : entries) {
      if (functions_.size() + named.size() >= kMaxFunctions) break;
      if (!AtAddress(functions_, entry.address).empty()) continue;
      std::optional<Function> function;
      if (entry.symbol == 0) {
        function = Chosen(entry.resolver);
      } else if (symbols != nullptr) {
        function = Imported(*headers, *symbols, entry.symbol);
      }
      if (function) {
        function->address = entry.address;
        function->size_bytes = entry.size_bytes;
        function->is_plt = 1;
        named.push_back(*function);
      }
      if (entry.symbol == 0 && !out_.has_symtab_ && out_.indirect_plt_.size() < kMaxIndirect) {
        out_.indirect_plt_.push_back(entry);
      }
    }
    if (named.empty()) return;
    functions_.insert(functions_.end(), named.begin(), named.end());
    Sort();
  }

  // The function that a resolver chooses, or the resolver.
  std::optional<Function> Chosen(uint64_t resolver) {
    if (++chosen_ > kMaxIndirect) return std::nullopt;
    for (const std::vector<Function>* functions : {&indirect_, &functions_}) {
      const ElfSymbols::Choice choice = out_.Choose(AtAddress(*functions, resolver), resolver);
      if (choice.function != nullptr) return *choice.function;
    }
    return std::nullopt;
  }

  std::optional<Function> Imported(const ElfHeaders& headers, const ElfSection& symbols,
                                   uint32_t number) const {
    const size_t entry_bytes = SymbolBytes(headers.is_64_bit);
    if (symbols.entry_bytes != entry_bytes) return std::nullopt;
    uint8_t bytes[sizeof(Elf64_Sym)];
    const uint64_t offset = uint64_t{number} * entry_bytes;
    if (offset + entry_bytes > headers.InFile(symbols.file_offset, symbols.size_bytes) ||
        ReadAt(out_.fd_.get(), symbols.file_offset + offset, std::span(bytes).first(entry_bytes))
                .value_or(0) != entry_bytes) {
      return std::nullopt;
    }
    const RawSymbol symbol = SymbolFromBytes(bytes, headers.is_64_bit);
    if (symbol.name == 0) return std::nullopt;
    Function function{};
    function.name = symbol.name;
    function.binding = ElfSymbols::kGlobal;
    function.table = ElfSymbols::kDynsym;
    return function;
  }

  // Of sorted functions, those that begin at an address.
  static std::span<const Function> AtAddress(const std::vector<Function>& functions,
                                             uint64_t address) {
    const auto by_address = [](const Function& a, const Function& b) {
      return a.address < b.address;
    };
    const auto [first, last] = std::equal_range(functions.begin(), functions.end(),
                                                Function{.address = address}, by_address);
    return {first, last};
  }

  void Finish() {
    functions_.shrink_to_fit();
    out_.functions_ = std::move(functions_);
  }

  ElfSymbols& out_;
  std::vector<Function> functions_;
  std::vector<Function> indirect_;  // those of type STT_GNU_IFUNC once more
  size_t chosen_ = 0;
};

Result<ElfSymbols> ElfSymbols::Read(UniqueFd fd, const std::string& name) {
  TWOFOLD_ASSIGN_OR_RETURN(const uint64_t file_bytes, SizeOfFile(fd.get(), name));
  std::optional<ElfHeaders> headers = ReadElfHeaders(fd.get(), file_bytes);
  if (!headers) return NotElf(name);
  ElfSymbols symbols;
  symbols.fd_ = std::move(fd);
  symbols.build_id_ = headers->build_id;
  symbols.debug_link_ = ReadDebugLink(symbols.fd_.get(), *headers);
  ElfParser(symbols).ReadMain(std::move(*headers));
  return symbols;
}

Result<void> ElfSymbols::AddDebugFile(UniqueFd fd, const std::string& name) {
  if (has_symtab_ || debug_fd_) {
    return Error{"the program's symbols are known already", name, ""};
  }
  TWOFOLD_ASSIGN_OR_RETURN(const uint64_t file_bytes, SizeOfFile(fd.get(), name));
  const std::optional<ElfHeaders> headers = ReadElfHeaders(fd.get(), file_bytes);
  if (!headers) return NotElf(name);
  if (!build_id_.empty() && headers->build_id != build_id_) {
    return Error{"this debug file has another build id than its program", name, ""};
  }
  if (build_id_.empty() &&
      (!debug_link_ || Crc32OfFile(fd.get(), file_bytes) != debug_link_->crc32)) {
    return Error{"this debug file has another checksum than its program tells", name, ""};
  }
  debug_fd_ = std::move(fd);
  if (!ElfParser(*this).ReadDebugFile(*headers)) {
    debug_fd_.Reset();
    strings_[kDebugFile] = {};
    return Error{"this debug file names no functions", name, ""};
  }
  return {};
}

}  // namespace twofold
