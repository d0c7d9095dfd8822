// Columns of the tables retransmit and retransmit_event: what TCP sent again.
#include "analyzer/data/columns.h"
#include "analyzer/data/kind_names.h"

namespace twofold::columns {
namespace {

using Source = CaptureSource;

// As ss(8) calls them, where it has a name.
std::string_view StateName(TcpState state) {
  switch (state) {
    case TcpState::kEstablished:
      return "established";
    case TcpState::kSynSent:
      return "syn-sent";
    case TcpState::kSynRecv:
      return "syn-recv";
    case TcpState::kFinWait1:
      return "fin-wait-1";
    case TcpState::kFinWait2:
      return "fin-wait-2";
    case TcpState::kTimeWait:
      return "time-wait";
    case TcpState::kClose:
      return "close";
    case TcpState::kCloseWait:
      return "close-wait";
    case TcpState::kLastAck:
      return "last-ack";
    case TcpState::kListen:
      return "listen";
    case TcpState::kClosing:
      return "closing";
    case TcpState::kNewSynRecv:
      return "new-syn-recv";
    case TcpState::kOther:
      break;
  }
  return "other";
}

const Retransmits& RetransmitsOf(const Source& s, const RowPlace& place) {
  return *s.capture.intervals[place.interval].retransmits;
}
const RetransmitRow& Row(const Source& s, size_t row) {
  return RetransmitsOf(s, s.retransmit_rows[row]).rows[s.retransmit_rows[row].row];
}
const RetransmitEvent& Event(const Source& s, size_t row) {
  return RetransmitsOf(s, s.retransmit_events[row]).events[s.retransmit_events[row].row];
}

}  // namespace

std::vector<CaptureTable> RetransmitTables() {
  std::vector<CaptureTable> tables;
  tables.push_back(
      {"retransmit",
       [](const Source& s) { return s.retransmit_rows.size(); },
       {
           {"retransmit_id INTEGER",
            [](const Source& s, size_t row) { return Counted(row, s.offsets.retransmit); }},
           {"interval_id INTEGER",
            [](const Source& s, size_t row) {
              return IntervalKey(s, s.retransmit_rows[row].interval);
            }},
           {"kind TEXT",
            [](const Source& s, size_t row) { return Text(NameOf(Row(s, row).kind)); }},
           {"thread_id INTEGER",
            [](const Source& s, size_t row) { return ThreadKey(s, Row(s, row).thread); }},
           {"kernel_stack_id INTEGER",
            [](const Source& s, size_t row) { return StackKey(s, Row(s, row).kernel_stack); }},
           {"state TEXT",
            [](const Source& s, size_t row) { return Text(StateName(Row(s, row).state)); }},
           {"failed INTEGER", [](const Source& s, size_t row) { return Flag(Row(s, row).failed); }},
           {"net_namespace INTEGER",
            [](const Source& s, size_t row) { return Int(Row(s, row).net_namespace); }},
           {"local_address TEXT",
            [](const Source& s, size_t row) {
              return Text(s.capture.String(Row(s, row).local_address));
            }},
           {"local_port INTEGER",
            [](const Source& s, size_t row) { return Int(Row(s, row).local_port); }},
           {"remote_address TEXT",
            [](const Source& s, size_t row) {
              return Text(s.capture.String(Row(s, row).remote_address));
            }},
           {"remote_port INTEGER",
            [](const Source& s, size_t row) { return Int(Row(s, row).remote_port); }},
           {"packets INTEGER",
            [](const Source& s, size_t row) { return Clamped(Row(s, row).packets); }},
           {"segments INTEGER",
            [](const Source& s, size_t row) { return Clamped(Row(s, row).segments); }},
           {"bytes INTEGER",
            [](const Source& s, size_t row) { return Clamped(Row(s, row).bytes); }},
       }});
  tables.push_back(
      {"retransmit_event",
       [](const Source& s) { return s.retransmit_events.size(); },
       {
           {"retransmit_event_id INTEGER",
            [](const Source& s, size_t row) { return Counted(row, s.offsets.retransmit_event); }},
           {"retransmit_id INTEGER",
            [](const Source& s, size_t row) {
              size_t first = s.first_retransmit[s.retransmit_events[row].interval];
              return Counted(first + Event(s, row).row, s.offsets.retransmit);
            }},
           {"time_ns INTEGER",
            [](const Source& s, size_t row) { return Clamped(Event(s, row).time_ns); }},
           {"segments INTEGER",
            [](const Source& s, size_t row) { return Int(Event(s, row).segments); }},
           {"bytes INTEGER", [](const Source& s, size_t row) { return Int(Event(s, row).bytes); }},
       }});
  return tables;
}

}  // namespace twofold::columns
