// What the headers of an ELF file say: its segments, its sections, its build id. Both programs read
// them here, the recorder in its process without rights.
//
// Nothing in them is trusted: offsets and sizes are what the file claims, and a reader cuts them to
// what the file holds (InFile). Files are read with pread, never mapped, as one that shrinks must
// not end the program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twofold {

// What is loaded.
struct ElfSegment {
  uint64_t file_offset = 0;
  uint64_t address = 0;
  uint64_t size_bytes = 0;  // in the file
  uint64_t memory_bytes = 0;
  uint64_t alignment_bytes = 0;
  bool is_executable = false;
};

struct ElfSection {
  std::string name;  // cut after 31 bytes
  uint32_t type;     // SHT_...
  uint64_t flags;    // SHF_...
  uint64_t address;  // 0: not loaded
  uint64_t file_offset;
  uint64_t size_bytes;
  uint64_t entry_bytes;
  uint32_t link;  // the number of another section
};

struct ElfHeaders {
  uint64_t file_bytes = 0;
  bool is_64_bit = true;
  uint16_t machine = 0;              // EM_...
  std::vector<ElfSegment> segments;  // as the file has them
  std::vector<ElfSection> sections;  // by number; cut at the first that cannot be read
  uint64_t dynamic_file_offset = 0;  // of the dynamic section
  uint64_t dynamic_bytes = 0;        // 0: there is none
  std::string build_id;              // lower-case hexadecimal; empty: none

  // How much of a range lies in the file.
  uint64_t InFile(uint64_t offset, uint64_t size_bytes) const;

  // The first bytes of a section, as far as the file has them.
  std::vector<uint8_t> ReadSection(int fd, const ElfSection& section, uint64_t max_bytes) const;

  // The first section of a type, or of a name with a type other than SHT_NOBITS; nullptr when there
  // is none.
  const ElfSection* FindType(uint32_t type) const;
  const ElfSection* FindName(std::string_view name) const;

  // The section that another one's link names; nullptr when there is none.
  const ElfSection* LinkOf(const ElfSection& section) const;

  // Where the byte of an address is in the file; nullopt when it is not in it. A page can be in two
  // segments, and it is code that is looked up.
  std::optional<uint64_t> FileOffsetOf(uint64_t address) const;
};

// Reads with pread only. nullopt: no ELF file of this machine's byte order.
std::optional<ElfHeaders> ReadElfHeaders(int fd, uint64_t file_bytes);

}  // namespace twofold
