// One zstd frame per block: packing for the writer, and unpacking that trusts neither the frame nor
// the sizes that the block's header gives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "format/base/result.h"

namespace twofold {

class ZstdPacker {
 public:
  ZstdPacker();
  ~ZstdPacker();
  ZstdPacker(const ZstdPacker&) = delete;
  ZstdPacker& operator=(const ZstdPacker&) = delete;

  // Appends `data` as one frame with its content size. Error: out of memory.
  Result<void> AppendFrame(std::span<const uint8_t> data, std::vector<uint8_t>& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class ZstdUnpacker {
 public:
  ZstdUnpacker();
  ~ZstdUnpacker();
  ZstdUnpacker(const ZstdUnpacker&) = delete;
  ZstdUnpacker& operator=(const ZstdUnpacker&) = delete;

  // Unpacks exactly one frame of exactly out.size() bytes that takes up all of `frame`, with a
  // window of at most 8 MiB. Returns why that failed (a sentence without its full stop), or
  // nullopt.
  std::optional<std::string> Unpack(std::span<const uint8_t> frame, std::span<uint8_t> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace twofold
