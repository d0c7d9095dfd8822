#include "recorder/base/small_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "format/base/unique_fd.h"

namespace twofold {

std::optional<std::string> ReadSmallFile(int directory_fd, const char* path, size_t max_bytes) {
  UniqueFd fd(openat(directory_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return std::nullopt;
  constexpr size_t kChunkBytes = 4096;
  std::string text;
  while (text.size() < max_bytes) {
    const size_t old_size = text.size();
    const size_t wanted = std::min(kChunkBytes, max_bytes - old_size);
    text.resize(old_size + wanted);
    const ssize_t got = read(fd.get(), text.data() + old_size, wanted);
    if (got < 0 && errno == EINTR) {
      text.resize(old_size);
      continue;
    }
    if (got < 0) return std::nullopt;
    text.resize(old_size + size_t(got));
    if (got == 0) break;
  }
  return text;
}

std::optional<std::string> ReadLink(int directory_fd, const char* path) {
  char target[PATH_MAX];
  const ssize_t length = readlinkat(directory_fd, path, target, sizeof target);
  if (length < 0) return std::nullopt;
  return std::string(target, size_t(length));
}

}  // namespace twofold
