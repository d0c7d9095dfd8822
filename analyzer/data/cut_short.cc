#include "analyzer/data/cut_short.h"

#include "format/capture_reader.h"

namespace twofold {

bool IsOnlyCutShort(const Capture& capture, std::span<const uint8_t> bytes) {
  const std::vector<Damage>& damages = capture.damages;
  bool stops = !capture.end && !damages.empty() && damages.back().offset_bytes == bytes.size();
  if (!stops || damages.size() > 2) return false;
  if (damages.size() == 1) return true;
  Result<Capture> whole_part = ReadCapture(bytes.first(damages[0].offset_bytes), "");
  return whole_part && whole_part->damages.size() == 1 &&
         whole_part->intervals.size() == capture.intervals.size() &&
         whole_part->definitions == capture.definitions;
}

}  // namespace twofold
