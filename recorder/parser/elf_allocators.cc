#include "recorder/parser/elf_allocators.h"

#include <elf.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <map>

#include "format/base/elf_headers.h"
#include "format/base/input_file.h"
#include "recorder/parser/probe_place.h"

namespace twofold {
namespace {

constexpr uint64_t kMaxFileBytes = 2ULL << 30;
constexpr uint64_t kMaxStringsBytes = 256ULL << 20;
constexpr uint64_t kMaxSymbols = 4'000'000;
constexpr size_t kChunkBytes = size_t{64} * 1024;
constexpr size_t kMaxNameOffsets = 4096;
constexpr size_t kMaxPlaces = 256;

#if defined(__x86_64__)
constexpr uint16_t kOwnMachine = EM_X86_64;
#else
constexpr uint16_t kOwnMachine = EM_AARCH64;
#endif

// How a name counts, by what else its file defines.
enum class Role : uint8_t {
  kAllocator,  // it makes its file one with an allocator
  kOwnNames,   // the same, and one that is no C library's
  kLibrary,    // tells that a C library is in the file
  kMapping,    // mmap and its kin
  kNew,
  kNothrowNew,
  kDelete,
};

struct Wanted {
  std::string_view name;
  AllocatorFunction function;
  Role role = Role::kAllocator;
};

using F = AllocatorFunction;

constexpr Wanted kWanted[] = {
    // The C library's, and of whoever takes its place.
    {"malloc", F::kMalloc},
    {"calloc", F::kCalloc},
    {"realloc", F::kRealloc},
    {"reallocarray", F::kReallocArray},
    {"memalign", F::kMemalign},
    {"aligned_alloc", F::kMemalign},
    {"posix_memalign", F::kPosixMemalign},
    {"valloc", F::kMalloc},
    {"pvalloc", F::kMalloc},
    {"free", F::kFree},
    {"cfree", F::kFree},
    {"free_sized", F::kFree},
    {"free_aligned_sized", F::kFree},
    // jemalloc's own.
    {"mallocx", F::kMalloc, Role::kOwnNames},
    {"rallocx", F::kRealloc, Role::kOwnNames},
    {"dallocx", F::kFree, Role::kOwnNames},
    {"sdallocx", F::kFree, Role::kOwnNames},
    // jemalloc, where it is built into a program under its default prefix.
    {"je_malloc", F::kMalloc, Role::kOwnNames},
    {"je_calloc", F::kCalloc, Role::kOwnNames},
    {"je_realloc", F::kRealloc, Role::kOwnNames},
    {"je_memalign", F::kMemalign, Role::kOwnNames},
    {"je_aligned_alloc", F::kMemalign, Role::kOwnNames},
    {"je_posix_memalign", F::kPosixMemalign, Role::kOwnNames},
    {"je_valloc", F::kMalloc, Role::kOwnNames},
    {"je_free", F::kFree, Role::kOwnNames},
    {"je_mallocx", F::kMalloc, Role::kOwnNames},
    {"je_rallocx", F::kRealloc, Role::kOwnNames},
    {"je_dallocx", F::kFree, Role::kOwnNames},
    {"je_sdallocx", F::kFree, Role::kOwnNames},
    // tcmalloc's own.
    {"tc_malloc", F::kMalloc, Role::kOwnNames},
    {"tc_calloc", F::kCalloc, Role::kOwnNames},
    {"tc_realloc", F::kRealloc, Role::kOwnNames},
    {"tc_memalign", F::kMemalign, Role::kOwnNames},
    {"tc_posix_memalign", F::kPosixMemalign, Role::kOwnNames},
    {"tc_valloc", F::kMalloc, Role::kOwnNames},
    {"tc_pvalloc", F::kMalloc, Role::kOwnNames},
    {"tc_free", F::kFree, Role::kOwnNames},
    {"tc_free_sized", F::kFree, Role::kOwnNames},
    {"tc_cfree", F::kFree, Role::kOwnNames},
    {"tc_new", F::kThrowingNew, Role::kNew},
    {"tc_new_nothrow", F::kMalloc, Role::kNothrowNew},
    {"tc_newarray", F::kThrowingNew, Role::kNew},
    {"tc_newarray_nothrow", F::kMalloc, Role::kNothrowNew},
    {"tc_delete", F::kFree, Role::kOwnNames},
    {"tc_delete_sized", F::kFree, Role::kOwnNames},
    {"tc_delete_nothrow", F::kFree, Role::kOwnNames},
    {"tc_deletearray", F::kFree, Role::kOwnNames},
    {"tc_deletearray_sized", F::kFree, Role::kOwnNames},
    {"tc_deletearray_nothrow", F::kFree, Role::kOwnNames},
    {"__libc_start_main", F::kMalloc, Role::kLibrary},
    // Mappings.
    {"mmap", F::kMmap, Role::kMapping},
    {"mmap64", F::kMmap, Role::kMapping},
    {"mremap", F::kMremap, Role::kMapping},
    {"munmap", F::kMunmap, Role::kMapping},
    // operator new and new[]: plain, nothrow, aligned, aligned nothrow.
    {"_Znwm", F::kThrowingNew, Role::kNew},
    {"_Znam", F::kThrowingNew, Role::kNew},
    {"_ZnwmRKSt9nothrow_t", F::kMalloc, Role::kNothrowNew},
    {"_ZnamRKSt9nothrow_t", F::kMalloc, Role::kNothrowNew},
    {"_ZnwmSt11align_val_t", F::kThrowingNew, Role::kNew},
    {"_ZnamSt11align_val_t", F::kThrowingNew, Role::kNew},
    {"_ZnwmSt11align_val_tRKSt9nothrow_t", F::kMalloc, Role::kNothrowNew},
    {"_ZnamSt11align_val_tRKSt9nothrow_t", F::kMalloc, Role::kNothrowNew},
    // operator delete and delete[]: also with a size.
    {"_ZdlPv", F::kFree, Role::kDelete},
    {"_ZdaPv", F::kFree, Role::kDelete},
    {"_ZdlPvm", F::kFree, Role::kDelete},
    {"_ZdaPvm", F::kFree, Role::kDelete},
    {"_ZdlPvRKSt9nothrow_t", F::kFree, Role::kDelete},
    {"_ZdaPvRKSt9nothrow_t", F::kFree, Role::kDelete},
    {"_ZdlPvSt11align_val_t", F::kFree, Role::kDelete},
    {"_ZdaPvSt11align_val_t", F::kFree, Role::kDelete},
    {"_ZdlPvmSt11align_val_t", F::kFree, Role::kDelete},
    {"_ZdaPvmSt11align_val_t", F::kFree, Role::kDelete},
    {"_ZdlPvSt11align_val_tRKSt9nothrow_t", F::kFree, Role::kDelete},
    {"_ZdaPvSt11align_val_tRKSt9nothrow_t", F::kFree, Role::kDelete},
};

// How many arguments a probe looks at.
unsigned ArgumentsOf(AllocatorFunction function) {
  switch (function) {
    case F::kMalloc:
    case F::kFree:
    case F::kNew:
    case F::kThrowingNew:
      return 1;
    case F::kCalloc:
    case F::kRealloc:
    case F::kMemalign:
    case F::kMunmap:
      return 2;
    case F::kMmap:
    case F::kReallocArray:
    case F::kPosixMemalign:
    case F::kMremap:
      return 3;
  }
  return 3;
}

class Search {
 public:
  Search(int fd, const ElfHeaders& headers) : fd_(fd), headers_(headers) {}

  std::vector<AllocatorPlace> Run() {
    for (const uint32_t type : {SHT_DYNSYM, SHT_SYMTAB}) SearchTable(type);
    std::vector<AllocatorPlace> places;
    for (const auto& [offset, wanted] : found_) {
      AllocatorFunction function = wanted->function;
      if (wanted->role == Role::kLibrary) continue;
      const bool own_new = has_allocator_ && (has_own_names_ || !has_library_);
      if (wanted->role == Role::kDelete && !own_new) continue;
      const bool is_new = wanted->role == Role::kNew || wanted->role == Role::kNothrowNew;
      if (is_new && !own_new) function = F::kNew;
      places.push_back(
          {.function = function, .file_offset = offset + CheapPlace(offset, function)});
    }
    if (places.size() > kMaxPlaces) places.resize(kMaxPlaces);
    return places;
  }

 private:
  size_t CheapPlace(uint64_t offset, AllocatorFunction function) const {
    return CheapProbePlace(ReadRange(fd_, offset, 64), ArgumentsOf(function));
  }

  void SearchTable(uint32_t type) {
    const ElfSection* symbols = headers_.FindType(type);
    if (symbols == nullptr || symbols->entry_bytes != sizeof(Elf64_Sym)) return;
    const ElfSection* strings = headers_.LinkOf(*symbols);
    if (strings == nullptr || strings->type != SHT_STRTAB) return;
    FindNames(*strings);
    if (names_.empty()) return;
    const uint64_t count =
        std::min(headers_.InFile(symbols->file_offset, symbols->size_bytes) / sizeof(Elf64_Sym),
                 kMaxSymbols);
    std::vector<uint8_t> chunk;
    constexpr uint64_t kPerRead = kChunkBytes / sizeof(Elf64_Sym);
    for (uint64_t first = 0; first < count; first += kPerRead) {
      chunk.resize(size_t(std::min(count - first, kPerRead)) * sizeof(Elf64_Sym));
      const auto got = ReadAt(fd_, symbols->file_offset + first * sizeof(Elf64_Sym), chunk);
      if (!got || *got < chunk.size()) return;
      for (size_t at = 0; at < chunk.size(); at += sizeof(Elf64_Sym)) {
        Elf64_Sym symbol;
        std::memcpy(&symbol, chunk.data() + at, sizeof symbol);
        AddSymbol(symbol);
      }
    }
  }

  // Where the wanted names begin among the strings: a name may be the end of a longer one.
  void FindNames(const ElfSection& strings) {
    names_.clear();
    const uint64_t size =
        std::min(headers_.InFile(strings.file_offset, strings.size_bytes), kMaxStringsBytes);
    constexpr size_t kLongestName = 40;
    std::vector<uint8_t> chunk;
    for (uint64_t start = 0; start < size;) {
      chunk.resize(size_t(std::min<uint64_t>(size - start, kChunkBytes)));
      const auto got = ReadAt(fd_, strings.file_offset + start, chunk);
      if (!got || *got < chunk.size()) return;
      for (size_t end = 0; end < chunk.size(); ++end) {
        if (chunk[end] == 0) FindNamesThatEnd(chunk, end, start);
      }
      if (start + chunk.size() == size) return;
      start += chunk.size() - kLongestName;
    }
  }

  void FindNamesThatEnd(const std::vector<uint8_t>& chunk, size_t end, uint64_t start) {
    for (const Wanted& wanted : kWanted) {
      const size_t length = wanted.name.size();
      if (length > end || chunk[end - 1] != uint8_t(wanted.name.back())) continue;
      if (std::memcmp(chunk.data() + end - length, wanted.name.data(), length) != 0) continue;
      if (names_.size() < kMaxNameOffsets) names_.emplace(start + end - length, &wanted);
    }
  }

  void AddSymbol(const Elf64_Sym& symbol) {
    const auto name = names_.find(symbol.st_name);
    if (name == names_.end() || ELF64_ST_TYPE(symbol.st_info) != STT_FUNC) return;
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx >= SHN_LORESERVE) return;
    const std::optional<uint64_t> offset = headers_.FileOffsetOf(symbol.st_value);
    if (!offset) return;
    const Wanted& wanted = *name->second;
    has_own_names_ = has_own_names_ || wanted.role == Role::kOwnNames;
    has_allocator_ = has_allocator_ || has_own_names_ || wanted.role == Role::kAllocator;
    has_library_ = has_library_ || wanted.role == Role::kLibrary;
    // The first of several names decides.
    const auto [known, is_new] = found_.emplace(*offset, &wanted);
    if (!is_new && &wanted < known->second) known->second = &wanted;
  }

  const int fd_;
  const ElfHeaders& headers_;
  std::map<uint64_t, const Wanted*> names_;  // by offset among the strings
  std::map<uint64_t, const Wanted*> found_;  // by offset in the file
  bool has_allocator_ = false;
  bool has_own_names_ = false;
  bool has_library_ = false;
};

}  // namespace

std::vector<AllocatorPlace> FindAllocatorPlaces(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return {};
  const uint64_t file_bytes = uint64_t(status.st_size);
  if (file_bytes > kMaxFileBytes) return {};
  const std::optional<ElfHeaders> headers = ReadElfHeaders(fd, file_bytes);
  if (!headers || !headers->is_64_bit || headers->machine != kOwnMachine) return {};
  return Search(fd, *headers).Run();
}

std::string AllocatorPlacesText(const std::vector<AllocatorPlace>& places) {
  std::string text;
  for (const AllocatorPlace& place : places) {
    text +=
        std::to_string(unsigned(place.function)) + " " + std::to_string(place.file_offset) + "\n";
  }
  return text;
}

std::optional<std::vector<AllocatorPlace>> ParseAllocatorPlaces(std::string_view text) {
  std::vector<AllocatorPlace> places;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    unsigned function = 0;
    uint64_t file_offset = 0;
    const auto first = std::from_chars(at, end, function);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') return std::nullopt;
    const auto second = std::from_chars(first.ptr + 1, end, file_offset);
    if (second.ec != std::errc() || second.ptr == end || *second.ptr != '\n') return std::nullopt;
    if (function >= kAllocatorFunctions || places.size() >= kMaxPlaces) return std::nullopt;
    places.push_back({.function = AllocatorFunction(function), .file_offset = file_offset});
    at = second.ptr + 1;
  }
  return places;
}

}  // namespace twofold
