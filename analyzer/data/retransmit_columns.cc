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

}  // namespace

std::vector<CaptureTable> RetransmitTables() {
  std::vector<CaptureTable> tables;
  tables.push_back({"retransmit",
                    OffsetOf<RetransmitRow>,
                    CountRows<RetransmitRow>,
                    {
                        {"retransmit_id INTEGER", OwnKey<RetransmitRow>},
                        {"interval_id INTEGER", OwnInterval<RetransmitRow>},
                        {"kind TEXT",
                         [](const Source& s, size_t row) {
                           return Text(NameOf(RowAt<RetransmitRow>(s, row).kind));
                         }},
                        {"thread_id INTEGER", Of<&RetransmitRow::thread>},
                        {"kernel_stack_id INTEGER", Of<&RetransmitRow::kernel_stack>},
                        {"state TEXT",
                         [](const Source& s, size_t row) {
                           return Text(StateName(RowAt<RetransmitRow>(s, row).state));
                         }},
                        {"failed INTEGER", Of<&RetransmitRow::failed>},
                        {"net_namespace INTEGER", Of<&RetransmitRow::net_namespace>},
                        {"local_address TEXT", Of<&RetransmitRow::local_address>},
                        {"local_port INTEGER", Of<&RetransmitRow::local_port>},
                        {"remote_address TEXT", Of<&RetransmitRow::remote_address>},
                        {"remote_port INTEGER", Of<&RetransmitRow::remote_port>},
                        {"packets INTEGER", Of<&RetransmitRow::packets>},
                        {"segments INTEGER", Of<&RetransmitRow::segments>},
                        {"bytes INTEGER", Of<&RetransmitRow::bytes>},
                    }});
  tables.push_back({"retransmit_event",
                    OffsetOf<RetransmitEvent>,
                    CountRows<RetransmitEvent>,
                    {
                        {"retransmit_event_id INTEGER", OwnKey<RetransmitEvent>},
                        {"retransmit_id INTEGER",
                         [](const Source& s, size_t row) {
                           size_t first =
                               s.first_retransmit[s.PlacesOf<RetransmitEvent>()[row].interval];
                           return Counted(first + RowAt<RetransmitEvent>(s, row).row,
                                          s.offsets.Of<RetransmitRow>());
                         }},
                        {"time_ns INTEGER", Of<&RetransmitEvent::time_ns>},
                        {"segments INTEGER", Of<&RetransmitEvent::segments>},
                        {"bytes INTEGER", Of<&RetransmitEvent::bytes>},
                    }});
  return tables;
}

}  // namespace twofold::columns
