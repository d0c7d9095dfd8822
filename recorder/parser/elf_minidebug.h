// The section .gnu_debugdata ("mini debug information" of Fedora and its kin): an ELF file with the
// symbols that a stripped file's .dynsym lacks, compressed with xz. Part of
// recorder/parser/elf_symbols.h.
#pragma once

#include <cstdint>

#include "format/base/unique_fd.h"

namespace twofold {

// What a compressed range of a file holds, in a file in memory. Invalid when the range is damaged
// or not xz, when it holds more than 64 MiB, or when its decoder wants more than 72 MiB of memory
// (the strongest setting of xz, -9, wants 65). One stream, as the tools that make these sections
// write it; what follows it is not looked at.
UniqueFd DecompressXz(int fd, uint64_t file_offset, uint64_t size_bytes);

}  // namespace twofold
