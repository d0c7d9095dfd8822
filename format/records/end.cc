#include "format/records/end.h"

namespace twofold::records {

void PackEnd(const End& end, flatbuffers::FlatBufferBuilder& builder) {
  builder.Finish(
      wire::CreateEnd(builder, uint8_t(end.reason), end.end_ns, end.intervals, end.command_status));
}

MaybeFault UnpackEnd(std::span<const uint8_t> payload, End& end) {
  if (!IsFlatBuffer<wire::End>(payload)) return MalformedFlatBuffer();
  const auto* table = RootOf<wire::End>(payload);
  // Reasons of newer versions are kept as kOther.
  end.reason = table->reason() <= uint8_t(EndReason::kOverhead)
                   ? static_cast<EndReason>(table->reason())
                   : EndReason::kOther;
  end.end_ns = table->end_ns();
  end.intervals = table->intervals();
  end.command_status = table->command_status();
  return std::nullopt;
}

MaybeFault CheckEnd(const End& end, const Progress& progress) {
  if (end.end_ns < progress.end_ns || end.end_ns > uint64_t(container::kMaxTimeNs)) {
    return Fault{"the window ends before its last interval does"};
  }
  if (end.command_status < -1 || end.command_status > 255) {
    return Fault{"its command's exit status is out of range"};
  }
  if (end.intervals < progress.intervals) {
    return Fault{"it counts " + std::to_string(end.intervals) + " intervals after " +
                 std::to_string(progress.intervals) + " were written"};
  }
  return std::nullopt;
}

}  // namespace twofold::records
