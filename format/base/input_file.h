// Reads whole input files: regular files, pipes, standard input.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/base/result.h"

namespace twofold {

// Reads a file to its end; the path "-" is standard input. Error: it cannot be opened or read, is a
// directory, or has more than `max_bytes`.
Result<std::vector<uint8_t>> ReadInputFile(const std::string& path, uint64_t max_bytes);

}  // namespace twofold
