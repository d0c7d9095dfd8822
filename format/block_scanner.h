// Walks through the blocks of a capture in memory, in the order of the file, and finds its way
// again behind damage. Nothing is unpacked here: a block that comes out has a right checksum, and
// that is all that is known of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "format/container.h"

namespace twofold {

class BlockScanner {
 public:
  enum class Step {
    kBlock,    // block() is a block with a right checksum
    kTrailer,  // trailer() is a trailer with a right checksum
    kLost,     // lost_bytes() bytes from offset() on belong to nothing; lost_because() says why
    kEnd,      // the file is over
  };

  BlockScanner(std::span<const uint8_t> file, uint64_t first_block_offset);

  Step Next();

  // Of the last step: where it began, and what it found.
  uint64_t offset() const { return offset_; }
  const container::BlockHeader& block() const { return block_; }
  std::span<const uint8_t> payload() const { return payload_; }
  const container::Trailer& trailer() const { return trailer_; }
  uint64_t lost_bytes() const { return next_ - offset_; }
  const std::string& lost_because() const { return lost_because_; }

 private:
  enum class Found { kBlock, kTrailer, kNothing };

  // Looks for a block or a trailer at exactly `offset`.
  Found LookAt(uint64_t offset);
  // Where to go on behind the damage at offset_.
  uint64_t FindNext();
  bool IsPlausibleStart(uint64_t offset) const;

  std::span<const uint8_t> file_;
  uint64_t offset_ = 0;
  uint64_t next_ = 0;
  container::BlockHeader block_;
  std::span<const uint8_t> payload_;
  container::Trailer trailer_;
  std::string lost_because_;
  uint64_t claimed_end_ = 0;    // where the damaged block would end by its own header; 0: unknown
  uint64_t search_bytes_left_;  // of checksums in vain while searching: bounds the work
};

}  // namespace twofold
