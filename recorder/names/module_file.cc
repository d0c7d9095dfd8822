#include "recorder/names/module_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "recorder/base/small_file.h"
#include "recorder/processes/careful_open.h"
#include "recorder/processes/proc_process.h"

namespace twofold {
namespace {

// Whether a descriptor leads to the very file.
bool IsMappedFile(int fd, const MappedFile& file) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return false;
  if (status.st_dev == file.device || file.device == 0) {
    if (status.st_ino != file.inode) return false;
  } else {
    // Btrfs and overlays have devices of their own for stat(2), without a number for a driver. In
    // an overlay the inode's upper bits may tell the layer.
    if (major(status.st_dev) != 0) return false;
    if (uint32_t(status.st_ino) != uint32_t(file.inode)) return false;
  }
  if (file.inode_generation == 0) return true;
  // ext4, XFS, Btrfs and others; an int, whatever the macro says.
  uint64_t generation = 0;
  return ioctl(fd, FS_IOC_GETVERSION, &generation) != 0 ||
         uint32_t(generation) == uint32_t(file.inode_generation);
}

UniqueFd OpenMapped(const ProcProcess& process, const Mapping& mapping) {
  char path[64];
  (void)snprintf(path, sizeof path, "map_files/%llx-%llx",
                 static_cast<unsigned long long>(mapping.start),
                 static_cast<unsigned long long>(mapping.end));
  // After an exec that we do not know of yet, something else may be mapped at the same place.
  const auto target = ReadLink(process.directory_fd(), path);
  if (!target || ClassifyMappingText(*target).path != mapping.path()) return UniqueFd();
  return OpenRegular(UniqueFd(openat(process.directory_fd(), path, O_PATH | O_CLOEXEC)), 0);
}

}  // namespace

bool ForEachCandidateFile(const ProcessImage& image, const Mapping& mapping,
                          const std::function<bool(UniqueFd)>& accept) {
  const MappedFile& file = *mapping.file;
  if (file.inode == 0) return false;
  const auto offer = [&](UniqueFd fd) {
    return fd && IsMappedFile(fd.get(), file) && accept(std::move(fd));
  };
  const auto process = OpenProcess(image);
  if (process && image.end_monotonic_ns == 0 && offer(OpenMapped(*process, mapping))) return true;
  if (file.deleted || !file.path.starts_with('/')) return false;
  if (process) {
    const UniqueFd root = OpenRootOf(*process);
    if (root && offer(OpenRegular(FindInRoot(root.get(), file.path), 0))) return true;
  }
  const UniqueFd root = OpenOwnRoot();
  return root && offer(OpenRegular(FindInRoot(root.get(), file.path), 0));
}

}  // namespace twofold
