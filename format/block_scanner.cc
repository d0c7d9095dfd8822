#include "format/block_scanner.h"

#include <algorithm>

#include "format/base/bytes.h"

namespace twofold {
namespace {

using container::BlockHeader;
using container::Trailer;

}  // namespace

BlockScanner::BlockScanner(std::span<const uint8_t> file, uint64_t first_block_offset)
    : file_(file),
      offset_(first_block_offset),
      next_(first_block_offset),
      search_bytes_left_(file.size() * 4 + (1U << 20)) {}

BlockScanner::Step BlockScanner::Next() {
  offset_ = next_;
  if (offset_ >= file_.size()) return Step::kEnd;
  switch (LookAt(offset_)) {
    case Found::kBlock:
      next_ = offset_ + sizeof(BlockHeader) + payload_.size();
      return Step::kBlock;
    case Found::kTrailer:
      next_ = offset_ + sizeof(Trailer);
      return Step::kTrailer;
    case Found::kNothing:
      break;
  }
  next_ = FindNext();
  return Step::kLost;
}

BlockScanner::Found BlockScanner::LookAt(uint64_t offset) {
  std::span<const uint8_t> rest = file_.subspan(offset);
  claimed_end_ = 0;
  if (StartsWith(rest, container::kTrailerMagic)) {
    if (!CopyFrom(rest, trailer_)) {
      lost_because_ = "the trailer is cut off";
      return Found::kNothing;
    }
    if (container::Checksum(trailer_) == trailer_.checksum) return Found::kTrailer;
    lost_because_ = "the trailer's checksum is wrong";
    claimed_end_ = offset + sizeof(Trailer);
    return Found::kNothing;
  }
  if (!StartsWith(rest, container::kBlockMagic)) {
    bool cut_off = rest.size() < sizeof(BlockHeader) &&
                   StartsWith(container::kBlockMagic, rest.first(std::min<size_t>(rest.size(), 4)));
    lost_because_ = cut_off ? "the file ends within a block's header" : "no block begins here";
    return Found::kNothing;
  }
  if (!CopyFrom(rest, block_)) {
    lost_because_ = "the file ends within a block's header";
    return Found::kNothing;
  }
  uint64_t whole_bytes = sizeof(BlockHeader) + uint64_t{block_.stored_bytes};
  if (whole_bytes > rest.size()) {
    lost_because_ = "the file ends within a block (" + std::to_string(rest.size()) + " of " +
                    std::to_string(whole_bytes) + " bytes are there)";
    return Found::kNothing;
  }
  payload_ = rest.subspan(sizeof(BlockHeader), block_.stored_bytes);
  if (container::Checksum(block_, payload_) == block_.checksum) return Found::kBlock;
  lost_because_ = "a block's checksum is wrong";
  claimed_end_ = offset + whole_bytes;
  return Found::kNothing;
}

bool BlockScanner::IsPlausibleStart(uint64_t offset) const {
  std::span<const uint8_t> rest = file_.subspan(offset);
  return rest.empty() || StartsWith(rest, container::kBlockMagic) ||
         StartsWith(rest, container::kTrailerMagic);
}

uint64_t BlockScanner::FindNext() {
  // The damage may be anywhere in the block: its size is good when something begins behind it.
  if (claimed_end_ != 0 && IsPlausibleStart(claimed_end_)) return claimed_end_;

  std::string because = lost_because_;  // of the damage, not of what is looked at on the way
  uint64_t found = file_.size();
  std::string_view text = AsText(file_);
  uint64_t candidate = offset_;
  while (true) {
    candidate = text.find(char(container::kBlockMagic[0]), candidate + 1);
    if (candidate == std::string_view::npos) break;
    if (!IsPlausibleStart(candidate)) continue;
    if (LookAt(candidate) != Found::kNothing) {
      found = candidate;
      break;
    }
    uint64_t cost_bytes = claimed_end_ == 0 ? 0 : claimed_end_ - candidate;
    if (cost_bytes > search_bytes_left_) break;
    search_bytes_left_ -= cost_bytes;
  }
  lost_because_ = because;
  return found;
}

}  // namespace twofold
