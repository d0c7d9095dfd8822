// TCP segments that were sent again: tables RetransmitRows and RetransmitEvents.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "format/base/ids.h"
#include "format/container.h"
#include "format/records/row_fields.h"

namespace twofold {

// Why TCP sent something again.
enum class RetransmitKind : uint8_t {
  kOther = 0,    // a kind of a newer version, or one that could not be told
  kTimeout = 1,  // the retransmission timer ran out
  kFast = 2,     // the receiver's answers told of a gap
  kProbe = 3,    // a tail loss probe: no answer came for a while
  kSyn = 4,      // the request for a connection
  kSynAck = 5,   // the answer to one
};

// States of a connection, with the kernel's numbers (include/net/tcp_states.h).
enum class TcpState : uint8_t {
  kOther = 0,
  kEstablished = 1,
  kSynSent = 2,
  kSynRecv = 3,
  kFinWait1 = 4,
  kFinWait2 = 5,
  kTimeWait = 6,
  kClose = 7,
  kCloseWait = 8,
  kLastAck = 9,
  kListen = 10,
  kClosing = 11,
  kNewSynRecv = 12,
};

struct RetransmitRow {
  RetransmitKind kind = RetransmitKind::kOther;
  ThreadId thread;  // main thread of the process that holds the socket, or a thread under a
                    // name such as [no process]; not the thread that was interrupted
  StackId kernel_stack;
  TcpState state = TcpState::kOther;
  bool failed = false;         // the host itself could not send it
  uint32_t net_namespace = 0;  // inode number, as lsns(8) shows it
  StringId local_address;      // "192.0.2.1" or "2001:db8::1"
  uint16_t local_port = 0;
  StringId remote_address;
  uint16_t remote_port = 0;
  uint64_t packets = 0;
  uint64_t segments = 0;  // a packet may hold many; the kernel's counter RetransSegs counts these
  uint64_t bytes = 0;     // payload

  friend bool operator==(const RetransmitRow&, const RetransmitRow&) = default;
};

struct RetransmitEvent {
  uint32_t row = 0;  // index into Retransmits::rows
  uint64_t time_ns = 0;
  uint32_t segments = 0;
  uint32_t bytes = 0;

  friend bool operator==(const RetransmitEvent&, const RetransmitEvent&) = default;
};

struct Retransmits {
  std::vector<RetransmitRow> rows;      // complete
  std::vector<RetransmitEvent> events;  // packets one by one; a loss tells of those left out

  friend bool operator==(const Retransmits&, const Retransmits&) = default;
};

template <>
struct RowKind<RetransmitRow> : RowKindDefaults {
  static constexpr const char* kTable = "retransmits";
  static constexpr const char* kRow = "a retransmit";
  static constexpr std::tuple kFields = {
      field::Key("kind", &RetransmitRow::kind, field::UpTo<RetransmitKind::kSynAck>),
      field::Reference("thread", &RetransmitRow::thread),
      field::Reference("kernel_stack", &RetransmitRow::kernel_stack),
      field::Key("state", &RetransmitRow::state, field::UpTo<TcpState::kNewSynRecv>),
      field::Key("failed", &RetransmitRow::failed),
      field::Key("net_namespace", &RetransmitRow::net_namespace),
      field::Reference("local_address", &RetransmitRow::local_address),
      field::Key("local_port", &RetransmitRow::local_port),
      field::Reference("remote_address", &RetransmitRow::remote_address),
      field::Key("remote_port", &RetransmitRow::remote_port),
      field::Sum("packets", &RetransmitRow::packets),
      field::Sum("segments", &RetransmitRow::segments),
      field::Sum("bytes", &RetransmitRow::bytes),
  };
};

template <>
struct RowKind<RetransmitEvent> : RowKindDefaults {
  static constexpr const char* kTable = "retransmit events";
  static constexpr std::tuple kFields = {
      field::Plain("row", &RetransmitEvent::row),
      field::Plain("time_ns", &RetransmitEvent::time_ns),
      field::Plain("segments", &RetransmitEvent::segments),
      field::Plain("bytes", &RetransmitEvent::bytes),
  };
  static MaybeFault CheckTable(const Interval& interval, Totals& totals);
};

}  // namespace twofold
