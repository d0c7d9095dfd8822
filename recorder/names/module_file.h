// Opens the file behind a mapping of somebody else's process, as carefully as that takes: inside of
// the process's own root, without following links out of it, regular files only, without waiting.
#pragma once

#include <functional>

#include "format/base/unique_fd.h"
#include "recorder/processes/process_image.h"

namespace twofold {

// Calls `accept` with one descriptor after the other that leads to the mapped file, the surest
// first, until it returns true; returns whether it did:
//   1. /proc/PID/map_files/START-END: even deleted or replaced;
//   2. the path in the process's root;
//   3. the path in our own root, for processes that are gone.
// Each is the mapped file by device, inode and, where both the event and the file system tell it,
// the inode's generation: the number of a file that was deleted is soon that of another. What is
// written into a file later does not change that.
bool ForEachCandidateFile(const ProcessImage& image, const Mapping& mapping,
                          const std::function<bool(UniqueFd)>& accept);

}  // namespace twofold
