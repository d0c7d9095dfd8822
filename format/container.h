// The capture's container on disk: every constant and every fixed structure, and nothing else.
// format/FORMAT.md explains them. All numbers are little-endian; no structure has padding.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace twofold::container {

// A byte outside of ASCII, three letters, and line ends of every kind: a transfer in text mode
// changes at least one of them, so that the damage is recognised as what it is.
inline constexpr std::array<uint8_t, 8> kFileMagic = {0xF2, 'T', 'W', 'O', '\r', '\n', 0x1A, '\n'};
inline constexpr std::array<uint8_t, 4> kBlockMagic = {0xF2, 'B', 'L', 'K'};
inline constexpr std::array<uint8_t, 8> kTrailerMagic = {0xF2, 'E',  'N',  'D',
                                                         '\r', '\n', 0x1A, '\n'};

inline constexpr uint16_t kMajorVersion = 1;
inline constexpr uint16_t kMinorVersion = 0;

// Bits of FileHeader::required_features. A capture has none of them.
inline constexpr uint64_t kMergedFeature = 1;  // the file is a merged one: see format/merged_file.h

enum class BlockType : uint16_t {
  kRecording = 1,
  kDefinitions = 2,
  kInterval = 3,
  kEnd = 4,
  kIndex = 5,
  kMembers = 32,  // of merged files alone
};

// Each checksum is XXH64 with seed 0 over the whole structure (with a block: and its payload), the
// checksum's own eight bytes taken as zero.
struct FileHeader {
  std::array<uint8_t, 8> magic = kFileMagic;
  uint16_t major_version = kMajorVersion;
  uint16_t minor_version = kMinorVersion;
  uint32_t header_bytes = 32;  // a later minor version may append fields
  uint64_t required_features = 0;
  uint64_t checksum = 0;  // over header_bytes bytes
};

struct BlockHeader {
  std::array<uint8_t, 4> magic = kBlockMagic;
  uint16_t type = 0;
  uint16_t flags = 0;
  uint32_t stored_bytes = 0;    // of the payload, which follows this header
  uint32_t unpacked_bytes = 0;  // of the FlatBuffer inside of the payload's zstd frame
  uint64_t sequence = 0;        // 0 for the first block, then one more for each
  uint64_t checksum = 0;
};

struct Trailer {
  std::array<uint8_t, 8> magic = kTrailerMagic;
  uint64_t index_offset = 0;  // of the Index block's header
  uint64_t file_bytes = 0;    // of the whole file with this trailer
  uint64_t checksum = 0;
};

static_assert(sizeof(FileHeader) == 32 && offsetof(FileHeader, major_version) == 8 &&
              offsetof(FileHeader, minor_version) == 10 &&
              offsetof(FileHeader, header_bytes) == 12 &&
              offsetof(FileHeader, required_features) == 16 &&
              offsetof(FileHeader, checksum) == 24);
static_assert(sizeof(BlockHeader) == 32 && offsetof(BlockHeader, type) == 4 &&
              offsetof(BlockHeader, flags) == 6 && offsetof(BlockHeader, stored_bytes) == 8 &&
              offsetof(BlockHeader, unpacked_bytes) == 12 &&
              offsetof(BlockHeader, sequence) == 16 && offsetof(BlockHeader, checksum) == 24);
static_assert(sizeof(Trailer) == 32 && offsetof(Trailer, index_offset) == 8 &&
              offsetof(Trailer, file_bytes) == 16 && offsetof(Trailer, checksum) == 24);

// Limits that writers keep and readers may insist on (FORMAT.md, "Limits").
inline constexpr uint32_t kMaxFileHeaderBytes = 4096;
inline constexpr uint32_t kMaxUnpackedBytes = 256U << 20;  // of one block
inline constexpr uint32_t kMaxRecordingBytes = 1U << 20;   // of an unpacked Recording block
inline constexpr uint32_t kMaxMembers = 1024;              // captures in a merged file
inline constexpr uint32_t kMaxMemberNameBytes = 2048;
inline constexpr uint32_t kMaxMembersBytes = 4U << 20;  // of an unpacked Members block
inline constexpr int kZstdLevel = 3;
inline constexpr int kMaxWindowLog = 23;  // 8 MiB
inline constexpr uint32_t kMaxStackFrames = 1024;
inline constexpr uint32_t kMaxChainWakers = 64;
inline constexpr uint32_t kMaxSources = 64;
inline constexpr int64_t kMaxTimeNs = int64_t{1} << 62;  // magnitude of every single time
inline constexpr uint64_t kMaxSum = INT64_MAX;           // of any column over the whole capture

// Checksums of the structures above; whatever their checksum field holds counts as zero.
uint64_t Checksum(const FileHeader& header, std::span<const uint8_t> later_fields);
uint64_t Checksum(const BlockHeader& header, std::span<const uint8_t> payload);
uint64_t Checksum(const Trailer& trailer);

}  // namespace twofold::container
