#include "format/base/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include "format/base/bytes.h"
#include "format/base/rename.h"

namespace twofold {
namespace {

constexpr char kPartialSuffix[] = ".partial";

// A decimal number and nothing else.
std::optional<uint32_t> ParseNumber(std::string_view text) {
  uint32_t number = 0;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || status != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

struct Owner {
  uid_t uid;
  gid_t gid;
};

// The user who called sudo, when root runs this through it.
std::optional<Owner> InvokingUser() {
  const char* uid_text = std::getenv("SUDO_UID");
  const char* gid_text = std::getenv("SUDO_GID");
  if (geteuid() != 0 || uid_text == nullptr || gid_text == nullptr) return {};
  std::optional<uint32_t> uid = ParseNumber(uid_text);
  std::optional<uint32_t> gid = ParseNumber(gid_text);
  // The highest number means "leave as it is" to chown.
  if (!uid || !gid || *uid == UINT32_MAX || *gid == UINT32_MAX) return {};
  return Owner{*uid, *gid};
}

// The descriptor that a path such as /dev/fd/3 stands for.
std::optional<int> DescriptorOf(const std::string& path) {
  if (path == "-" || path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  for (std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!path.starts_with(folder)) continue;
    std::optional<uint32_t> number = ParseNumber(std::string_view(path).substr(folder.size()));
    if (number && *number <= INT32_MAX) return int(*number);
  }
  return {};
}

Error CannotCreate(const std::string& path, int error_number) {
  Error error{"cannot create the file: " + ErrnoText(error_number), path, ""};
  switch (error_number) {
    case ENOENT:
      error.remedy = "Create its directory first";
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      error.remedy = "Choose a directory that you may write to";
      break;
    case ENOSPC:
    case EDQUOT:
      error.remedy = "Free some space, or choose another disk";
      break;
    default:
      break;
  }
  return error;
}

Error AlreadyExists(const std::string& path) {
  return Error{"the file exists already", path, "Choose another name, or remove it first"};
}

// Opens without ever creating or truncating; repeats when a signal comes.
int OpenExisting(const char* path, int flags) {
  int fd;
  do {
    fd = open(path, flags | O_CLOEXEC | O_NOCTTY);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

// The new name must survive a power cut, too. File systems that cannot sync a directory have
// nothing to be synced.
void SyncDirectoryOf(const std::string& path) {
  size_t slash = path.rfind('/');
  std::string directory = slash == path.npos ? "." : path.substr(0, slash + 1);
  int fd = OpenExisting(directory.c_str(), O_RDONLY | O_DIRECTORY);
  if (fd < 0) return;
  (void)fsync(fd);
  close(fd);
}

}  // namespace

Result<OutputFile> OutputFile::Create(const std::string& path, bool replace) {
  if (path.empty()) {
    return Error{"an empty path names no file", "", "Give -o a name", Error::Kind::kUsage};
  }
  if (std::optional<int> descriptor = DescriptorOf(path)) return AdoptDescriptor(path, *descriptor);

  struct stat status;
  if (lstat(path.c_str(), &status) == 0) {
    if (S_ISCHR(status.st_mode) || S_ISFIFO(status.st_mode)) return OpenDirectly(path);
    if (S_ISDIR(status.st_mode)) {
      return Error{"this is a directory", path, "Give the name of a file inside of it"};
    }
    if (!replace) return AlreadyExists(path);
    if (S_ISLNK(status.st_mode)) {
      return Error{"this is a symbolic link", path, "Give the name of the file it points to"};
    }
    if (!S_ISREG(status.st_mode)) {
      return Error{"this is not a regular file", path, "Choose another name"};
    }
  } else if (errno != ENOENT) {
    return CannotCreate(path, errno);
  }
  if (path.ends_with('/')) {
    return Error{"the path names a directory", path, "Give the name of a file"};
  }

  OutputFile file;
  file.path_ = path;
  file.replace_ = replace;
  std::string partial_path = path + kPartialSuffix;
  file.fd_ = open(partial_path.c_str(),
                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
  if (file.fd_ < 0) {
    int error_number = errno;
    if (error_number == EEXIST) {
      return Error{"the file exists already, from a recording that runs or was killed",
                   partial_path, "Choose another name, or rename or remove that file"};
    }
    return CannotCreate(path, error_number);
  }
  if (fstat(file.fd_, &status) != 0) {
    int error_number = errno;
    unlink(partial_path.c_str());
    return CannotCreate(path, error_number);
  }
  file.partial_path_ = std::move(partial_path);
  file.device_ = status.st_dev;
  file.inode_ = status.st_ino;
  if (std::optional<Owner> owner = InvokingUser()) {
    // Where owners cannot be changed (FAT, some network file systems) the file keeps its own.
    (void)!fchown(file.fd_, owner->uid, owner->gid);
  }
  return file;
}

Result<OutputFile> OutputFile::OpenDirectly(const std::string& path) {
  OutputFile file;
  file.path_ = path;
  file.fd_ = OpenExisting(path.c_str(), O_WRONLY | O_NOFOLLOW);
  struct stat status;
  if (file.fd_ < 0 || fstat(file.fd_, &status) != 0) {
    return Error{"cannot open it for writing: " + ErrnoText(errno), path, ""};
  }
  if (!S_ISCHR(status.st_mode) && !S_ISFIFO(status.st_mode)) {
    return Error{"it was replaced while it was being opened", path, "Choose another name"};
  }
  return file;
}

Result<OutputFile> OutputFile::AdoptDescriptor(const std::string& path, int descriptor) {
  OutputFile file;
  file.path_ = path;
  file.fd_ = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  if (file.fd_ < 0) {
    return Error{"cannot write to it: " + ErrnoText(errno), path == "-" ? "standard output" : path,
                 ""};
  }
  return file;
}

OutputFile::OutputFile(OutputFile&& other) noexcept { *this = std::move(other); }

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  if (this == &other) return *this;
  Discard();
  path_ = std::exchange(other.path_, {});
  partial_path_ = std::exchange(other.partial_path_, {});
  fd_ = std::exchange(other.fd_, -1);
  replace_ = other.replace_;
  device_ = other.device_;
  inode_ = other.inode_;
  return *this;
}

OutputFile::~OutputFile() { Discard(); }

Error OutputFile::CannotWrite(int error_number) const {
  std::string where = !partial_path_.empty() ? partial_path_ : path_;
  if (path_ == "-") where = "standard output";
  Error error{"cannot write: " + ErrnoText(error_number), where, ""};
  if (error_number == ENOSPC || error_number == EDQUOT) {
    error.remedy = "Free some space, or choose another disk";
  } else if (error_number == EFBIG) {
    error.remedy = "Raise the file size limit (ulimit -f)";
  } else if (error_number == EPIPE) {
    error.kind = Error::Kind::kBrokenPipe;
  }
  return error;
}

Result<void> OutputFile::Append(std::span<const uint8_t> bytes) {
  TWOFOLD_CHECK(fd_ >= 0);
  while (!bytes.empty()) {
    ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return CannotWrite(errno);
    bytes = bytes.subspan(size_t(written));
  }
  return {};
}

Result<void> OutputFile::Append(const std::string& text) { return Append(AsBytes(text)); }

Result<void> OutputFile::Commit() {
  TWOFOLD_CHECK(fd_ >= 0);
  if (!partial_path_.empty() && fsync(fd_) != 0) return CannotWrite(errno);
  // close() tells of errors that some file systems kept back, and frees the descriptor regardless.
  if (close(std::exchange(fd_, -1)) != 0 && errno != EINTR) return CannotWrite(errno);
  if (partial_path_.empty()) return {};
  TWOFOLD_RETURN_IF_ERROR(Rename());
  partial_path_.clear();
  SyncDirectoryOf(path_);
  return {};
}

Result<void> OutputFile::Rename() {
  if (!PartialIsOurs()) {
    return Error{"the file was removed or replaced while it was being written", partial_path_,
                 "Choose a directory that nobody else changes"};
  }
  int error_number = 0;
  if (!replace_) {
    error_number = RenameWithoutReplacing(partial_path_, path_);
  } else if (rename(partial_path_.c_str(), path_.c_str()) != 0) {
    error_number = errno;
  }
  if (error_number == 0) return {};
  if (error_number == EEXIST) {
    return Error{"a file of this name appeared in the meantime", path_, "Choose another name"};
  }
  return Error{"cannot give the file its name: " + ErrnoText(error_number), path_, ""};
}

bool OutputFile::PartialIsOurs() const {
  struct stat status;
  return lstat(partial_path_.c_str(), &status) == 0 && status.st_dev == device_ &&
         status.st_ino == inode_;
}

bool OutputFile::SharesPlaceWith(int descriptor) const {
  struct stat own;
  struct stat other;
  if (fstat(fd_, &own) != 0 || fstat(descriptor, &other) != 0) return false;
  return !S_ISCHR(own.st_mode) && own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

void OutputFile::Discard() {
  // Errors have nobody to go to here; a partial file that stays has a name that says what it is.
  if (fd_ >= 0) close(std::exchange(fd_, -1));
  if (!partial_path_.empty() && PartialIsOurs()) unlink(partial_path_.c_str());
  partial_path_.clear();
}

std::string OutputFile::KeepPartial() {
  std::string kept = std::exchange(partial_path_, {});
  if (fd_ >= 0) close(std::exchange(fd_, -1));
  return kept;
}

}  // namespace twofold
