// Reads captures, from friends and strangers: no byte of the file is trusted (FORMAT.md, "Duties of
// readers").
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "format/base/result.h"
#include "format/capture.h"

namespace twofold {

struct ReadLimits {
  uint64_t max_file_bytes = 4ULL << 30;
  uint64_t max_block_bytes = 256ULL << 20;  // of one block when unpacked
  uint64_t max_total_bytes = 4ULL << 30;    // of all blocks when unpacked
  uint64_t max_ratio = 1024;                // unpacked to packed, of one block above 1 MiB
  uint64_t base_bytes = 64ULL << 20;        // what also the smallest file may take

  // What a file of `file_bytes` may take, whatever it claims: memory for the structs of its
  // capture, and bytes to unpack in all. Recorded captures stay far below; these bound the work
  // that a small hostile file can cause.
  uint64_t MemoryBytes(uint64_t file_bytes) const;
  uint64_t UnpackedBytes(uint64_t file_bytes) const;
};

// Reads a whole capture from memory. `name` is what errors call it (a path).
// Error: not a capture, a newer container version, a required feature that this reader does not
// know, a first block that cannot be read. Damage after that gives a capture with its damages
// listed: every row it holds is exactly as recorded, rows that cannot be trusted are left out.
// Definitions that were lost read "[damaged]"; what they refer to comes behind all definitions of
// the file.
Result<Capture> ReadCapture(std::span<const uint8_t> bytes, const std::string& name,
                            const ReadLimits& limits = {});

// Reads a capture from a file, or from standard input for the path "-". Error: also when the file
// cannot be opened or read, is a directory, is empty or too large.
Result<Capture> ReadCaptureFile(const std::string& path, const ReadLimits& limits = {});

}  // namespace twofold
