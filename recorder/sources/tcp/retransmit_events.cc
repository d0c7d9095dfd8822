#include "recorder/sources/tcp/retransmit_events.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_map>

namespace twofold {

void RetransmitEvents::Add(const void* event, size_t bytes) {
  uint32_t kind = 0;
  if (bytes < sizeof(kind)) return;
  std::memcpy(&kind, event, sizeof(kind));
  if (kind != TWOFOLD_EVENT_RETRANSMIT) return;
  if (bytes < sizeof(twofold_retransmit)) return;
  if ((retransmits_.size() + 1) * sizeof(twofold_retransmit) > kMostBytes) {
    ++lost_;
    return;
  }
  std::memcpy(&retransmits_.emplace_back(), event, sizeof(twofold_retransmit));
}

std::vector<RetransmitEventReading> RetransmitEvents::Take(
    const std::vector<RetransmitDifference>& rows, bool last, std::vector<Loss>& losses) {
  const auto bytes_of = [](const twofold_retransmit_key& key) {
    return std::string_view(reinterpret_cast<const char*>(&key), sizeof(key));
  };
  struct Row {
    size_t index;
    uint64_t packets;  // whose events are still to come
  };
  // A key may come twice: from a map that was replaced and from the fresh one.
  std::unordered_map<std::string_view, Row> open_rows;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto [row, is_new] = open_rows.try_emplace(bytes_of(rows[i].key), Row{i, 0});
    row->second.packets += rows[i].added.packets;
  }
  std::stable_sort(retransmits_.begin(), retransmits_.end(),
                   [](const twofold_retransmit& a, const twofold_retransmit& b) {
                     return a.time_ns < b.time_ns;
                   });
  std::vector<RetransmitEventReading> taken;
  size_t kept = 0;
  for (const twofold_retransmit& event : retransmits_) {
    const auto row = open_rows.find(bytes_of(event.key));
    if (row == open_rows.end() || row->second.packets == 0) {
      retransmits_[kept++] = event;
      continue;
    }
    --row->second.packets;
    taken.push_back({.row = row->second.index,
                     .time_ns = event.time_ns,
                     .segments = event.segments,
                     .bytes = event.bytes});
  }
  retransmits_.resize(last ? 0 : kept);
  if (lost_ > 0) {
    losses.push_back(Loss{.cause = LossCause::kEventTimeLost,
                          .source = LossSource::kTcp,
                          .count = lost_,
                          .time_ns = 0});
    lost_ = 0;
  }
  return taken;
}

}  // namespace twofold
