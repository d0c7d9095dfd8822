#include "format/records/retransmits.h"

#include <algorithm>

namespace twofold::records {
namespace {

MaybeFault UnpackRows(const wire::RetransmitRows& table, MemoryBudget& budget,
                      std::vector<RetransmitRow>& rows) {
  size_t count = RowsOf(table.kind());
  TWOFOLD_RETURN_IF_FAULT(
      CheckColumns("retransmits", count,
                   {RowsOr(table.thread(), count), RowsOr(table.kernel_stack(), count),
                    RowsOr(table.state(), count), RowsOr(table.failed(), count),
                    RowsOr(table.net_namespace(), count), RowsOr(table.local_address(), count),
                    RowsOr(table.local_port(), count), RowsOr(table.remote_address(), count),
                    RowsOr(table.remote_port(), count), RowsOr(table.packets(), count),
                    RowsOr(table.segments(), count), RowsOr(table.bytes(), count)}));
  if (!budget.Take(count, sizeof(RetransmitRow))) return TooMuchMemory();
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    RetransmitRow& row = rows[i];
    uint8_t kind = At(table.kind(), i);
    uint8_t state = AtOrZero(table.state(), i);
    // Kinds and states of newer versions are kept as kOther.
    row.kind = kind <= static_cast<uint8_t>(RetransmitKind::kSynAck)
                   ? static_cast<RetransmitKind>(kind)
                   : RetransmitKind::kOther;
    row.state = state <= static_cast<uint8_t>(TcpState::kNewSynRecv) ? static_cast<TcpState>(state)
                                                                     : TcpState::kOther;
    row.thread = ThreadId(AtOrZero(table.thread(), i));
    row.kernel_stack = StackId(AtOrZero(table.kernel_stack(), i));
    row.failed = AtOrZero(table.failed(), i) != 0;
    row.net_namespace = AtOrZero(table.net_namespace(), i);
    row.local_address = StringId(AtOrZero(table.local_address(), i));
    row.local_port = AtOrZero(table.local_port(), i);
    row.remote_address = StringId(AtOrZero(table.remote_address(), i));
    row.remote_port = AtOrZero(table.remote_port(), i);
    row.packets = AtOrZero(table.packets(), i);
    row.segments = AtOrZero(table.segments(), i);
    row.bytes = AtOrZero(table.bytes(), i);
  }
  return std::nullopt;
}

MaybeFault UnpackEvents(const wire::RetransmitEvents& table, MemoryBudget& budget,
                        std::vector<RetransmitEvent>& events) {
  size_t count = RowsOf(table.row());
  TWOFOLD_RETURN_IF_FAULT(
      CheckColumns("retransmit events", count,
                   {RowsOr(table.time_ns(), count), RowsOr(table.segments(), count),
                    RowsOr(table.bytes(), count)}));
  if (!budget.Take(count, sizeof(RetransmitEvent))) return TooMuchMemory();
  events.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    events[i] = {.row = At(table.row(), i),
                 .time_ns = AtOrZero(table.time_ns(), i),
                 .segments = AtOrZero(table.segments(), i),
                 .bytes = AtOrZero(table.bytes(), i)};
  }
  return std::nullopt;
}

}  // namespace

flatbuffers::Offset<wire::RetransmitRows> PackRetransmitRows(
    flatbuffers::FlatBufferBuilder& builder, const std::vector<RetransmitRow>& rows) {
  const auto bytes = [&](auto get) { return PackOptionalColumn<uint8_t>(builder, rows, get); };
  const auto ports = [&](auto get) { return PackOptionalColumn<uint16_t>(builder, rows, get); };
  const auto ids = [&](auto get) { return PackOptionalColumn<uint32_t>(builder, rows, get); };
  const auto sums = [&](auto get) { return PackOptionalColumn<uint64_t>(builder, rows, get); };
  auto kind = PackColumn<uint8_t>(builder, rows, [](auto& row) { return row.kind; });
  auto thread = ids([](auto& row) { return row.thread.value; });
  auto kernel = ids([](auto& row) { return row.kernel_stack.value; });
  auto state = bytes([](auto& row) { return row.state; });
  auto failed = bytes([](auto& row) { return row.failed ? 1 : 0; });
  auto net_namespace = ids([](auto& row) { return row.net_namespace; });
  auto local_address = ids([](auto& row) { return row.local_address.value; });
  auto local_port = ports([](auto& row) { return row.local_port; });
  auto remote_address = ids([](auto& row) { return row.remote_address.value; });
  auto remote_port = ports([](auto& row) { return row.remote_port; });
  auto packets = sums([](auto& row) { return row.packets; });
  auto segments = sums([](auto& row) { return row.segments; });
  auto payload = sums([](auto& row) { return row.bytes; });
  return wire::CreateRetransmitRows(builder, kind, thread, kernel, state, failed, net_namespace,
                                    local_address, local_port, remote_address, remote_port, packets,
                                    segments, payload);
}

flatbuffers::Offset<wire::RetransmitEvents> PackRetransmitEvents(
    flatbuffers::FlatBufferBuilder& builder, const std::vector<RetransmitEvent>& events) {
  auto row = PackColumn<uint32_t>(builder, events, [](auto& event) { return event.row; });
  auto time =
      PackOptionalColumn<uint64_t>(builder, events, [](auto& event) { return event.time_ns; });
  auto segments =
      PackOptionalColumn<uint32_t>(builder, events, [](auto& event) { return event.segments; });
  auto bytes =
      PackOptionalColumn<uint32_t>(builder, events, [](auto& event) { return event.bytes; });
  return wire::CreateRetransmitEvents(builder, row, time, segments, bytes);
}

MaybeFault UnpackRetransmits(const wire::RetransmitRows& rows, const wire::RetransmitEvents* events,
                             MemoryBudget& budget, Retransmits& retransmits) {
  TWOFOLD_RETURN_IF_FAULT(UnpackRows(rows, budget, retransmits.rows));
  if (events == nullptr) return std::nullopt;
  return UnpackEvents(*events, budget, retransmits.events);
}

MaybeFault CheckRetransmits(const Retransmits& retransmits, const DefinitionCounts& defined,
                            Totals& totals) {
  for (const RetransmitRow& row : retransmits.rows) {
    if (row.thread.value == 0) return Fault{"a retransmit names no thread", true};
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.thread.value, defined.threads, "a retransmit's thread"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.kernel_stack.value, defined.stacks, "a retransmit's kernel stack"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.local_address.value, defined.strings, "a retransmit's local address"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.remote_address.value, defined.strings, "a retransmit's remote address"));
    if (!AddToTotal(totals.retransmitted_packets, row.packets) ||
        !AddToTotal(totals.retransmitted_segments, row.segments) ||
        !AddToTotal(totals.retransmitted_bytes, row.bytes)) {
      return Fault{"its retransmits add up to more than 2^63"};
    }
  }
  for (const RetransmitEvent& event : retransmits.events) {
    if (event.row >= retransmits.rows.size()) return Fault{"a retransmit event names no row"};
    if (event.time_ns > static_cast<uint64_t>(container::kMaxTimeNs)) {
      return Fault{"the time of a retransmit is out of range"};
    }
  }
  return std::nullopt;
}

void NoteIds(const Retransmits& retransmits, DefinitionCounts& highest) {
  for (const RetransmitRow& row : retransmits.rows) {
    highest.threads = std::max(highest.threads, row.thread.value);
    highest.stacks = std::max(highest.stacks, row.kernel_stack.value);
    highest.strings =
        std::max({highest.strings, row.local_address.value, row.remote_address.value});
  }
}

}  // namespace twofold::records
