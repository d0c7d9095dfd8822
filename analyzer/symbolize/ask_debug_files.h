// Finds the debug file of each build id that a capture names and asks it for the places that the
// capture's stacks are made of.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "analyzer/symbolize/debug_folders.h"
#include "analyzer/symbolize/found_places.h"
#include "analyzer/symbolize/stack_uses.h"
#include "format/capture.h"

namespace twofold {

// What became of one build id.
struct DebugFileReport {
  std::string build_id;
  std::string module_path;  // that the capture has for it
  uint64_t places = 0;      // that were asked for
  std::string debug_path;   // of the debug file; empty: none was found
  std::string problem;      // why nothing, or less, is known; a sentence without its full stop
};

struct AskedDebugFiles {
  FoundPlaces found;
  std::vector<DebugFileReport> reports;  // those with most places first
};

// One file after the other, for a few minutes at most, or until the program is interrupted.
// `progress` is told how many are done.
AskedDebugFiles AskDebugFiles(const Capture& capture, const StackUses& uses, DebugFolders& folders,
                              const std::function<void(uint64_t done, uint64_t all)>& progress);

}  // namespace twofold
