// The allocator functions that one ELF file defines: malloc and its kin, free, operators new and
// delete, mmap; under the names that glibc, musl, jemalloc and tcmalloc give them. What the probes
// of recorder/tracer/allocator_probes.h are attached to.
//
// Nothing in the file is trusted; this runs in the name reader's process, as
// recorder/parser/elf_symbols.h does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/unique_fd.h"

namespace twofold {

// What a function takes, and what it does.
enum class AllocatorFunction : uint8_t {
  kMalloc = 0,     // (size)
  kCalloc,         // (count, size)
  kRealloc,        // (address, size)
  kReallocArray,   // (address, count, size)
  kMemalign,       // (alignment, size)
  kPosixMemalign,  // (where the address goes, alignment, size)
  kFree,           // (address)
  kMmap,           // (address, size, protection)
  kMremap,         // (address, old size, size)
  kMunmap,         // (address, size)
  kNew,            // (size); calls malloc, which counts
  kThrowingNew,    // (size); calls no malloc, and throws an exception when it fails
};
constexpr size_t kAllocatorFunctions = 12;

struct AllocatorPlace {
  AllocatorFunction function = AllocatorFunction::kMalloc;
  uint64_t file_offset = 0;  // where a probe belongs: at or near its first instruction
                             // (recorder/parser/probe_place.h)

  friend bool operator==(const AllocatorPlace&, const AllocatorPlace&) = default;
};

// Ascending by offset; functions that are one under several names come once. In a file with an
// allocator of its own, operator new is kThrowingNew or (nothrow) kMalloc, and operator delete is
// kFree. In others, and where a C library is linked in, new is kNew, and delete is left out: they
// call malloc and free. Empty: it defines none, or is no ELF file of this machine's.
std::vector<AllocatorPlace> FindAllocatorPlaces(int fd);

// As text, and back; nullopt: it is not of that form.
std::string AllocatorPlacesText(const std::vector<AllocatorPlace>& places);
std::optional<std::vector<AllocatorPlace>> ParseAllocatorPlaces(std::string_view text);

}  // namespace twofold
