// Where bytes go: a file, standard output, memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "format/base/result.h"

namespace twofold {

// Append writes all bytes or fails; nothing is ever rewritten.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Result<void> Append(std::span<const uint8_t> bytes) = 0;
};

// Keeps the bytes in memory; for tests and tools.
class MemorySink : public ByteSink {
 public:
  Result<void> Append(std::span<const uint8_t> data) override {
    bytes.append(reinterpret_cast<const char*>(data.data()), data.size());
    return {};
  }

  std::string bytes;
};

}  // namespace twofold
