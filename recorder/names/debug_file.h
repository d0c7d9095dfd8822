// Finds the separate files that hold the symbols of stripped ones.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "format/base/unique_fd.h"
#include "recorder/parser/elf_debug_link.h"
#include "recorder/processes/process_image.h"

namespace twofold {

// Where the debug file of a module may be, in the order in which debuggers look. For the module
// DIR/FILE with a build id abcdef... and a debug link to NAME:
//   1. /usr/lib/debug/.build-id/ab/cdef....debug
//   2. DIR/NAME
//   3. DIR/.debug/NAME
//   4. /usr/lib/debug/DIR/NAME
// What is not known (an empty build id, no link, a path that is not absolute) gives no paths.
std::vector<std::string> DebugFilePaths(const std::string& module_path, const std::string& build_id,
                                        const std::optional<DebugLink>& debug_link);

// Calls `accept` with one descriptor after the other that may be the debug file of a mapped module,
// until it returns true; returns whether it did. Each path is looked up in the process's own root,
// then all again in our own, where the debug files of containers and of processes that are gone may
// be. Whether a file belongs to the module, `accept` must find out (ElfSymbols::AddDebugFile does).
//
// Files are opened as carefully as modules (recorder/processes/careful_open.h). Symbolic links are
// followed below /usr/lib/debug only, where Fedora's packages have them, and never out of the root.
bool ForEachDebugFile(const ProcessImage& image, const Mapping& mapping,
                      const std::string& build_id, const std::optional<DebugLink>& debug_link,
                      const std::function<bool(UniqueFd)>& accept);

}  // namespace twofold
