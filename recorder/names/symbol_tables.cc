#include "recorder/names/symbol_tables.h"

#include <elf.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "recorder/base/clocks.h"
#include "recorder/names/debug_file.h"
#include "recorder/names/module_file.h"
#include "recorder/names/startup_work.h"

namespace twofold {
namespace {

// Another process, or the same one later, may be able to show the file, but not for ever.
constexpr uint32_t kMaxAttempts = 8;
constexpr size_t kMaxMet = 4096;

std::string KeyOf(const MappedFile& file) {
  if (file.kind == ModuleKind::kVdso) return "vdso";
  return "path " + std::to_string(file.device) + " " + std::to_string(file.inode) + " " + file.path;
}

}  // namespace

UniqueFd CopyOwnVdso() {
  constexpr size_t kMaxVdsoBytes = size_t{64} * 1024;
  // Pages that the kernel mapped into this very process, so they may be trusted.
  const auto* image = reinterpret_cast<const uint8_t*>(getauxval(AT_SYSINFO_EHDR));
  if (image == nullptr) return UniqueFd();
  Elf64_Ehdr header;
  std::memcpy(&header, image, sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64) {
    return UniqueFd();
  }
  // The section headers are the last thing in it.
  const uint64_t size_bytes = header.e_shoff + uint64_t{header.e_shnum} * header.e_shentsize;
  if (size_bytes > kMaxVdsoBytes) return UniqueFd();
  UniqueFd copy(memfd_create("vdso", MFD_CLOEXEC));
  if (!copy) return UniqueFd();
  for (uint64_t done = 0; done < size_bytes;) {
    const ssize_t wrote = write(copy.get(), image + done, size_bytes - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return UniqueFd();
    done += uint64_t(wrote);
  }
  return copy;
}

std::shared_ptr<SymbolTables::Source> SymbolTables::SourceOf(const MappedFile& file) {
  std::shared_ptr<Source>& slot = sources_[KeyOf(file)];
  if (slot == nullptr) slot = std::make_shared<Source>();
  if (file.inode_generation != 0) {
    if (slot->generation != 0 && slot->generation != file.inode_generation) {
      // The file is gone for good, and another one has its number.
      Close(*slot);
      slot = std::make_shared<Source>();
    }
    slot->generation = file.inode_generation;
  }
  return slot;
}

bool SymbolTables::BeginInterval(uint64_t from_ns) {
  ++interval_;
  from_ns_ = from_ns;
  bool any = false;
  for (const auto& [key, source] : sources_) {
    if (source->file == nullptr || !source->file->WasWrittenSince()) continue;
    Close(*source);
    source->was_read = false;
    source->build_id.clear();
    source->attempts = 0;
    source->last_interval = 0;
    any = true;
  }
  return any;
}

bool SymbolTables::MayBeReadLater(const Source& source) {
  return !source.was_read && source.attempts < kMaxAttempts;
}

// What a mapping of a file shows is always what the file holds. So what the file held while its
// code ran is known if it was not written into from then on.
bool SymbolTables::WasWrittenTooLate(const RemoteElf& file, const Mapping& mapping) const {
  const uint64_t ran_ns = std::max(from_ns_, mapping.since_ns);
  if (ran_ns == 0) return false;
  // In this order: a pause in between must not make it run earlier than it did.
  const uint64_t monotonic_ns = MonotonicNowNs();
  const auto realtime_ns = int64_t(ClockNs(CLOCK_REALTIME));
  const int64_t ran_realtime_ns = realtime_ns - int64_t(monotonic_ns - ran_ns);
  // What is said to be written in the future tells of another clock.
  return file.written_realtime_ns() > ran_realtime_ns && file.written_realtime_ns() <= realtime_ns;
}

void SymbolTables::Prepare(const ProcessImage& image, const Mapping& mapping) {
  if (mapping.kind() != ModuleKind::kUserFile || met_.contains(mapping.file)) return;
  if (met_.size() >= kMaxMet) met_.clear();
  met_.insert(mapping.file);
  const std::shared_ptr<Source> held = SourceOf(*mapping.file);
  Source& source = *held;
  if (source.file != nullptr || source.prepared || source.attempts > 0) return;
  ForEachCandidateFile(image, mapping, [&](UniqueFd fd) {
    source.prepared = std::move(fd);
    return true;
  });
  if (!source.prepared) return;
  source.last_use = ++use_counter_;
  ++open_files_;
  EnforceLimit(source);
}

std::shared_ptr<SymbolTables::Source> SymbolTables::Get(const ProcessImage& image,
                                                        const Mapping& mapping) {
  std::shared_ptr<Source> source = SourceOf(*mapping.file);
  if (!source->was_read) Load(*source, image, mapping);
  return source;
}

bool SymbolTables::Load(Source& source, const ProcessImage& image, const Mapping& mapping) {
  if (source.file != nullptr) return true;
  // In one interval each process is asked once.
  const bool is_same = source.last_pid == image.pid && source.last_interval == interval_ &&
                       source.last_start_ns == image.start_boottime_ns;
  if (source.attempts >= kMaxAttempts || is_same) return false;
  source.last_pid = image.pid;
  source.last_start_ns = image.start_boottime_ns;
  source.last_interval = interval_;
  const StartupWork work(reader_, image);

  std::unique_ptr<RemoteElf> found;
  bool given_up = false;
  bool overwritten = false;
  const auto accept = [&](UniqueFd fd) {
    auto file = std::make_unique<RemoteElf>(reader_, std::move(fd));
    if (mapping.kind() == ModuleKind::kUserFile && WasWrittenTooLate(*file, mapping)) {
      overwritten = true;
      return false;
    }
    const bool was_read = file->Read();
    given_up = given_up || file->given_up();
    // Of one that was closed and is opened again the build id is known.
    if (!was_read || (source.was_read && file->build_id() != source.build_id)) return false;
    found = std::move(file);
    return true;
  };
  if (mapping.kind() == ModuleKind::kVdso) {
    if (UniqueFd copy = CopyOwnVdso()) accept(std::move(copy));
  } else {
    if (source.prepared) --open_files_;
    if (!source.prepared || !accept(std::move(source.prepared))) {
      source.prepared.Reset();
      ForEachCandidateFile(image, mapping, accept);
    }
    if (found) AddDebugFile(*found, image, mapping);
  }
  if (!found && overwritten) {
    if (!std::exchange(source.overwritten_counted, true)) ++unreadable_;
    return false;
  }
  if (!found) {
    if (source.attempts++ == 0 && !given_up) ++unreadable_;
    if (given_up) source.attempts = kMaxAttempts;
    return false;
  }
  source.build_id = found->build_id();
  source.was_read = true;
  source.last_interval = 0;
  source.last_use = ++use_counter_;
  source.file = std::move(found);
  ++open_files_;
  EnforceLimit(source);
  return true;
}

// Whatever a stripped file does not tell, its debug file may.
void SymbolTables::AddDebugFile(RemoteElf& file, const ProcessImage& image,
                                const Mapping& mapping) {
  if (file.has_symtab()) return;
  ForEachDebugFile(image, mapping, file.build_id(), file.debug_link(),
                   [&](UniqueFd fd) { return file.AddDebugFile(std::move(fd)); });
}

void SymbolTables::Close(Source& source) {
  if (source.file == nullptr && !source.prepared) return;
  source.file.reset();
  source.prepared.Reset();
  --open_files_;
}

void SymbolTables::EnforceLimit(const Source& in_use) {
  while (open_files_ > kMaxOpenFiles) {
    // One that nobody has asked for yet, else the one that was asked for longest ago.
    Source* oldest = nullptr;
    const auto is_before = [](const Source& a, const Source& b) {
      return std::pair(a.file != nullptr, a.last_use) < std::pair(b.file != nullptr, b.last_use);
    };
    for (const auto& [key, source] : sources_) {
      if ((source->file == nullptr && !source->prepared) || source.get() == &in_use) continue;
      if (oldest == nullptr || is_before(*source, *oldest)) oldest = source.get();
    }
    if (oldest == nullptr) return;
    Close(*oldest);
  }
}

std::optional<std::string> SymbolTables::NameAt(Source& source, const ProcessImage& image,
                                                const Mapping& mapping, uint64_t file_offset) {
  if (!source.was_read || !Load(source, image, mapping)) return std::nullopt;
  source.last_use = ++use_counter_;
  return source.file->FindByFileOffset(file_offset);
}

uint64_t SymbolTables::TakeUnreadable() { return std::exchange(unreadable_, 0); }

void SymbolTables::Clear() {
  sources_.clear();
  met_.clear();
  open_files_ = 0;
}

}  // namespace twofold
