// --record tcp: packets that TCP sent again, by connection, reason and stack, under the process
// that owns the socket.
#pragma once

#include <vector>

#include "bpf/abi/tcp_abi.h"
#include "recorder/sources/source.h"
#include "recorder/sources/tcp/retransmit_events.h"
#include "recorder/sources/tcp/socket_owners.h"
#include "recorder/tracer/bpf_link.h"
#include "recorder/tracer/cumulative_map.h"

namespace twofold {

class TcpSource : public Source {
 public:
  TcpSource();

  Result<void> Probe() override;
  void Check(const KernelBtf* types, std::vector<Finding>& findings) const override;
  std::vector<MapNeed> Maps() const override;
  bool HasEvents() const override { return true; }
  bool AsksForInterrupts() const override { return true; }
  std::vector<bpf_program*> Programs(const twofold_bpf& skeleton) const override;
  void Prepare(twofold_bpf& skeleton, const MapSizes& sizes) override;
  Result<void> Open(Tracer& tracer) override;
  Result<void> Attach() override;
  void Detach() override;
  Result<void> Read(const IntervalEnd& end) override;
  Result<void> FinishReading(const IntervalEnd& end, std::vector<Loss>& losses) override;
  void AddEvent(const void* event, size_t bytes) override { events_.Add(event, bytes); }
  void BuildRows(CaptureBuilder& builder, Interval& interval) override;

 private:
  Result<void> PassOverSockets(twofold_socket_pass pass, uint64_t now_ns);
  StackId StackOf(CaptureBuilder& builder, uint64_t hash) const;
  // The thread that a socket's packets are shown under; 0: it is not in scope.
  ThreadId OwnerThread(CaptureBuilder& builder, const twofold_holder& owner) const;
  RetransmitRow RowOf(CaptureBuilder& builder, const RetransmitDifference& difference,
                      ThreadId thread) const;

  bool passes_error_ = false;  // TcpTracepoints of recorder/host/probe.h
  bool whole_host_ = false;    // every process is in scope
  twofold_bpf* skeleton_ = nullptr;
  std::vector<BpfLink> links_;
  BpfLink pass_link_;  // of the pass over all descriptors
  CumulativeMap<twofold_retransmit_key, twofold_retransmit_value> rows_;
  SocketOwners owners_;
  RetransmitEvents events_;
  // Of the interval that was read last.
  std::vector<RetransmitDifference> added_;
  std::vector<RetransmitEventReading> added_events_;
};

}  // namespace twofold
