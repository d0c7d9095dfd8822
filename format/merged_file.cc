#include "format/merged_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "format/base/bytes.h"
#include "format/base/utf8.h"
#include "format/block_scanner.h"
#include "format/container.h"
#include "format/file_header.h"
#include "format/records/members.h"
#include "format/zstd_frame.h"

namespace twofold {
namespace {

using container::BlockType;

constexpr char kMergeAgain[] = "Transfer the file again, or merge the captures again";
// What small members may take beyond a multiple of their size, all together and each.
constexpr uint64_t kAllBaseBytes = uint64_t{4} << 30;

// Reads the list of members; gives where the first one begins.
Result<uint64_t> ReadMembersBlock(std::span<const uint8_t> bytes, uint64_t header_bytes,
                                  const std::string& name,
                                  std::vector<records::MemberEntry>& entries) {
  BlockScanner scanner(bytes, header_bytes);
  const BlockScanner::Step step = scanner.Next();
  const std::string where = name + " at byte " + std::to_string(header_bytes);
  const std::string what = "the merged file's list of captures cannot be read: ";
  if (step == BlockScanner::Step::kEnd) return Error{what + "the file ends", where, kMergeAgain};
  if (step == BlockScanner::Step::kLost) {
    return Error{what + scanner.lost_because(), where, kMergeAgain};
  }
  const container::BlockHeader& block = scanner.block();
  if (step != BlockScanner::Step::kBlock || block.flags != 0 || block.sequence != 0 ||
      block.type != uint16_t(BlockType::kMembers)) {
    return Error{what + "something else is in its place", where, kMergeAgain};
  }
  if (block.unpacked_bytes > container::kMaxMembersBytes) {
    return Error{what + "it is too large", where, kMergeAgain};
  }
  std::vector<uint8_t> unpacked(block.unpacked_bytes);
  ZstdUnpacker unpacker;
  if (auto reason = unpacker.Unpack(scanner.payload(), unpacked)) {
    return Error{what + *reason, where, kMergeAgain};
  }
  if (MaybeFault fault = records::UnpackMembers(unpacked, entries)) {
    return Error{what + fault->what, where, kMergeAgain};
  }
  if (entries.empty()) return Error{"the merged file holds no captures", where, kMergeAgain};
  return header_bytes + sizeof(block) + scanner.payload().size();
}

std::string ShownName(const Member& member) {
  return member.name.empty() ? "without a name" : member.name;
}

// A capture in which there is nothing but the reason why.
Capture Unreadable(const Member& member, const Error& error) {
  Capture capture;
  capture.file_bytes = member.bytes.size();
  capture.damages.push_back({0, "nothing of this capture can be read: " + error.what});
  return capture;
}

// At most `size` bytes of UTF-8.
std::string Shortened(std::string text, size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (uint8_t(text[size]) & 0xC0) == 0x80) --size;
  text.resize(size);
  return text;
}

}  // namespace

Result<CaptureList> ListCaptures(std::span<const uint8_t> bytes, const std::string& name) {
  TWOFOLD_ASSIGN_OR_RETURN(CheckedHeader header, CheckFileHeader(bytes, name));
  CaptureList list;
  list.is_merged = header.is_merged;
  if (!list.is_merged) {
    list.members.push_back({name, bytes, {}});
    return list;
  }
  std::vector<records::MemberEntry> entries;
  TWOFOLD_ASSIGN_OR_RETURN(uint64_t begin,
                           ReadMembersBlock(bytes, header.header_bytes, name, entries));
  std::span<const uint8_t> rest = bytes.subspan(begin);
  for (records::MemberEntry& entry : entries) {
    const uint64_t size_bytes = std::min<uint64_t>(entry.size_bytes, rest.size());
    Member& member = list.members.emplace_back();
    member.name = std::move(entry.name);
    member.bytes = rest.first(size_bytes);
    if (size_bytes < entry.size_bytes) {
      member.damages.push_back(
          {size_bytes, "the merged file ends after " + std::to_string(size_bytes) + " of the " +
                           std::to_string(entry.size_bytes) + " bytes of this capture"});
    }
    rest = rest.subspan(size_bytes);
  }
  if (!rest.empty()) {
    Member& last = list.members.back();
    last.damages.push_back({last.bytes.size(), std::to_string(rest.size()) +
                                                   " bytes follow the last capture of the merged "
                                                   "file"});
  }
  return list;
}

Result<Capture> ReadMember(const CaptureList& list, size_t index, const std::string& file_name,
                           const ReadLimits& limits) {
  const Member& member = list.members[index];
  if (!list.is_merged) return ReadCapture(member.bytes, file_name, limits);
  ReadLimits shared = limits;
  shared.base_bytes = std::min(limits.base_bytes, kAllBaseBytes / list.members.size());
  Result<Capture> capture =
      ReadCapture(member.bytes, ShownName(member) + " in " + file_name, shared);
  if (!capture) capture = Unreadable(member, capture.error());
  capture->damages.insert(capture->damages.end(), member.damages.begin(), member.damages.end());
  return capture;
}

bool IsUnreadable(const Capture& capture) {
  return !capture.damages.empty() && !capture.end && capture.intervals.empty() &&
         capture.definitions.empty() && capture.recording == Recording();
}

Result<void> WriteMerged(std::span<const Member> members, ByteSink& sink) {
  if (members.empty() || members.size() > container::kMaxMembers) {
    return Error{"a merged file holds 1 to " + std::to_string(container::kMaxMembers) +
                     " captures, not " + std::to_string(members.size()),
                 "", "Merge fewer captures"};
  }
  std::vector<records::MemberEntry> entries;
  for (const Member& member : members) {
    entries.push_back({Shortened(EscapeNonUtf8(member.name), container::kMaxMemberNameBytes),
                       member.bytes.size()});
  }
  flatbuffers::FlatBufferBuilder builder;
  records::PackMembers(entries, builder);
  std::span<const uint8_t> unpacked = records::Packed(builder);

  container::FileHeader header;
  header.required_features = container::kMergedFeature;
  header.checksum = container::Checksum(header, {});
  TWOFOLD_RETURN_IF_ERROR(sink.Append(BytesOf(header)));

  std::vector<uint8_t> stored(sizeof(container::BlockHeader), 0);
  ZstdPacker packer;
  TWOFOLD_RETURN_IF_ERROR(packer.AppendFrame(unpacked, stored));
  std::span<const uint8_t> payload = std::span(stored).subspan(sizeof(container::BlockHeader));
  container::BlockHeader block;
  block.type = uint16_t(BlockType::kMembers);
  block.stored_bytes = uint32_t(payload.size());
  block.unpacked_bytes = uint32_t(unpacked.size());
  block.checksum = container::Checksum(block, payload);
  std::memcpy(stored.data(), &block, sizeof(block));
  TWOFOLD_RETURN_IF_ERROR(sink.Append(stored));

  for (const Member& member : members) {
    if (!member.bytes.empty()) TWOFOLD_RETURN_IF_ERROR(sink.Append(member.bytes));
  }
  return {};
}

}  // namespace twofold
