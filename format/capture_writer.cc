#include "format/capture_writer.h"

#include <vector>

#include "format/base/bytes.h"
#include "format/base/check.h"
#include "format/container.h"
#include "format/records/definitions.h"
#include "format/records/end.h"
#include "format/records/index.h"
#include "format/records/interval.h"
#include "format/records/recording.h"
#include "format/zstd_frame.h"

namespace twofold {
namespace {

using container::BlockType;

// What the rules refuse: a dangling id is our own bug, a value may have come from the kernel.
Error RefusedRecord(const char* record, const Fault& fault) {
  if (fault.dangling) CheckFailed(fault.what.c_str(), __FILE__, __LINE__);
  return Error{std::string("cannot write ") + record + " into the capture: " + fault.what, "",
               "Please report this with the version of twofold"};
}

}  // namespace

struct CaptureWriter::State {
  enum class Stage { kNew, kRecording, kFinished, kFailed };

  explicit State(ByteSink& byte_sink) : sink(byte_sink) {}

  // Any error ends the capture: what is written so far stays readable, and a block behind a torn
  // one would not be.
  Result<void> Append(std::span<const uint8_t> bytes) {
    Result<void> appended = sink.Append(bytes);
    if (!appended) {
      stage = Stage::kFailed;
      return appended;
    }
    written_bytes += bytes.size();
    return {};
  }

  Result<void> AppendBlock(BlockType type, const flatbuffers::FlatBufferBuilder& builder);

  // Whether records may follow now.
  Result<void> CheckStage(Stage wanted) const {
    if (stage == Stage::kFailed) {
      return Error{"cannot go on with the capture after an earlier error", "", ""};
    }
    TWOFOLD_CHECK(stage == wanted);
    return {};
  }

  ByteSink& sink;
  Stage stage = Stage::kNew;
  uint64_t written_bytes = 0;
  uint64_t next_sequence = 0;
  Progress progress;
  std::vector<records::IndexEntry> index;
  ZstdPacker packer;
  std::vector<uint8_t> block;  // header and payload of the block being built
};

Result<void> CaptureWriter::State::AppendBlock(BlockType type,
                                               const flatbuffers::FlatBufferBuilder& builder) {
  std::span<const uint8_t> unpacked = records::Packed(builder);
  if (unpacked.size() > container::kMaxUnpackedBytes) {
    stage = Stage::kFailed;
    return Error{"an interval is too large for the capture (" +
                     std::to_string(unpacked.size() >> 20) + " MiB in one block)",
                 "", "Record with a shorter --interval or a smaller --memory"};
  }
  block.assign(sizeof(container::BlockHeader), 0);
  TWOFOLD_RETURN_IF_ERROR(packer.AppendFrame(unpacked, block));
  std::span<const uint8_t> payload = std::span(block).subspan(sizeof(container::BlockHeader));

  container::BlockHeader header;
  header.type = uint16_t(type);
  header.stored_bytes = uint32_t(payload.size());
  header.unpacked_bytes = uint32_t(unpacked.size());
  header.sequence = next_sequence;
  header.checksum = container::Checksum(header, payload);
  std::memcpy(block.data(), &header, sizeof(header));

  records::IndexEntry entry{header.type, written_bytes, block.size()};
  TWOFOLD_RETURN_IF_ERROR(Append(block));
  index.push_back(entry);
  next_sequence += 1;
  return {};
}

CaptureWriter::CaptureWriter(ByteSink& sink) : state_(std::make_unique<State>(sink)) {}
CaptureWriter::~CaptureWriter() = default;

Result<void> CaptureWriter::Start(const Recording& recording) {
  TWOFOLD_RETURN_IF_ERROR(state_->CheckStage(State::Stage::kNew));
  if (MaybeFault fault = records::CheckRecording(recording)) {
    return RefusedRecord("the recording's settings", *fault);
  }
  container::FileHeader header;
  header.checksum = container::Checksum(header, {});
  TWOFOLD_RETURN_IF_ERROR(state_->Append(BytesOf(header)));
  flatbuffers::FlatBufferBuilder builder;
  records::PackRecording(recording, builder);
  state_->stage = State::Stage::kRecording;
  return state_->AppendBlock(BlockType::kRecording, builder);
}

Result<void> CaptureWriter::WriteDefinitions(const Definitions& fresh) {
  TWOFOLD_RETURN_IF_ERROR(state_->CheckStage(State::Stage::kRecording));
  if (fresh.empty()) return {};
  DefinitionCounts before = state_->progress.defined;
  if (MaybeFault fault = records::AddDefinitions(fresh, state_->progress)) {
    return RefusedRecord("definitions", *fault);
  }
  flatbuffers::FlatBufferBuilder builder;
  records::PackDefinitions(fresh, before, builder);
  return state_->AppendBlock(BlockType::kDefinitions, builder);
}

Result<void> CaptureWriter::WriteInterval(const Interval& interval) {
  TWOFOLD_RETURN_IF_ERROR(state_->CheckStage(State::Stage::kRecording));
  TWOFOLD_CHECK(interval.number == state_->progress.next_interval);
  if (MaybeFault fault = records::AddInterval(interval, state_->progress)) {
    return RefusedRecord("an interval", *fault);
  }
  flatbuffers::FlatBufferBuilder builder;
  records::PackInterval(interval, builder);
  return state_->AppendBlock(BlockType::kInterval, builder);
}

Result<void> CaptureWriter::Finish(const End& end) {
  TWOFOLD_RETURN_IF_ERROR(state_->CheckStage(State::Stage::kRecording));
  TWOFOLD_CHECK(end.intervals == state_->progress.intervals);
  if (MaybeFault fault = records::CheckEnd(end, state_->progress)) {
    return RefusedRecord("the end", *fault);
  }
  flatbuffers::FlatBufferBuilder end_builder;
  records::PackEnd(end, end_builder);
  TWOFOLD_RETURN_IF_ERROR(state_->AppendBlock(BlockType::kEnd, end_builder));

  container::Trailer trailer;
  trailer.index_offset = state_->written_bytes;
  flatbuffers::FlatBufferBuilder index_builder;
  records::PackIndex(state_->index, index_builder);
  TWOFOLD_RETURN_IF_ERROR(state_->AppendBlock(BlockType::kIndex, index_builder));
  trailer.file_bytes = state_->written_bytes + sizeof(trailer);
  trailer.checksum = container::Checksum(trailer);
  TWOFOLD_RETURN_IF_ERROR(state_->Append(BytesOf(trailer)));
  state_->stage = State::Stage::kFinished;
  return {};
}

uint64_t CaptureWriter::bytes_written() const { return state_->written_bytes; }

}  // namespace twofold
