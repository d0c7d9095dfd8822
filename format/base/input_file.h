// Reads input: files, pipes and standard input as a whole, and ranges of open files.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "format/base/result.h"

namespace twofold {

// Reads a file to its end; the path "-" is standard input. Error: it cannot be opened or read, is a
// directory, or has more than `max_bytes`.
Result<std::vector<uint8_t>> ReadInputFile(const std::string& path, uint64_t max_bytes);

// Reads up to bytes.size() bytes at an offset and says how many there were; nullopt on a read
// error.
std::optional<size_t> ReadAt(int fd, uint64_t offset, std::span<uint8_t> bytes);

// The bytes of a range, as far as they can be read. `size_bytes` is what was checked against the
// file's size or has a cap: as much memory is taken.
std::vector<uint8_t> ReadRange(int fd, uint64_t offset, uint64_t size_bytes);

}  // namespace twofold
