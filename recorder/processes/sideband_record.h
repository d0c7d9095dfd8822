// The records in perf's rings that recorder/processes/sideband.h asks for, parsed from untyped
// bytes. Layouts are those of linux/perf_event.h with sample_type PERF_SAMPLE_TIME and
// sample_id_all.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "recorder/processes/sideband.h"

namespace twofold {

struct ParsedRecord {
  std::optional<SidebandEvent> event;  // nullopt: a record of no interest, or damaged
  uint64_t lost = 0;                   // events that the kernel reports as lost
  bool damaged = false;                // shorter than its kind must be
};

// `record` is one whole record with its header, as long as the header says.
ParsedRecord ParseSidebandRecord(std::span<const uint8_t> record);

}  // namespace twofold
