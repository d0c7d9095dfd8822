#include "recorder/parser/code_ranges.h"

#include <algorithm>
#include <queue>
#include <utility>

namespace twofold {
namespace {

// Sweeps over the addresses; at each of them the latest of the entries that cover it wins.
class Sweep {
 public:
  explicit Sweep(std::vector<CodeRange> written) : written_(std::move(written)) {}

  std::vector<CodeRange> Run() {
    std::vector<uint32_t> by_start(written_.size());
    for (uint32_t i = 0; i < by_start.size(); ++i) by_start[i] = i;
    std::sort(by_start.begin(), by_start.end(), [&](uint32_t a, uint32_t b) {
      return std::pair(written_[a].start, a) < std::pair(written_[b].start, b);
    });
    for (const uint32_t entry : by_start) {
      AdvanceTo(written_[entry].start);
      covering_.push(entry);
    }
    AdvanceTo(UINT64_MAX);
    return std::move(painted_);
  }

 private:
  void AdvanceTo(uint64_t address) {
    while (!covering_.empty() && at_ < address) {
      const CodeRange& winner = written_[covering_.top()];
      const uint64_t end = std::min(winner.end(), address);
      if (end > at_) Paint(at_, end, winner.position);
      if (winner.end() <= end) covering_.pop();
      at_ = std::max(at_, end);
    }
    at_ = address;
  }

  void Paint(uint64_t start, uint64_t end, uint32_t position) {
    if (!painted_.empty() && painted_.back().end() == start &&
        painted_.back().position == position && end - painted_.back().start <= UINT32_MAX) {
      painted_.back().size_bytes = uint32_t(end - painted_.back().start);
      return;
    }
    painted_.push_back({start, uint32_t(end - start), position});
  }

  std::vector<CodeRange> written_;
  std::vector<CodeRange> painted_;
  std::priority_queue<uint32_t> covering_;  // entries that began; the latest is on top
  uint64_t at_ = 0;
};

void CutBefore(CodeRange& range, uint64_t start) {
  range.size_bytes = uint32_t(range.end() - start);
  range.start = start;
}

}  // namespace

void CodeRanges::Overlay(std::vector<CodeRange>& written) {
  if (written.empty()) return;
  const std::vector<CodeRange> fresh = Sweep(std::exchange(written, {})).Run();
  std::vector<CodeRange> merged;
  merged.reserve(ranges_.size() + fresh.size());
  auto old = ranges_.begin();
  for (const CodeRange& range : fresh) {
    for (; old != ranges_.end() && old->end() <= range.start; ++old) merged.push_back(*old);
    if (old != ranges_.end() && old->start < range.start) {
      merged.push_back(*old);
      merged.back().size_bytes = uint32_t(range.start - old->start);
    }
    while (old != ranges_.end() && old->end() <= range.end()) ++old;
    if (old != ranges_.end() && old->start < range.end()) CutBefore(*old, range.end());
    merged.push_back(range);
  }
  merged.insert(merged.end(), old, ranges_.end());
  ranges_ = std::move(merged);
}

std::optional<CodeRange> CodeRanges::Find(uint64_t address) const {
  const auto after = std::upper_bound(
      ranges_.begin(), ranges_.end(), address,
      [](uint64_t wanted, const CodeRange& range) { return wanted < range.start; });
  if (after == ranges_.begin()) return std::nullopt;
  const CodeRange& found = *(after - 1);
  return address < found.end() ? std::optional(found) : std::nullopt;
}

// Assigning {} would keep the memory.
void CodeRanges::Clear() { ranges_ = std::vector<CodeRange>(); }

}  // namespace twofold
