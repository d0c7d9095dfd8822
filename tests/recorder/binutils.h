// What the GNU binary utilities say about a program: the known answers of the tests of names.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace twofold {

// What a shell command prints; a test fails when it fails.
std::string RunCommand(const std::string& command);

struct NmSymbol {
  uint64_t address;
  uint64_t size_bytes;
  char type;  // as nm has it: T, t, W, i, ...
};

// Functions by name, without versions; a name can be several local functions.
std::multimap<std::string, NmSymbol> NmFunctions(const std::string& path, bool dynamic);

// The PLT as objdump disassembles it: what it calls NAME@plt.
struct PltLabel {
  uint64_t address;
  uint64_t last;  // the last byte of its last instruction
  std::string
      name;  // "NAME@plt"; "*ABS*+0xADDRESS@plt" for one that the resolver at ADDRESS chooses
};
std::vector<PltLabel> ObjdumpPlt(const std::string& path);

// Relocations of PLT slots as readelf lists them, by the slot's address: the symbol's name without
// its version, or the resolver's address as "0x...".
std::map<uint64_t, std::string> ReadelfSlots(const std::string& path);

// Where a section is loaded, and its size; zeros when there is none.
struct SectionPlace {
  uint64_t address = 0;
  uint64_t file_offset = 0;
  uint64_t size_bytes = 0;
};
SectionPlace ReadelfSection(const std::string& path, const std::string& name);

}  // namespace twofold
