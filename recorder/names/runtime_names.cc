#include "recorder/names/runtime_names.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "recorder/base/clocks.h"
#include "recorder/base/small_file.h"
#include "recorder/names/module_file.h"
#include "recorder/processes/careful_open.h"

namespace twofold {
namespace {

constexpr size_t kMaxStatusBytes = size_t{16} * 1024;
// Each holds up to two descriptors.
constexpr size_t kMaxProcesses = 128;
// Intervals in which nobody asked; a process that lives is opened again when somebody does.
constexpr uint64_t kForgetAfter = 64;
// Opening is tried again after that, while a process may be about to begin its file.
constexpr uint64_t kRetryPauseNs = 100'000'000;
// A clock tick, and the grain of a file's times.
constexpr int64_t kStartToleranceNs = 1'000'000'000;

// The numbers behind "KEY:" at the begin of a line.
std::vector<uint32_t> NumbersOf(std::string_view text, std::string_view key) {
  std::vector<uint32_t> numbers;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    while (true) {
      line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
      uint32_t number = 0;
      const auto parsed = std::from_chars(line.data(), line.data() + line.size(), number);
      if (parsed.ec != std::errc()) return numbers;
      numbers.push_back(number);
      line.remove_prefix(size_t(parsed.ptr - line.data()));
    }
  }
  return numbers;
}

// Whether a process sees the same files as we do.
bool SharesOurRoot(const ProcProcess& process) {
  const auto theirs = ReadLink(process.directory_fd(), "ns/mnt");
  const auto ours = ReadLink(AT_FDCWD, "/proc/self/ns/mnt");
  struct stat their_root {};
  struct stat our_root {};
  const UniqueFd root = OpenRootOf(process);
  return theirs && ours && *theirs == *ours && root && fstat(root.get(), &their_root) == 0 &&
         stat("/", &our_root) == 0 && their_root.st_dev == our_root.st_dev &&
         their_root.st_ino == our_root.st_ino;
}

// CLOCK_REALTIME of a process's start, a bit early; 0: not known.
int64_t StartRealtimeNs(const ProcessImage& image) {
  if (image.start_boottime_ns == 0) return 0;
  const int64_t age_ns = int64_t(ClockNs(CLOCK_BOOTTIME)) - int64_t(image.start_boottime_ns);
  return int64_t(ClockNs(CLOCK_REALTIME)) - age_ns - kStartToleranceNs;
}

}  // namespace

std::optional<ProcIdentity> ParseProcStatus(std::string_view text) {
  ProcIdentity identity;
  identity.user_ids = NumbersOf(text, "Uid:");
  if (identity.user_ids.size() != 4) return std::nullopt;
  const std::vector<uint32_t> pids = NumbersOf(text, "NSpid:");
  if (pids.empty()) return std::nullopt;
  identity.pid_inside = pids.back();
  return identity;
}

struct RuntimeNames::Process {
  // What was known while it ran.
  std::optional<ProcIdentity> identity;
  bool shares_our_root = false;

  std::unique_ptr<RemoteCode> perf_map;
  std::unique_ptr<RemoteCode> jit_dump;
  uint64_t version = 0;
  uint64_t changes_seen = 0;
  uint64_t read_in_interval = 0;  // 0: never
  uint64_t used_in_interval = 0;
  uint64_t tried_monotonic_ns = 0;
  bool unnamed_counted = false;
  bool map_counted = false;
  bool dump_counted = false;

  // Whether a file may be believed to be the process's own.
  bool Owns(const struct stat& status) const {
    if (status.st_uid == 0) return true;
    return identity && std::find(identity->user_ids.begin(), identity->user_ids.end(),
                                 status.st_uid) != identity->user_ids.end();
  }
  uint64_t changes() const {
    return (perf_map ? perf_map->changes() + 1 : 0) + (jit_dump ? jit_dump->changes() + 1 : 0);
  }
  size_t memory_bytes() const {
    return (perf_map ? perf_map->memory_bytes() : 0) + (jit_dump ? jit_dump->memory_bytes() : 0);
  }
};

RuntimeNames::RuntimeNames(NameReader& reader) : reader_(reader) {}
RuntimeNames::~RuntimeNames() = default;

bool RuntimeNames::MayHoldCode(const Mapping& mapping) {
  const std::string& path = mapping.path();
  if (mapping.kind() == ModuleKind::kAnonymous) {
    return path != "[vsyscall]" && path != "[uprobes]";
  }
  if (mapping.kind() != ModuleKind::kUserFile) return false;
  return path.starts_with("/memfd:") || (mapping.file->deleted && path.starts_with("/dev/shm/"));
}

bool RuntimeNames::IsJitDump(const Mapping& mapping) {
  if (mapping.kind() != ModuleKind::kUserFile) return false;
  std::string_view name = mapping.path();
  name.remove_prefix(name.rfind('/') + 1);  // npos + 1 is 0
  if (!name.starts_with("jit-") || !name.ends_with(".dump")) return false;
  name = name.substr(4, name.size() - 9);
  return !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
}

RuntimeNames::Process& RuntimeNames::ProcessOf(const ProcessImage& image) {
  const std::pair key(image.pid.value, image.image_start_monotonic_ns);
  if (const auto known = processes_.find(key); known != processes_.end()) return *known->second;
  if (processes_.size() >= kMaxProcesses) {
    const auto oldest =
        std::min_element(processes_.begin(), processes_.end(), [](const auto& a, const auto& b) {
          return a.second->used_in_interval < b.second->used_in_interval;
        });
    processes_.erase(oldest);
  }
  std::unique_ptr<Process>& process = processes_[key];
  process = std::make_unique<Process>();
  process->version = ++last_version_;
  process->used_in_interval = interval_;
  return *process;
}

void RuntimeNames::CountUnusable(bool& counted) {
  if (!counted) ++unusable_files_;
  counted = true;
}

// Takes what lies at the perf map's path, if it may be the process's and is not open already.
void RuntimeNames::OpenPerfMap(Process& process, const UniqueFd& place, int64_t start_realtime_ns) {
  struct stat status {};
  if (!place || fstat(place.get(), &status) != 0) return;
  if (process.perf_map && process.perf_map->IsSameFile(status.st_dev, status.st_ino)) return;
  // A file that was last written before the process began is that of another one, long gone, which
  // had the same pid.
  const int64_t modified_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
  if (S_ISREG(status.st_mode) && modified_ns < start_realtime_ns) return;
  UniqueFd fd;
  if (process.Owns(status)) fd = OpenRegular(place, status.st_ino);
  if (!fd) {
    CountUnusable(process.map_counted);
    return;
  }
  process.perf_map =
      std::make_unique<RemoteCode>(reader_, std::move(fd), RuntimeCodeFile::Format::kPerfMap);
  process.version = ++last_version_;
}

void RuntimeNames::OpenJitDump(Process& process, const ProcessImage& image) {
  for (const Mapping& mapping : image.mappings) {
    if (!IsJitDump(mapping)) continue;
    const bool opened = ForEachCandidateFile(image, mapping, [&](UniqueFd fd) {
      struct stat status {};
      if (fstat(fd.get(), &status) != 0) return false;
      if (process.identity && !process.Owns(status)) return false;
      process.jit_dump =
          std::make_unique<RemoteCode>(reader_, std::move(fd), RuntimeCodeFile::Format::kJitDump);
      return true;
    });
    if (opened) {
      process.version = ++last_version_;
      return;
    }
    CountUnusable(process.dump_counted);
  }
}

void RuntimeNames::Open(Process& process, const ProcessImage& image) {
  process.tried_monotonic_ns = MonotonicNowNs();
  const auto running = OpenProcess(image);
  if (running) {
    if (const auto text = ReadSmallFile(running->directory_fd(), "status", kMaxStatusBytes)) {
      if (auto identity = ParseProcStatus(*text)) process.identity = std::move(identity);
    }
  }
  if (!process.jit_dump) OpenJitDump(process, image);
  if (!process.identity) return;
  const std::string path = "/tmp/perf-" + std::to_string(process.identity->pid_inside) + ".map";
  UniqueFd root;
  if (running) {
    root = OpenRootOf(*running);
    if (root) process.shares_our_root = SharesOurRoot(*running);
  }
  // A process that is gone may have written its map at its very end.
  if (!root && process.shares_our_root) root = OpenOwnRoot();
  if (root) OpenPerfMap(process, FindInRoot(root.get(), path), StartRealtimeNs(image));
}

void RuntimeNames::Read(Process& process) {
  for (RemoteCode* file : {process.perf_map.get(), process.jit_dump.get()}) {
    if (file == nullptr) continue;
    may_read_bytes_ -= std::min(may_read_bytes_, file->Refresh(may_read_bytes_));
  }
  EnforceBudget(process);
  if (process.perf_map && process.perf_map->damaged()) {
    CountUnusable(process.map_counted);
  }
  if (process.jit_dump && process.jit_dump->damaged()) {
    CountUnusable(process.dump_counted);
  }
  if (process.changes() != process.changes_seen) process.version = ++last_version_;
  process.changes_seen = process.changes();
}

void RuntimeNames::EnforceBudget(Process& in_use) {
  size_t together = memory_bytes();
  const auto drop = [&](Process& process) {
    together -= process.memory_bytes();
    if (process.perf_map) process.perf_map->Drop();
    if (process.jit_dump) process.jit_dump->Drop();
    process.read_in_interval = 0;
  };
  while (together > kBudgetBytes) {
    Process* oldest = nullptr;
    for (const auto& [key, process] : processes_) {
      if (process.get() == &in_use || process->used_in_interval == interval_) continue;
      if (process->memory_bytes() == 0) continue;
      if (!oldest || process->used_in_interval < oldest->used_in_interval) oldest = process.get();
    }
    if (oldest == nullptr) break;
    drop(*oldest);
  }
  if (together <= kBudgetBytes) return;
  // All of them are wanted in this interval.
  if (in_use.perf_map) CountUnusable(in_use.map_counted);
  if (in_use.jit_dump) CountUnusable(in_use.dump_counted);
  drop(in_use);
  in_use.read_in_interval = interval_;
}

RuntimeNames::Process& RuntimeNames::UpToDate(const ProcessImage& image) {
  Process& process = ProcessOf(image);
  process.used_in_interval = interval_;
  if (process.read_in_interval == interval_) return process;
  process.read_in_interval = interval_;
  Open(process, image);
  Read(process);
  return process;
}

std::optional<CodeEntry> RuntimeNames::Find(const ProcessImage& image, uint64_t address) {
  Process& process = UpToDate(image);
  std::optional<CodeEntry> entry;
  if (process.jit_dump) entry = process.jit_dump->Find(address);
  if (!entry && process.perf_map) entry = process.perf_map->Find(address);
  return entry;
}

uint64_t RuntimeNames::Version(const ProcessImage& image) { return UpToDate(image).version; }

void RuntimeNames::Prepare(const ProcessImage& image) {
  Process& process = ProcessOf(image);
  process.used_in_interval = interval_;
  if (process.perf_map || process.jit_dump) return;
  if (MonotonicNowNs() - process.tried_monotonic_ns < kRetryPauseNs) return;
  Open(process, image);
}

void RuntimeNames::CountUnnamed(const ProcessImage& image) {
  Process& process = UpToDate(image);
  if (process.perf_map || process.jit_dump || process.unnamed_counted) return;
  process.unnamed_counted = true;
  ++unnamed_processes_;
}

void RuntimeNames::EndInterval() {
  std::erase_if(processes_, [&](const auto& entry) {
    return interval_ - entry.second->used_in_interval >= kForgetAfter;
  });
  ++interval_;
  may_read_bytes_ = std::min(kMostReadBytes, may_read_bytes_ + kReadBytesPerInterval);
}

size_t RuntimeNames::memory_bytes() const {
  size_t together = 0;
  for (const auto& [key, process] : processes_) together += process->memory_bytes();
  return together;
}

}  // namespace twofold
