// The bytes of a capture as something to be tampered with: verbs for the tests of damage and of
// hostile files.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "format/base/result.h"
#include "format/capture_reader.h"
#include "format/container.h"

namespace twofold::testing {

struct BlockPlace {
  uint64_t offset = 0;  // of the header
  container::BlockHeader header;
  uint64_t end() const { return offset + sizeof(header) + header.stored_bytes; }
};

class CaptureBytes {
 public:
  CaptureBytes() = default;
  explicit CaptureBytes(std::string bytes) : bytes_(std::move(bytes)) {}

  const std::string& bytes() const { return bytes_; }
  std::span<const uint8_t> span() const;
  size_t size() const { return bytes_.size(); }

  // The blocks as their headers have them; only for captures that are not damaged yet.
  std::vector<BlockPlace> Blocks() const;
  BlockPlace FirstBlock(container::BlockType type) const;

  void Truncate(uint64_t size) { bytes_.resize(size); }
  void FlipBit(uint64_t byte, int bit) { bytes_[byte] = char(bytes_[byte] ^ 1 << bit); }
  void Append(const std::string& more) { bytes_ += more; }
  void Erase(const BlockPlace& block) { bytes_.erase(block.offset, block.end() - block.offset); }
  void Insert(uint64_t offset, const std::string& more) { bytes_.insert(offset, more); }

  // Overwrite a header, with a checksum that fits what is there afterwards.
  void SetFileHeader(container::FileHeader header);
  void SetBlockHeader(uint64_t offset, container::BlockHeader header);
  void SetTrailer(uint64_t offset, container::Trailer trailer);

  // Starts a capture: the file header.
  void WriteFileHeader();
  // Appends a block with right sizes and checksum and the next sequence number.
  void WriteBlock(container::BlockType type, std::span<const uint8_t> unpacked);
  void WriteBlock(container::BlockType type, const flatbuffers::FlatBufferBuilder& builder);
  // The same, with a payload that is taken as it is.
  void WriteStored(uint16_t type, std::span<const uint8_t> payload, uint32_t unpacked_bytes);
  // Appends a Recording block that says nothing wrong.
  void WriteRecording();

  Result<Capture> Read(const ReadLimits& limits = {}) const;

 private:
  std::string bytes_;
  uint64_t next_sequence_ = 0;
};

// Whether one of the damages holds `text`.
bool HasDamage(const Capture& capture, const std::string& text);
std::string DamageText(const Capture& capture);

}  // namespace twofold::testing
