#include "recorder/base/small_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "recorder/base/unique_fd.h"

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
    text.resize(old_size + static_cast<size_t>(got));
    if (got == 0) break;
  }
  return text;
}

std::optional<std::string> ReadLink(int directory_fd, const char* path) {
  char target[PATH_MAX];
  const ssize_t length = readlinkat(directory_fd, path, target, sizeof target);
  if (length < 0) return std::nullopt;
  return std::string(target, static_cast<size_t>(length));
}

std::optional<size_t> ReadAt(int fd, uint64_t offset, std::span<uint8_t> bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const uint64_t position = offset + done;
    if (position < offset || position > static_cast<uint64_t>(INT64_MAX)) break;
    const ssize_t got =
        pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(position));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

std::string ToHex(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace twofold
