// The first bytes of a file: whether it is one of ours that this program can read.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "format/base/result.h"

namespace twofold {

struct CheckedHeader {
  uint64_t header_bytes = 0;  // blocks begin behind them
  bool is_merged = false;     // a merged file, not a capture
};

// Error: no capture and no merged file, a damaged header, a newer container version, or a required
// feature that this program does not know. `name` is what errors call the file.
Result<CheckedHeader> CheckFileHeader(std::span<const uint8_t> bytes, const std::string& name);

}  // namespace twofold
