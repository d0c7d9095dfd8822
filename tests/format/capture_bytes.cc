#include "tests/format/capture_bytes.h"

#include <gtest/gtest.h>

#include "format/base/bytes.h"
#include "format/zstd_frame.h"
#include "schemas/capture_generated.h"

namespace twofold::testing {

using container::BlockHeader;
using container::BlockType;

std::span<const uint8_t> CaptureBytes::span() const { return AsBytes(bytes_); }

std::vector<BlockPlace> CaptureBytes::Blocks() const {
  std::vector<BlockPlace> blocks;
  uint64_t offset = sizeof(container::FileHeader);
  while (offset < bytes_.size() && StartsWith(span().subspan(offset), container::kBlockMagic)) {
    BlockPlace place;
    place.offset = offset;
    EXPECT_TRUE(CopyFrom(span().subspan(offset), place.header));
    blocks.push_back(place);
    offset = place.end();
  }
  return blocks;
}

BlockPlace CaptureBytes::FirstBlock(BlockType type) const {
  for (const BlockPlace& block : Blocks()) {
    if (block.header.type == uint16_t(type)) return block;
  }
  ADD_FAILURE() << "no block of type " << int(type);
  return {};
}

void CaptureBytes::SetFileHeader(container::FileHeader header) {
  header.checksum = container::Checksum(header, {});
  std::memcpy(bytes_.data(), &header, sizeof(header));
}

void CaptureBytes::SetBlockHeader(uint64_t offset, BlockHeader header) {
  header.checksum =
      container::Checksum(header, span().subspan(offset + sizeof(header), header.stored_bytes));
  std::memcpy(bytes_.data() + offset, &header, sizeof(header));
}

void CaptureBytes::SetTrailer(uint64_t offset, container::Trailer trailer) {
  trailer.checksum = container::Checksum(trailer);
  std::memcpy(bytes_.data() + offset, &trailer, sizeof(trailer));
}

void CaptureBytes::WriteFileHeader() {
  bytes_.resize(sizeof(container::FileHeader));
  SetFileHeader({});
}

void CaptureBytes::WriteBlock(BlockType type, std::span<const uint8_t> unpacked) {
  std::vector<uint8_t> frame;
  EXPECT_TRUE(ZstdPacker().AppendFrame(unpacked, frame).has_value());
  WriteStored(uint16_t(type), frame, uint32_t(unpacked.size()));
}

void CaptureBytes::WriteBlock(BlockType type, const flatbuffers::FlatBufferBuilder& builder) {
  WriteBlock(type, std::span(builder.GetBufferPointer(), builder.GetSize()));
}

void CaptureBytes::WriteStored(uint16_t type, std::span<const uint8_t> payload,
                               uint32_t unpacked_bytes) {
  BlockHeader header;
  header.type = type;
  header.stored_bytes = uint32_t(payload.size());
  header.unpacked_bytes = unpacked_bytes;
  header.sequence = next_sequence_++;
  uint64_t offset = bytes_.size();
  bytes_.resize(offset + sizeof(header));
  bytes_ += AsText(payload);
  SetBlockHeader(offset, header);
}

void CaptureBytes::WriteRecording() {
  flatbuffers::FlatBufferBuilder builder;
  auto host = wire::CreateHost(builder);
  auto settings = wire::CreateSettings(builder);
  builder.Finish(wire::CreateRecording(builder, host, settings));
  WriteBlock(BlockType::kRecording, builder);
}

Result<Capture> CaptureBytes::Read(const ReadLimits& limits) const {
  return ReadCapture(span(), "test.twofold", limits);
}

bool HasDamage(const Capture& capture, const std::string& text) {
  for (const Damage& damage : capture.damages) {
    if (damage.what.find(text) != std::string::npos) return true;
  }
  return false;
}

std::string DamageText(const Capture& capture) {
  std::string text;
  for (const Damage& damage : capture.damages) {
    text += "at byte " + std::to_string(damage.offset_bytes) + ": " + damage.what + "\n";
  }
  return text;
}

}  // namespace twofold::testing
