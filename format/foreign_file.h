// Says what a file is that should have been a capture and is not.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "format/base/result.h"

namespace twofold {

// The error for a file whose first bytes are not those of a capture: what it is instead, as far as
// its content tells, and the way out. `name` is what the error calls the file.
Error DescribeForeignFile(std::span<const uint8_t> bytes, const std::string& name);

// The error for a capture that was changed by a transfer in text mode; nullopt when its first bytes
// do not tell of one.
std::optional<Error> DescribeTextMode(std::span<const uint8_t> bytes, const std::string& name);

}  // namespace twofold
