#include "format/base/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace twofold {
namespace {

constexpr size_t kStepBytes = 1U << 20;

class OwnedFd {
 public:
  explicit OwnedFd(int fd) : fd_(fd) {}
  ~OwnedFd() {
    if (fd_ > STDERR_FILENO) close(fd_);
  }
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Error CannotRead(const std::string& name, int error_number) {
  Error error{"cannot read the file: " + ErrnoText(error_number), name, ""};
  if (error_number == ENOENT) error.remedy = "Check the path";
  if (error_number == EACCES) error.remedy = "Captures belong to the user who recorded them";
  if (error_number == EISDIR) {
    error = Error{"this is a directory, not a file", name, "Give the file inside of it"};
  }
  return error;
}

Error TooLarge(const std::string& name, uint64_t max_bytes) {
  return Error{"the file has more than " + std::to_string(max_bytes) + " bytes", name,
               "Captures are smaller; check that this is the right file"};
}

}  // namespace

Result<std::vector<uint8_t>> ReadInputFile(const std::string& path, uint64_t max_bytes) {
  const bool standard_input = path == "-";
  const std::string name = standard_input ? "standard input" : path;
  if (path.empty()) return Error{"an empty path names no file", "", "", Error::Kind::kUsage};
  int fd = standard_input ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return CannotRead(name, errno);
  OwnedFd file(fd);

  struct stat status;
  if (fstat(fd, &status) != 0) return CannotRead(name, errno);
  if (S_ISDIR(status.st_mode)) return CannotRead(name, EISDIR);
  std::vector<uint8_t> bytes;
  if (S_ISREG(status.st_mode)) {
    auto size_bytes = uint64_t(status.st_size);
    if (size_bytes > max_bytes) return TooLarge(name, max_bytes);
    bytes.reserve(size_bytes + 1);  // the one more notices the end without growing
  }
  // A capture may grow while it is read: its size is no more than a hint.
  size_t filled = 0;
  while (true) {
    size_t room = std::clamp<size_t>(bytes.capacity() - filled, 1, kStepBytes);
    if (room == 1 && bytes.capacity() == filled) room = kStepBytes;
    bytes.resize(filled + room);
    ssize_t got = read(fd, bytes.data() + filled, room);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return CannotRead(name, errno);
    if (got == 0) break;
    filled += size_t(got);
    if (filled > max_bytes) return TooLarge(name, max_bytes);
  }
  bytes.resize(filled);
  return bytes;
}

std::optional<size_t> ReadAt(int fd, uint64_t offset, std::span<uint8_t> bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const uint64_t position = offset + done;
    if (position < offset || position > uint64_t(INT64_MAX)) break;
    const ssize_t got =
        pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(position));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    done += size_t(got);
  }
  return done;
}

std::vector<uint8_t> ReadRange(int fd, uint64_t offset, uint64_t size_bytes) {
  auto bytes = std::vector<uint8_t>(size_t(size_bytes));
  bytes.resize(ReadAt(fd, offset, bytes).value_or(0));
  return bytes;
}

}  // namespace twofold
