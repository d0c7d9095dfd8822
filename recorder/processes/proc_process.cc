#include "recorder/processes/proc_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>

#include "recorder/base/small_file.h"

namespace twofold {
namespace {

constexpr size_t kMaxStatBytes = 4096;
constexpr size_t kMaxStatusBytes = size_t{16} * 1024;
constexpr size_t kMaxCgroupBytes = size_t{64} * 1024;
constexpr size_t kMaxMapsLineBytes = size_t{64} * 1024;
constexpr size_t kChunkBytes = size_t{16} * 1024;
constexpr std::string_view kDeleted = " (deleted)";

// The next field and removes it with the blanks around it; empty at the end.
std::string_view TakeField(std::string_view& text) {
  const size_t begin = std::min(text.find_first_not_of(' '), text.size());
  text.remove_prefix(begin);
  const size_t end = std::min(text.find(' '), text.size());
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(end);
  return field;
}

// The whole text must be the number.
template <typename Number>
bool ParseNumber(std::string_view text, Number& value, int base = 10) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && !text.empty();
}

// The kernel writes a newline in a path as \012.
std::string UnescapeNewlines(std::string_view text) {
  constexpr std::string_view kEscaped = "\\012";
  std::string path;
  while (true) {
    const size_t at = text.find(kEscaped);
    path += text.substr(0, at);
    if (at == std::string_view::npos) return path;
    path += '\n';
    text.remove_prefix(at + kEscaped.size());
  }
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

// The entries of a directory that are numbers, ascending.
std::vector<uint32_t> ListNumbers(int directory_fd, const char* path) {
  std::vector<uint32_t> numbers;
  UniqueFd fd(openat(directory_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return numbers;
  const std::unique_ptr<DIR, CloseDirectory> directory(fdopendir(fd.get()));
  if (!directory) return numbers;
  fd.Release();
  while (const dirent* entry = readdir(directory.get())) {
    uint32_t number = 0;
    if (ParseNumber(std::string_view(entry->d_name), number)) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

UniqueFd OpenDirectory(uint32_t id) {
  const std::string path = "/proc/" + std::to_string(id);
  return UniqueFd(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

std::optional<ProcStat> ReadStat(int directory_fd) {
  static const uint64_t ticks_per_second = uint64_t(std::max(sysconf(_SC_CLK_TCK), 1L));
  const auto text = ReadSmallFile(directory_fd, "stat", kMaxStatBytes);
  if (!text) return std::nullopt;
  return ParseProcStat(*text, ticks_per_second);
}

}  // namespace

std::optional<ProcStat> ParseProcStat(std::string_view text, uint64_t ticks_per_second) {
  constexpr uint64_t kNsPerSecond = 1'000'000'000;
  constexpr uint32_t kKernelThreadFlag = 0x00200000;  // PF_KTHREAD of linux/sched.h
  constexpr uint32_t kExitingFlag = 0x00000004;       // PF_EXITING
  constexpr std::string_view kWorker = "kworker/";
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open ||
      ticks_per_second == 0) {
    return std::nullopt;
  }
  ProcStat stat;
  std::string_view name = text.substr(open + 1, close - open - 1);
  std::string_view rest = text.substr(close + 1);
  const std::string_view state = TakeField(rest);
  if (state.size() != 1) return std::nullopt;
  stat.state = state.front();
  // Fields by their numbers in proc(5).
  uint64_t start_ticks = 0;
  uint32_t flags = 0;
  for (int field = 4; field <= 22; ++field) {
    const std::string_view value = TakeField(rest);
    bool good = true;
    if (field == 4) good = ParseNumber(value, stat.parent_pid.value);
    if (field == 9) good = ParseNumber(value, flags);
    if (field == 20) good = ParseNumber(value, stat.threads);
    if (field == 22) good = ParseNumber(value, start_ticks);
    if (!good) return std::nullopt;
  }
  stat.is_kernel_thread = (flags & kKernelThreadFlag) != 0;
  stat.is_exiting = (flags & kExitingFlag) != 0;
  if (stat.is_kernel_thread && name.starts_with(kWorker)) {
    name = name.substr(0, name.find_first_of("-+"));
  }
  stat.name = name;
  stat.start_boottime_ns = start_ticks / ticks_per_second * kNsPerSecond +
                           start_ticks % ticks_per_second * kNsPerSecond / ticks_per_second;
  return stat;
}

ProcCgroups ParseProcCgroups(std::string_view text) {
  ProcCgroups cgroups;
  std::string first;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t after_number = line.find(':');
    if (after_number == std::string_view::npos) continue;
    const size_t after_names = line.find(':', after_number + 1);
    if (after_names == std::string_view::npos) continue;
    const std::string_view names = line.substr(after_number + 1, after_names - after_number - 1);
    const std::string path = UnescapeNewlines(line.substr(after_names + 1));
    if (names.empty()) {
      cgroups.version_2 = path;
    } else if (names == "name=systemd") {
      cgroups.version_1 = path;
    } else if (path != "/" && first.empty()) {
      first = path;
    }
  }
  const bool systemd_tells = !cgroups.version_1.empty() && cgroups.version_1 != "/";
  if (!systemd_tells && !first.empty()) cgroups.version_1 = first;
  return cgroups;
}

std::optional<MapsLine> ParseMapsLine(std::string_view line) {
  MapsLine parsed;
  const std::string_view range = TakeField(line);
  const std::string_view protection = TakeField(line);
  const std::string_view offset = TakeField(line);
  const std::string_view device = TakeField(line);
  const std::string_view inode = TakeField(line);
  if (protection.size() != 4 || protection[2] != 'x') return std::nullopt;
  const size_t dash = range.find('-');
  const size_t colon = device.find(':');
  if (dash == std::string_view::npos || colon == std::string_view::npos) return std::nullopt;
  uint32_t major_number = 0;
  uint32_t minor_number = 0;
  if (!ParseNumber(range.substr(0, dash), parsed.start, 16) ||
      !ParseNumber(range.substr(dash + 1), parsed.end, 16) ||
      !ParseNumber(offset, parsed.file_offset, 16) ||
      !ParseNumber(device.substr(0, colon), major_number, 16) ||
      !ParseNumber(device.substr(colon + 1), minor_number, 16) ||
      !ParseNumber(inode, parsed.inode) || parsed.start >= parsed.end) {
    return std::nullopt;
  }
  parsed.device = makedev(major_number, minor_number);
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  parsed.text = UnescapeNewlines(line);
  return parsed;
}

std::optional<ProcProcess> ProcProcess::Open(Pid pid) {
  UniqueFd directory = OpenDirectory(pid.value);
  if (!directory) return std::nullopt;
  auto stat = ReadStat(directory.get());
  if (!stat) return std::nullopt;
  ProcProcess process(pid, std::move(directory), std::move(*stat));
  if (process.stat_.has_ended() && process.stat_.threads > 1) process.FindLivingThread();
  return process;
}

void ProcProcess::FindLivingThread() {
  for (const uint32_t tid : Tids()) {
    // Not in /proc/PID/task, where the folders of threads lack map_files.
    UniqueFd directory = OpenDirectory(tid);
    if (!directory) continue;
    const std::string status =
        ReadSmallFile(directory.get(), "status", kMaxStatusBytes).value_or("");
    // The number may be that of another process's thread by now.
    const bool is_ours =
        status.find("\nTgid:\t" + std::to_string(pid_.value) + "\n") != std::string::npos;
    const bool has_ended = status.find("\nState:\tZ") != std::string::npos ||
                           status.find("\nState:\tX") != std::string::npos;
    if (!is_ours || has_ended) continue;
    living_ = std::move(directory);
    return;
  }
}

std::optional<ProcCgroups> ProcProcess::Cgroups() const {
  const auto text = ReadSmallFile(directory_fd(), "cgroup", kMaxCgroupBytes);
  if (!text) return std::nullopt;
  ProcCgroups cgroups = ParseProcCgroups(*text);
  if (cgroups.version_1 == "/") {
    const std::optional<ProcStat> now = ReadStat(directory_fd());
    if (!now || now->is_exiting) cgroups.version_1.clear();
  }
  return cgroups;
}

std::optional<std::string> ProcProcess::Executable() const {
  auto path = ReadLink(directory_fd(), "exe");
  if (path && path->ends_with(kDeleted)) path->resize(path->size() - kDeleted.size());
  return path;
}

std::vector<uint32_t> ProcProcess::Tids() const {
  std::vector<uint32_t> tids = ListNumbers(main_.get(), "task");
  // Only a main thread stays when it has ended, until the last one does.
  if (stat_.has_ended()) std::erase(tids, pid_.value);
  return tids;
}

bool ProcProcess::ForEachExecutableMapping(const std::function<void(const MapsLine&)>& take) const {
  UniqueFd fd(openat(directory_fd(), "maps", O_RDONLY | O_CLOEXEC));
  if (!fd) return false;
  const auto buffer = std::make_unique<char[]>(kChunkBytes);
  std::string rest;  // the beginning of a line whose end is in the next chunk
  while (true) {
    const ssize_t got = read(fd.get(), buffer.get(), kChunkBytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) break;
    std::string_view chunk(buffer.get(), size_t(got));
    while (!chunk.empty()) {
      const size_t end = chunk.find('\n');
      if (rest.size() < kMaxMapsLineBytes) rest += chunk.substr(0, end);
      if (end == std::string_view::npos) break;
      if (const auto line = ParseMapsLine(rest)) take(*line);
      rest.clear();
      chunk.remove_prefix(end + 1);
    }
  }
  return true;
}

std::vector<Pid> ListProcesses() {
  std::vector<Pid> pids;
  for (const uint32_t number : ListNumbers(AT_FDCWD, "/proc")) pids.emplace_back(number);
  return pids;
}

}  // namespace twofold
