// What debug information says of addresses: the function, the source line, and the functions that
// were inlined there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/base/result.h"

namespace twofold {

// Index into SourcePlaces::texts; 0 is the empty text.
using TextIndex = uint32_t;

struct SourceFrame {
  TextIndex function = 0;  // linkage name; 0: unknown
  TextIndex file = 0;      // as the debug information has it; 0: unknown
  uint32_t line = 0;       // of the call or, of the innermost frame, of the place; 0: unknown
};

struct SourcePlace {
  // The function first, then what was inlined into it, outermost first. Empty: nothing is known.
  std::vector<SourceFrame> frames;
  // The function's name is from the symbol table, which may have other names for it as well.
  bool is_symbol = false;
};

struct SourcePlaces {
  std::vector<std::string> texts = {""};
  std::vector<SourcePlace> places;  // of each address that was asked for
};

// Asks a debug file for the places of addresses. libdw parses the file in a child process, so that
// whatever the file holds, it costs its own names, and a bounded time and memory.
//
// `shared_file`: of what the file shares with others (dwz), -1: none. Error: the file could not be
// read; its `what` says why.
Result<SourcePlaces> FindSourcePlaces(int debug_file, int shared_file,
                                      const std::vector<uint64_t>& addresses);

// The same in this process, for the child. False: libdw does not take the file.
bool FindSourcePlacesUnguarded(int debug_file, int shared_file,
                               const std::vector<uint64_t>& addresses, SourcePlaces& places);

}  // namespace twofold
