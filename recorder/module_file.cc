#include "recorder/module_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>

#include "recorder/proc_process.h"
#include "recorder/small_file.h"

namespace twofold {
namespace {

constexpr uint64_t kStartToleranceNs = 1'000'000'000;  // as in recorder/process_table.cc

// Opening a device or a FIFO can have effects or block, so look first (O_PATH opens nothing) and
// open what was looked at, not what the path leads to by then. `wanted_inode` 0: any.
UniqueFd OpenRegular(const UniqueFd& place, uint64_t wanted_inode) {
  struct stat status {};
  if (!place || fstat(place.get(), &status) != 0 || !S_ISREG(status.st_mode)) return UniqueFd();
  if (wanted_inode != 0 && status.st_ino != wanted_inode) return UniqueFd();
  const std::string path = "/proc/self/fd/" + std::to_string(place.get());
  return UniqueFd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

// The kernel gave the path without links, so a link in it was put there later: refused.
UniqueFd FindInRoot(int root_fd, const std::string& path) {
  open_how how;
  std::memset(&how, 0, sizeof how);
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
  while (true) {
    const long fd = syscall(SYS_openat2, root_fd, path.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) return UniqueFd();
  }
}

// The process of an image, if it still runs.
std::optional<ProcProcess> OpenProcess(const ProcessImage& image) {
  auto process = ProcProcess::Open(image.pid);
  if (!process) return std::nullopt;
  const auto stat = process->Stat();
  if (!stat) return std::nullopt;
  const uint64_t a_ns = image.start_boottime_ns;
  const uint64_t b_ns = stat->start_boottime_ns;
  const uint64_t apart_ns = a_ns > b_ns ? a_ns - b_ns : b_ns - a_ns;
  if (a_ns != 0 && apart_ns >= kStartToleranceNs) return std::nullopt;
  return process;
}

UniqueFd OpenMapped(const ProcProcess& process, const Mapping& mapping) {
  char path[64];
  (void)snprintf(path, sizeof path, "map_files/%llx-%llx",
                 static_cast<unsigned long long>(mapping.start),
                 static_cast<unsigned long long>(mapping.end));
  // After an exec that we do not know of yet, something else may be mapped at the same place.
  if (mapping.build_id().empty()) {
    const auto target = ReadLink(process.directory_fd(), path);
    if (!target || ClassifyMappingText(*target).path != mapping.path()) return UniqueFd();
  }
  return OpenRegular(UniqueFd(openat(process.directory_fd(), path, O_PATH | O_CLOEXEC)), 0);
}

}  // namespace

bool ForEachCandidateFile(const ProcessImage& image, const Mapping& mapping,
                          const std::function<bool(UniqueFd)>& accept) {
  const MappedFile& file = *mapping.file;
  const bool identity_known = !file.build_id.empty() || file.inode != 0;
  const uint64_t wanted_inode = file.build_id.empty() ? file.inode : 0;
  const auto process = OpenProcess(image);
  if (process && image.end_monotonic_ns == 0) {
    UniqueFd fd = OpenMapped(*process, mapping);
    if (fd && accept(std::move(fd))) return true;
  }
  if (file.deleted || !identity_known || !file.path.starts_with('/')) return false;
  if (process) {
    UniqueFd root(openat(process->directory_fd(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (root) {
      UniqueFd fd = OpenRegular(FindInRoot(root.get(), file.path), wanted_inode);
      if (fd && accept(std::move(fd))) return true;
    }
  }
  UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return false;
  UniqueFd fd = OpenRegular(FindInRoot(root.get(), file.path), wanted_inode);
  return fd && accept(std::move(fd));
}

}  // namespace twofold
