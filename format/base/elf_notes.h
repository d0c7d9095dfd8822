// Build ids in ELF notes: of programs and libraries, of the running kernel, of its modules.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace twofold {

constexpr size_t kMaxBuildIdBytes = 64;

// The GNU build id among notes, in lower-case hexadecimal; empty when there is none.
// `alignment_bytes` is what names and descriptions are padded to: 4, or 8 in segments that say so.
// Damaged notes end the search.
std::string FindBuildId(std::span<const uint8_t> notes, uint64_t alignment_bytes = 4);

// The build id in a file that holds nothing but notes (/sys/kernel/notes); empty when there is
// none.
std::string ReadBuildIdOfNotesFile(const char* path);

}  // namespace twofold
