// Opens the file behind a mapping of somebody else's process, as carefully as that takes: inside of
// the process's own root, without following links out of it, regular files only, without waiting.
#pragma once

#include <functional>

#include "recorder/process_image.h"
#include "recorder/unique_fd.h"

namespace twofold {

// Calls `accept` with one descriptor after the other that may be the mapped file, the surest first,
// until it returns true; returns whether it did. Where the build id is known `accept` must compare
// it; where it is not, only descriptors come whose identity is sure enough:
//   1. /proc/PID/map_files/START-END: the mapped file itself, even deleted or replaced;
//   2. the path in the process's root, if the inode is the mapped one;
//   3. the path in our own root, for processes that are gone, if the inode is the mapped one.
bool ForEachCandidateFile(const ProcessImage& image, const Mapping& mapping,
                          const std::function<bool(UniqueFd)>& accept);

}  // namespace twofold
