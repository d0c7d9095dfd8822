#include "recorder/processes/careful_open.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace twofold {
namespace {

constexpr uint64_t kStartToleranceNs = 1'000'000'000;  // as in recorder/processes/process_table.cc

}  // namespace

std::optional<ProcProcess> OpenProcess(const ProcessImage& image) {
  auto process = ProcProcess::Open(image.pid);
  if (!process) return std::nullopt;
  const uint64_t a_ns = image.start_boottime_ns;
  const uint64_t b_ns = process->stat().start_boottime_ns;
  const uint64_t apart_ns = a_ns > b_ns ? a_ns - b_ns : b_ns - a_ns;
  if (a_ns != 0 && apart_ns >= kStartToleranceNs) return std::nullopt;
  return process;
}

UniqueFd OpenRootOf(const ProcProcess& process) {
  return UniqueFd(openat(process.directory_fd(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

UniqueFd OpenOwnRoot() { return UniqueFd(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)); }

UniqueFd FindInRoot(int root_fd, const std::string& path, Links links) {
  open_how how;
  std::memset(&how, 0, sizeof how);
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  if (links == Links::kRefused) how.resolve |= RESOLVE_NO_SYMLINKS;
  while (true) {
    const long fd = syscall(SYS_openat2, root_fd, path.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd(int(fd));
    if (errno != EAGAIN && errno != EINTR) return UniqueFd();
  }
}

UniqueFd OpenRegular(const UniqueFd& place, uint64_t wanted_inode) {
  struct stat status {};
  if (!place || fstat(place.get(), &status) != 0 || !S_ISREG(status.st_mode)) return UniqueFd();
  if (wanted_inode != 0 && status.st_ino != wanted_inode) return UniqueFd();
  const std::string path = "/proc/self/fd/" + std::to_string(place.get());
  return UniqueFd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

}  // namespace twofold
