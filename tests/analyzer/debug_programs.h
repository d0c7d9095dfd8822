// Programs with debug information, built while tests run, and what addr2line says of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analyzer/symbolize/elf_file.h"
#include "format/capture.h"

namespace twofold::testing {

// Runs a shell command, which must succeed; gives what it printed.
std::string Shell(const std::string& command);

// A program, built from a file of tests/analyzer/programs in a folder of its own.
struct Program {
  std::string path;
  ElfFile elf;
  std::vector<uint64_t> addresses;  // of every byte of its functions

  // Where an address is in the file.
  uint64_t OffsetOf(uint64_t address) const;

  // What addr2line -f -i says of each address, outermost function first: "main /a.c:5|work /a.c:7".
  std::vector<std::string> ByAddr2line(const std::vector<uint64_t>& wanted) const;
};

// `name`: "inlined.c" or "inlined.cc".
Program Build(const std::string& name, const std::string& options);

// A fresh folder.
std::string NewFolder();

// Where a folder has the debug file of a build id; makes the folders in between.
std::string BuildIdPath(const std::string& folder, const std::string& build_id);

// A capture with one stack for each address, as the innermost frame and as the caller of a special
// frame: rows 2 i and 2 i + 1 of the CPU samples.
std::string CaptureOf(const Program& program, const std::vector<uint64_t>& addresses,
                      const std::string& build_id);
// Of all addresses of its functions.
std::string CaptureOf(const Program& program);

// Reads a capture, which must be whole.
Capture ReadGood(const std::string& path);

// Symbolizes a capture, which must work; gives the path of the new one.
std::string Symbolize(const std::string& capture, const std::vector<std::string>& folders,
                      std::string* words = nullptr);

}  // namespace twofold::testing
