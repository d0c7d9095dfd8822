#include "format/base/rename.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>

namespace twofold {

int RenameByLink(const std::string& from, const std::string& to) {
  if (link(from.c_str(), to.c_str()) != 0) return errno;
  // The file has its name now; that the old one could not be taken away is no reason to fail.
  (void)unlink(from.c_str());
  return 0;
}

int RenameByReservation(const std::string& from, const std::string& to) {
  int reserved = open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (reserved < 0) return errno;
  close(reserved);
  if (rename(from.c_str(), to.c_str()) == 0) return 0;
  int error_number = errno;
  unlink(to.c_str());
  return error_number;
}

int RenameWithoutReplacing(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  // EINVAL and ENOSYS: the file system or the kernel cannot; anything else is the answer.
  if (errno != EINVAL && errno != ENOSYS) return errno;
  int error_number = RenameByLink(from, to);
  if (error_number == 0 || error_number == EEXIST) return error_number;
  return RenameByReservation(from, to);
}

}  // namespace twofold
