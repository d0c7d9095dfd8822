#include "analyzer/data/block_ends.h"

#include <cstdint>

namespace twofold {
namespace {

constexpr uint32_t kNoInterval = UINT32_MAX;

// What became of the block that a thread was in when an interval began.
struct Continuation {
  uint32_t interval = kNoInterval;  // index
  BlockEnd end;
};

}  // namespace

// From the last interval to the first, so that a part's continuation is known before the part.
std::vector<BlockEnd> FindBlockEnds(const Capture& capture) {
  const std::vector<Interval>& intervals = capture.intervals;
  size_t rows_after = 0;
  for (const Interval& interval : intervals) {
    if (interval.blocked) rows_after += interval.blocked->size();
  }
  std::vector<BlockEnd> ends(rows_after);
  std::vector<Continuation> continuations(capture.definitions.threads.size() + 1);
  for (size_t i = intervals.size(); i-- > 0;) {
    if (!intervals[i].blocked) continue;
    const std::vector<BlockedRow>& rows = *intervals[i].blocked;
    size_t first = rows_after - rows.size();
    bool is_last = i + 1 == intervals.size();
    bool next_is_there = !is_last && intervals[i + 1].number == intervals[i].number + 1;
    for (size_t row = 0; row < rows.size(); ++row) {
      BlockEnd& end = ends[first + row];
      if ((rows[row].parts & kOpenAtEnd) == 0) {
        end.chain = rows[row].chain;
      } else if (is_last) {
        end.still_blocked = true;
      } else if (next_is_there && rows[row].thread.value < continuations.size()) {
        const Continuation& next = continuations[rows[row].thread.value];
        if (next.interval == i + 1) end = next.end;
      }
    }
    for (size_t row = 0; row < rows.size(); ++row) {
      bool continues = (rows[row].parts & kBegunBefore) != 0;
      if (!continues || rows[row].thread.value >= continuations.size()) continue;
      continuations[rows[row].thread.value] = {uint32_t(i), ends[first + row]};
    }
    rows_after = first;
  }
  return ends;
}

}  // namespace twofold
