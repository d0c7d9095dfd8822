#include "recorder/symbol_tables.h"

#include <elf.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "recorder/debug_file.h"
#include "recorder/module_file.h"

namespace twofold {
namespace {

// Another process may be able to show the file when the first was gone already, but not for ever.
constexpr uint32_t kMaxAttempts = 8;
// Well below the usual limit of 1024 open files.
constexpr size_t kMaxParkedFds = 256;
constexpr const char* kVdsoKey = "vdso";

std::string PathKey(const MappedFile& file) {
  return "path " + std::to_string(file.device) + " " + std::to_string(file.inode) + " " + file.path;
}

std::string BuildIdKey(const std::string& build_id) { return "build-id " + build_id; }

// The names that a stripped file lacks may be in a file beside it.
void AddDebugFile(ElfSymbols& table, const ProcessImage& image, const Mapping& mapping) {
  if (table.has_symtab()) return;
  ForEachDebugFile(image, mapping, table.build_id(), table.debug_link(), [&](UniqueFd fd) {
    return table.AddDebugFile(std::move(fd), mapping.path()).has_value();
  });
}

}  // namespace

std::optional<ElfSymbols> ReadOwnVdso() {
  constexpr size_t kMaxVdsoBytes = size_t{64} * 1024;
  // Pages that the kernel mapped into this very process, so they may be trusted.
  const auto* image = reinterpret_cast<const uint8_t*>(getauxval(AT_SYSINFO_EHDR));
  if (image == nullptr) return std::nullopt;
  Elf64_Ehdr header;
  std::memcpy(&header, image, sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64) {
    return std::nullopt;
  }
  // The section headers are the last thing in it.
  const uint64_t size_bytes = header.e_shoff + uint64_t{header.e_shnum} * header.e_shentsize;
  if (size_bytes > kMaxVdsoBytes) return std::nullopt;
  UniqueFd copy(memfd_create("vdso", MFD_CLOEXEC));
  if (!copy) return std::nullopt;
  for (uint64_t done = 0; done < size_bytes;) {
    const ssize_t wrote = write(copy.get(), image + done, size_bytes - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return std::nullopt;
    done += static_cast<uint64_t>(wrote);
  }
  Result<ElfSymbols> table = ElfSymbols::Read(std::move(copy), "[vdso]");
  if (!table) return std::nullopt;
  return std::move(table).value();
}

std::shared_ptr<SymbolTables::Source> SymbolTables::Get(const ProcessImage& image,
                                                        const Mapping& mapping) {
  const MappedFile& file = *mapping.file;
  std::string key = kVdsoKey;
  if (file.kind != ModuleKind::kVdso) {
    key = file.build_id.empty() ? PathKey(file) : BuildIdKey(file.build_id);
  }
  std::shared_ptr<Source>& slot = sources_[key];
  if (slot == nullptr) slot = std::make_shared<Source>();
  std::shared_ptr<Source> source = slot;
  if (source->was_read || !Load(*source, image, mapping)) return source;
  // The file told its build id: from now on it is the same as one that an event told of.
  if (file.kind == ModuleKind::kUserFile && file.build_id.empty() && !source->build_id.empty()) {
    std::shared_ptr<Source>& same = sources_[BuildIdKey(source->build_id)];
    if (same == nullptr || !same->was_read) {
      same = source;
    } else {
      Drop(*source);
      if (source->parked_fd) --parked_fds_;
      sources_[key] = same;
    }
    return same;
  }
  return source;
}

bool SymbolTables::Load(Source& source, const ProcessImage& image, const Mapping& mapping) {
  if (source.table != nullptr) return true;
  if (source.parked_fd) {
    --parked_fds_;
    Result<ElfSymbols> table = ElfSymbols::Read(std::move(source.parked_fd), mapping.path());
    if (table) {
      AddDebugFile(*table, image, mapping);
      Keep(source, std::move(table).value());
      return true;
    }
  }
  const bool same_process =
      source.last_pid == image.pid && source.last_start_ns == image.start_boottime_ns;
  if (source.attempts >= kMaxAttempts || (source.attempts > 0 && same_process)) return false;
  source.last_pid = image.pid;
  source.last_start_ns = image.start_boottime_ns;

  std::optional<ElfSymbols> found;
  if (mapping.kind() == ModuleKind::kVdso) {
    found = ReadOwnVdso();
  } else {
    const std::string& wanted = mapping.build_id().empty() ? source.build_id : mapping.build_id();
    ForEachCandidateFile(image, mapping, [&](UniqueFd fd) {
      Result<ElfSymbols> table = ElfSymbols::Read(std::move(fd), mapping.path());
      if (!table || (!wanted.empty() && table->build_id() != wanted)) return false;
      found.emplace(std::move(table).value());
      return true;
    });
    if (found) AddDebugFile(*found, image, mapping);
  }
  if (!found) {
    if (source.attempts++ == 0) ++unreadable_;
    return false;
  }
  Keep(source, std::move(*found));
  return true;
}

void SymbolTables::Keep(Source& source, ElfSymbols table) {
  source.build_id = table.build_id();
  source.was_read = true;
  source.last_use = ++use_counter_;
  source.table = std::make_unique<ElfSymbols>(std::move(table));
  memory_bytes_ += source.table->memory_bytes();
  EnforceBudget(source);
}

void SymbolTables::Drop(Source& source) {
  if (source.table == nullptr) return;
  memory_bytes_ -= source.table->memory_bytes();
  if (parked_fds_ < kMaxParkedFds) {
    source.parked_fd = source.table->TakeFd();
    ++parked_fds_;
  }
  source.table.reset();
}

void SymbolTables::EnforceBudget(const Source& in_use) {
  while (memory_bytes_ > kBudgetBytes) {
    Source* oldest = nullptr;
    for (const auto& [key, source] : sources_) {
      if (source->table == nullptr || source.get() == &in_use) continue;
      if (oldest == nullptr || source->last_use < oldest->last_use) oldest = source.get();
    }
    if (oldest == nullptr) return;
    Drop(*oldest);
  }
}

std::optional<std::string> SymbolTables::NameAt(Source& source, const ProcessImage& image,
                                                const Mapping& mapping, uint64_t file_offset) {
  if (!source.was_read || !Load(source, image, mapping)) return std::nullopt;
  source.last_use = ++use_counter_;
  return source.table->FindByFileOffset(file_offset);
}

uint64_t SymbolTables::TakeUnreadable() { return std::exchange(unreadable_, 0); }

void SymbolTables::ReleaseMemory() {
  for (const auto& [key, source] : sources_) {
    if (source->last_use <= last_release_) Drop(*source);
  }
  last_release_ = use_counter_;
}

void SymbolTables::Clear() {
  sources_.clear();
  memory_bytes_ = 0;
  parked_fds_ = 0;
}

}  // namespace twofold
