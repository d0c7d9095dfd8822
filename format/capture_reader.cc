// The pass over a capture's blocks: file header, then block by block into plain structs, each
// checked against all before it (records/progress.h), and a note for everything that is not as it
// should be.
#include "format/capture_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "format/base/input_file.h"
#include "format/block_scanner.h"
#include "format/container.h"
#include "format/damage_list.h"
#include "format/file_header.h"
#include "format/placeholders.h"
#include "format/records/definitions.h"
#include "format/records/end.h"
#include "format/records/index.h"
#include "format/records/interval.h"
#include "format/records/recording.h"
#include "format/zstd_frame.h"

namespace twofold {
namespace {

using container::BlockType;

constexpr uint64_t kMiB = 1U << 20;
constexpr char kTransferAgain[] = "Transfer the capture again from the host that recorded it";

class CaptureAssembler {
 public:
  CaptureAssembler(std::span<const uint8_t> bytes, const std::string& name,
                   const ReadLimits& limits)
      : bytes_(bytes),
        name_(name),
        limits_(limits),
        budget_(limits.MemoryBytes(bytes.size())),
        unpacked_left_(limits.UnpackedBytes(bytes.size())) {}

  Result<Capture> Assemble();

 private:
  Result<void> ReadFirstBlock(BlockScanner& scanner);

  void TakeBlock(const BlockScanner& scanner);
  MaybeFault TakeRecord(const BlockScanner& scanner);
  MaybeFault TakeDefinitions(std::span<const uint8_t> payload);
  MaybeFault TakeInterval(std::span<const uint8_t> payload, uint64_t offset);
  MaybeFault TakeEnd(std::span<const uint8_t> payload);
  MaybeFault TakeIndex(std::span<const uint8_t> payload, uint64_t offset);
  void TakeTrailer(const container::Trailer& trailer, uint64_t offset);
  void CheckTail(uint64_t offset);

  // Unpacks a block's payload into unpacked_.
  MaybeFault Unpack(const container::BlockHeader& block, std::span<const uint8_t> payload);
  std::string At(uint64_t offset) const { return name_ + " at byte " + std::to_string(offset); }

  std::span<const uint8_t> bytes_;
  const std::string& name_;
  const ReadLimits& limits_;
  Capture capture_;
  Progress progress_;
  MemoryBudget budget_;
  uint64_t unpacked_left_;
  DamageList damages_;
  Placeholders placeholders_;
  ZstdUnpacker unpacker_;
  std::vector<uint8_t> unpacked_;
  uint64_t next_sequence_ = 0;
  bool lost_since_last_block_ = false;
  std::vector<records::IndexEntry> seen_;  // blocks with a right checksum
  std::optional<uint64_t> index_offset_;
  bool trailer_seen_ = false;
};

Result<void> CaptureAssembler::ReadFirstBlock(BlockScanner& scanner) {
  BlockScanner::Step step = scanner.Next();
  if (step == BlockScanner::Step::kEnd) {
    return Error{"the capture ends behind its header: nothing was recorded yet",
                 At(scanner.offset()), "Record again"};
  }
  if (step == BlockScanner::Step::kLost) {
    return Error{"the capture's first block cannot be read: " + scanner.lost_because(),
                 At(scanner.offset()), kTransferAgain};
  }
  const container::BlockHeader& block = scanner.block();
  if (step != BlockScanner::Step::kBlock || block.flags != 0 ||
      block.type != uint16_t(BlockType::kRecording)) {
    return Error{"the capture does not begin with its recording's settings", At(scanner.offset()),
                 kTransferAgain};
  }
  MaybeFault fault;
  if (block.unpacked_bytes > container::kMaxRecordingBytes) {
    fault = Fault{"it is too large"};
  } else {
    fault = Unpack(block, scanner.payload());
  }
  if (!fault) fault = records::UnpackRecording(unpacked_, capture_.recording);
  if (!fault) fault = records::CheckRecording(capture_.recording);
  if (fault) {
    return Error{"the capture's first block cannot be read: " + fault->what, At(scanner.offset()),
                 kTransferAgain};
  }
  next_sequence_ = block.sequence + 1;
  seen_.push_back({block.type, scanner.offset(), sizeof(block) + scanner.payload().size()});
  if (block.sequence != 0) {
    damages_.Add(scanner.offset(), "the first block has the sequence number " +
                                       std::to_string(block.sequence) + " instead of 0");
  }
  return {};
}

Result<Capture> CaptureAssembler::Assemble() {
  if (bytes_.size() > limits_.max_file_bytes) {
    return Error{"the capture has more than " + std::to_string(limits_.max_file_bytes) + " bytes",
                 name_, "Record for a shorter time"};
  }
  TWOFOLD_ASSIGN_OR_RETURN(CheckedHeader header, CheckFileHeader(bytes_, name_));
  if (header.is_merged) {
    return Error{"this is a merged file, where one capture is expected", name_,
                 "Merge the captures in it instead"};
  }
  BlockScanner scanner(bytes_, header.header_bytes);
  TWOFOLD_RETURN_IF_ERROR(ReadFirstBlock(scanner));

  for (BlockScanner::Step step; (step = scanner.Next()) != BlockScanner::Step::kEnd;) {
    switch (step) {
      case BlockScanner::Step::kBlock:
        TakeBlock(scanner);
        break;
      case BlockScanner::Step::kTrailer:
        TakeTrailer(scanner.trailer(), scanner.offset());
        break;
      case BlockScanner::Step::kLost:
        lost_since_last_block_ = true;
        placeholders_.Allow();
        damages_.Add(scanner.offset(), std::to_string(scanner.lost_bytes()) +
                                           " bytes cannot be used: " + scanner.lost_because());
        break;
      case BlockScanner::Step::kEnd:
        break;
    }
  }
  CheckTail(scanner.offset());
  placeholders_.Resolve(capture_.definitions);
  capture_.damages = damages_.Take();
  capture_.file_bytes = bytes_.size();
  return std::move(capture_);
}

void CaptureAssembler::TakeBlock(const BlockScanner& scanner) {
  const container::BlockHeader& block = scanner.block();
  uint64_t offset = scanner.offset();
  if (trailer_seen_) {
    damages_.Add(offset, "a block follows the trailer");
    return;
  }
  if (block.sequence < next_sequence_) {
    damages_.Add(offset, "block " + std::to_string(block.sequence) +
                             " is there twice or in the wrong place, and left out");
    return;
  }
  if (block.sequence > next_sequence_) {
    placeholders_.Allow();
    // Bytes that were lost just before were those blocks.
    if (!lost_since_last_block_) {
      damages_.Add(offset, std::to_string(block.sequence - next_sequence_) +
                               " blocks before this one are missing");
    }
  }
  lost_since_last_block_ = false;
  if (block.sequence == UINT64_MAX) {
    damages_.Add(offset, "a block's sequence number is out of range, and the block left out");
    return;
  }
  next_sequence_ = block.sequence + 1;
  seen_.push_back({block.type, offset, sizeof(block) + scanner.payload().size()});

  // What a refused block took from the budgets stays taken, which bounds the work for all of them.
  if (MaybeFault fault = TakeRecord(scanner)) {
    placeholders_.Allow();
    damages_.Add(offset, "a block of type " + std::to_string(block.type) + " and " +
                             std::to_string(seen_.back().stored_bytes) +
                             " bytes is left out: " + fault->what);
  }
}

MaybeFault CaptureAssembler::TakeRecord(const BlockScanner& scanner) {
  const container::BlockHeader& block = scanner.block();
  if (block.type == 0 || block.type > uint16_t(BlockType::kIndex)) {
    return std::nullopt;  // of a newer version: nothing here depends on it
  }
  if (block.flags != 0) return Fault{"it has flags that this program does not know"};
  auto type = static_cast<BlockType>(block.type);
  if (type == BlockType::kRecording) return Fault{"a capture has one recording only"};
  if (capture_.end && type != BlockType::kIndex) return Fault{"it comes after the end"};
  TWOFOLD_RETURN_IF_FAULT(Unpack(block, scanner.payload()));
  switch (type) {
    case BlockType::kDefinitions:
      return TakeDefinitions(unpacked_);
    case BlockType::kInterval:
      return TakeInterval(unpacked_, scanner.offset());
    case BlockType::kEnd:
      return TakeEnd(unpacked_);
    case BlockType::kIndex:
      return TakeIndex(unpacked_, scanner.offset());
    case BlockType::kRecording:
    case BlockType::kMembers:
      break;
  }
  return std::nullopt;
}

MaybeFault CaptureAssembler::Unpack(const container::BlockHeader& block,
                                    std::span<const uint8_t> payload) {
  uint64_t size_bytes = block.unpacked_bytes;
  if (size_bytes > limits_.max_block_bytes) {
    return Fault{"it unpacks to more than " + std::to_string(limits_.max_block_bytes) + " bytes"};
  }
  if (size_bytes > kMiB && size_bytes / limits_.max_ratio > payload.size()) {
    return Fault{"it unpacks to more than " + std::to_string(limits_.max_ratio) +
                 " times its size"};
  }
  if (size_bytes > budget_.left_bytes()) return TooMuchMemory();
  if (size_bytes > unpacked_left_) {
    return Fault{"the capture unpacks to more than one of its size may"};
  }
  unpacked_left_ -= size_bytes;
  if (unpacked_.capacity() < size_bytes) unpacked_ = {};  // rather than hold both at once
  unpacked_.resize(size_bytes);
  if (auto reason = unpacker_.Unpack(payload, unpacked_)) return Fault{*reason};
  return std::nullopt;
}

MaybeFault CaptureAssembler::TakeDefinitions(std::span<const uint8_t> payload) {
  Definitions fresh;
  DefinitionCounts before;
  TWOFOLD_RETURN_IF_FAULT(records::UnpackDefinitions(payload, budget_, fresh, before));
  TWOFOLD_RETURN_IF_FAULT(
      placeholders_.FillUpTo(before, /*exactly=*/true, budget_, capture_.definitions, progress_));
  TWOFOLD_RETURN_IF_FAULT(records::AddDefinitions(fresh, progress_));
  const auto append = [&](auto Definitions::*kind) {
    auto& to = capture_.definitions.*kind;
    auto& from = fresh.*kind;
    if (to.empty()) {
      to = std::move(from);
    } else {
      to.insert(to.end(), std::make_move_iterator(from.begin()),
                std::make_move_iterator(from.end()));
    }
  };
  ForEachDefinitionKind([&](const auto& kind) { append(kind.definitions); });
  append(&Definitions::process_ends);
  return std::nullopt;
}

MaybeFault CaptureAssembler::TakeInterval(std::span<const uint8_t> payload, uint64_t offset) {
  Interval interval;
  uint32_t expected = progress_.next_interval;
  TWOFOLD_RETURN_IF_FAULT(records::UnpackInterval(payload, budget_, interval));
  TWOFOLD_RETURN_IF_FAULT(placeholders_.FillUpTo(records::HighestIds(interval), /*exactly=*/false,
                                                 budget_, capture_.definitions, progress_));
  TWOFOLD_RETURN_IF_FAULT(records::AddInterval(interval, progress_));
  if (interval.number != expected) {
    damages_.Add(offset, "intervals " + std::to_string(expected) + " to " +
                             std::to_string(interval.number - 1) + " are missing");
  }
  capture_.intervals.push_back(std::move(interval));
  return std::nullopt;
}

MaybeFault CaptureAssembler::TakeEnd(std::span<const uint8_t> payload) {
  End end;
  TWOFOLD_RETURN_IF_FAULT(records::UnpackEnd(payload, end));
  TWOFOLD_RETURN_IF_FAULT(records::CheckEnd(end, progress_));
  capture_.end = end;
  return std::nullopt;
}

MaybeFault CaptureAssembler::TakeIndex(std::span<const uint8_t> payload, uint64_t offset) {
  if (index_offset_) return Fault{"a capture has one index only"};
  std::vector<records::IndexEntry> entries;
  MemoryBudget scratch = budget_;
  TWOFOLD_RETURN_IF_FAULT(records::UnpackIndex(payload, scratch, entries));
  index_offset_ = offset;
  std::span<const records::IndexEntry> before_this(seen_.data(), seen_.size() - 1);
  if (damages_.empty() &&
      !std::equal(entries.begin(), entries.end(), before_this.begin(), before_this.end())) {
    damages_.Add(offset, "the index does not list the blocks that are there");
  }
  return std::nullopt;
}

void CaptureAssembler::TakeTrailer(const container::Trailer& trailer, uint64_t offset) {
  if (trailer_seen_) {
    damages_.Add(offset, "a second trailer follows the first");
    return;
  }
  trailer_seen_ = true;
  if (!index_offset_) {
    damages_.Add(offset, "there is a trailer without an index");
  } else if (trailer.index_offset != *index_offset_) {
    damages_.Add(offset, "the trailer says that the index is at byte " +
                             std::to_string(trailer.index_offset) + ", but it is at byte " +
                             std::to_string(*index_offset_));
  }
  if (trailer.file_bytes != offset + sizeof(trailer)) {
    damages_.Add(offset, "the trailer says that the file has " +
                             std::to_string(trailer.file_bytes) + " bytes, but it ends after " +
                             std::to_string(offset + sizeof(trailer)));
  }
}

void CaptureAssembler::CheckTail(uint64_t offset) {
  if (!capture_.end) {
    damages_.Add(offset, "the recording was cut short: there is no end after " +
                             std::to_string(progress_.intervals) + " intervals");
    return;
  }
  if (capture_.end->intervals != progress_.intervals) {
    damages_.Add(offset, "the recording had " + std::to_string(capture_.end->intervals) +
                             " intervals, of which " + std::to_string(progress_.intervals) +
                             " can be read");
  }
  if (!index_offset_) damages_.Add(offset, "the index is missing");
  if (!trailer_seen_) damages_.Add(offset, "the trailer is missing");
}

}  // namespace

uint64_t ReadLimits::MemoryBytes(uint64_t file_bytes) const {
  return std::min(max_total_bytes, base_bytes + 96 * std::min(file_bytes, max_file_bytes));
}

uint64_t ReadLimits::UnpackedBytes(uint64_t file_bytes) const {
  return std::min(max_total_bytes, base_bytes + 256 * std::min(file_bytes, max_file_bytes));
}

Result<Capture> ReadCapture(std::span<const uint8_t> bytes, const std::string& name,
                            const ReadLimits& limits) {
  return CaptureAssembler(bytes, name, limits).Assemble();
}

Result<Capture> ReadCaptureFile(const std::string& path, const ReadLimits& limits) {
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, ReadInputFile(path, limits.max_file_bytes));
  return ReadCapture(bytes, path == "-" ? "standard input" : path, limits);
}

}  // namespace twofold
