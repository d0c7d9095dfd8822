#include "recorder/module_file.h"

#include <fcntl.h>

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "recorder/careful_open.h"
#include "recorder/proc_process.h"
#include "recorder/small_file.h"

namespace twofold {
namespace {

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
    UniqueFd root = OpenRootOf(*process);
    if (root) {
      UniqueFd fd = OpenRegular(FindInRoot(root.get(), file.path), wanted_inode);
      if (fd && accept(std::move(fd))) return true;
    }
  }
  UniqueFd root = OpenOwnRoot();
  if (!root) return false;
  UniqueFd fd = OpenRegular(FindInRoot(root.get(), file.path), wanted_inode);
  return fd && accept(std::move(fd));
}

}  // namespace twofold
