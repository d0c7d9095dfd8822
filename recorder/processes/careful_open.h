// Opening files of somebody else's process, as carefully as that takes: inside of the process's own
// root, without following links, regular files only, without waiting.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "format/base/unique_fd.h"
#include "recorder/processes/proc_process.h"
#include "recorder/processes/process_image.h"

namespace twofold {

// The process of an image, if it still runs.
std::optional<ProcProcess> OpenProcess(const ProcessImage& image);

// The root directory that the process sees; invalid when the process is gone.
UniqueFd OpenRootOf(const ProcProcess& process);

// Our own root directory.
UniqueFd OpenOwnRoot();

// What becomes of symbolic links in a path: it leads nowhere, or they are followed inside of the
// root.
enum class Links { kRefused, kInRoot };

// What an absolute path leads to inside of a root, not opened yet (O_PATH); invalid when there is
// nothing. Most paths looked up here have no links by themselves, so one was put there.
UniqueFd FindInRoot(int root_fd, const std::string& path, Links links = Links::kRefused);

// Opens for reading what FindInRoot found, if it is a regular file and has the wanted inode (0:
// any). Opening a device or a FIFO can have effects or block, so they are looked at first, and
// what was looked at is opened, not what the path leads to by then.
UniqueFd OpenRegular(const UniqueFd& place, uint64_t wanted_inode);

}  // namespace twofold
