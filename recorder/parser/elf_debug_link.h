// What a stripped file says about the separate file that holds its symbols: the section
// .gnu_debuglink. Part of recorder/parser/elf_symbols.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "format/base/elf_headers.h"

namespace twofold {

struct DebugLink {
  std::string file_name;  // without a directory
  uint32_t crc32 = 0;     // of the whole debug file

  friend bool operator==(const DebugLink&, const DebugLink&) = default;
};

// nullopt when there is none, or one that is damaged or names anything but a file in a directory.
std::optional<DebugLink> ReadDebugLink(int fd, const ElfHeaders& headers);

// The CRC-32 of a whole file, as the link has it; nullopt when it cannot be read or is larger than
// 512 MiB.
std::optional<uint32_t> Crc32OfFile(int fd, uint64_t file_bytes);

}  // namespace twofold
