#include "recorder/sources/tcp/tcp_source.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "bpf/abi/losses_abi.h"
#include "recorder/base/clocks.h"
#include "recorder/capture/merge_rows.h"
#include "recorder/host/probe.h"
#include "recorder/tracer/bpf_iterator.h"
#include "recorder/tracer/programs.h"

namespace twofold {
namespace {

static_assert(uint8_t(LossSource::kTcp) == TWOFOLD_SOURCE_TCP);
static_assert(uint8_t(RetransmitKind::kTimeout) == TWOFOLD_RETRANSMIT_TIMEOUT);
static_assert(uint8_t(RetransmitKind::kFast) == TWOFOLD_RETRANSMIT_FAST);
static_assert(uint8_t(RetransmitKind::kProbe) == TWOFOLD_RETRANSMIT_PROBE);
static_assert(uint8_t(RetransmitKind::kSyn) == TWOFOLD_RETRANSMIT_SYN);
static_assert(uint8_t(RetransmitKind::kSynAck) == TWOFOLD_RETRANSMIT_SYN_ACK);

constexpr StackTraits kStacks = {.map = TWOFOLD_SET_TCP_STACKS, .kernel_leaf_returns = true};

// An address as text, and so is an IPv4 address inside of an IPv6 one.
std::string AddressText(uint16_t family, const uint32_t (&words)[4]) {
  const bool mapped =
      family == AF_INET6 && words[0] == 0 && words[1] == 0 && words[2] == htonl(0xffff);
  char text[INET6_ADDRSTRLEN] = {};
  const bool is_v4 = family == AF_INET || mapped;
  const void* address = mapped ? &words[3] : &words[0];
  if (inet_ntop(is_v4 ? AF_INET : AF_INET6, address, text, sizeof(text)) == nullptr) return "";
  return text;
}

// Where TCP begins to send a packet again: what the kernel calls from there on is how programs are
// told of it.
bool SendsAgain(std::string_view name) {
  return name.starts_with("__tcp_retransmit_skb") || name.starts_with("tcp_rtx_synack");
}

}  // namespace

TcpSource::TcpSource()
    : Source({.name = "tcp",
              .help = "TCP retransmits",
              .subject = "TCP retransmits",
              .is_plural = true}) {}

Result<void> TcpSource::Probe() {
  const Result<TcpTracepoints> tracepoints = ProbeTcp();
  if (!tracepoints) return Error{.what = tracepoints.error().what};
  passes_error_ = tracepoints->passes_error;
  return {};
}

void TcpSource::Check(const KernelBtf* types, std::vector<Finding>& findings) const {
  if (types == nullptr) return;
  findings.push_back(
      Tracepoints(*types, "TCP retransmits",
                  {"tcp_retransmit_skb", "tcp_retransmit_synack", "inet_sock_set_state"}));
  findings.push_back(Outcome("owners of sockets", Ignoring(ProbeTcp()),
                             "storage per socket, passes over all descriptors"));
}

std::vector<MapNeed> TcpSource::Maps() const {
  return {{.name = "tcp_stacks",
           .set = TWOFOLD_SET_TCP_STACKS,
           .entry_bytes = kStackEntryBytes,
           .weight = 2},
          {.name = "tcp_rows",
           .set = TWOFOLD_SET_TCP_ROWS,
           .entry_bytes =
               HashEntryBytes(sizeof(twofold_retransmit_key), sizeof(twofold_retransmit_value)),
           .weight = 2}};
}

std::vector<bpf_program*> TcpSource::Programs(const twofold_bpf& skeleton) const {
  const auto& programs = skeleton.progs;
  return {programs.socket_state, programs.visit_socket, programs.retransmit_synack,
          programs.retransmit};
}

void TcpSource::Prepare(twofold_bpf& skeleton, const MapSizes&) {
  bpf_map__set_autocreate(skeleton.maps.sockets, is_recorded());
  skeleton.rodata->retransmit_passes_error = passes_error_;
}

Result<void> TcpSource::Open(Tracer& tracer) {
  skeleton_ = &tracer.skeleton();
  whole_host_ = tracer.settings().IsWholeHost();
  tracer.moves().Follow(TWOFOLD_SET_TCP_ROWS, rows_);
  return {};
}

Result<void> TcpSource::Attach() {
  const auto& programs = skeleton_->progs;
  Result<BpfLink> states = AttachProgram(programs.socket_state);
  if (!states) return std::move(states).error();
  links_.push_back(std::move(states).value());
  Result<BpfLink> pass = AttachProgram(programs.visit_socket);
  if (!pass) return std::move(pass).error();
  pass_link_ = std::move(pass).value();
  TWOFOLD_RETURN_IF_ERROR(PassOverSockets(TWOFOLD_SOCKETS_SEED, MonotonicNowNs()));
  // Last: their owners are known by now, as far as they can be.
  for (const bpf_program* program : {programs.retransmit_synack, programs.retransmit}) {
    Result<BpfLink> link = AttachProgram(program);
    if (!link) return std::move(link).error();
    links_.push_back(std::move(link).value());
  }
  return {};
}

void TcpSource::Detach() {
  // The pass over all descriptors stays: the last reading needs it.
  while (!links_.empty()) links_.pop_back();
}

Result<void> TcpSource::PassOverSockets(twofold_socket_pass pass, uint64_t now_ns) {
  skeleton_->bss->socket_pass = pass;
  std::vector<twofold_descriptor> descriptors;
  TWOFOLD_RETURN_IF_ERROR(PassOver<twofold_descriptor>(
      "descriptors", pass_link_.get(),
      [&](const twofold_descriptor& descriptor) { descriptors.push_back(descriptor); }));
  if (pass == TWOFOLD_SOCKETS_TELL) owners_.Learn(descriptors, now_ns);
  return {};
}

Result<void> TcpSource::Read(const IntervalEnd&) {
  added_.clear();
  return rows_.ReadDifferences([this](const twofold_retransmit_key& key,
                                      const twofold_retransmit_value& now,
                                      const twofold_retransmit_value& before) {
    added_.push_back({.key = key,
                      .owner = {},
                      .added = {.packets = now.packets - before.packets,
                                .segments = now.segments - before.segments,
                                .bytes = now.bytes - before.bytes}});
  });
}

// Who owns the sockets, and the packets one by one.
Result<void> TcpSource::FinishReading(const IntervalEnd& end, std::vector<Loss>& losses) {
  const uint64_t now_ns = MonotonicNowNs();
  const bool ask =
      std::any_of(added_.begin(), added_.end(), [&](const RetransmitDifference& difference) {
        return owners_.ShouldAsk(difference.key.socket, now_ns);
      });
  if (ask) TWOFOLD_RETURN_IF_ERROR(PassOverSockets(TWOFOLD_SOCKETS_TELL, now_ns));
  ++skeleton_->bss->socket_generation;
  for (RetransmitDifference& difference : added_) {
    difference.owner = owners_.Resolve(difference.key.socket, difference.key.noted, now_ns, ask);
  }
  owners_.Forget(now_ns);
  added_events_ = events_.Take(added_, end.is_last, losses);
  return {};
}

StackId TcpSource::StackOf(CaptureBuilder& builder, uint64_t hash) const {
  StackDefinitions& stacks = builder.stacks();
  return stacks.KernelPart(kStacks, hash, [&](const twofold_stack& stack) {
    KernelFrames part{.first = 0, .end = stack.nframes};
    for (uint32_t i = 0; i < part.end; ++i) {
      const std::optional<KernelSymbols::Hit> hit = stacks.FunctionBefore(stack.frames[i]);
      if (!hit) continue;
      const bool is_near = i < StackDefinitions::kMostTracingFrames;
      if (part.first == 0 && is_near && SendsAgain(hit->name)) part.first = i;
      if (StackDefinitions::IsInterruptEntry(hit->name)) part.end = i + 1;
    }
    return part;
  });
}

ThreadId TcpSource::OwnerThread(CaptureBuilder& builder, const twofold_holder& owner) const {
  const std::optional<ThreadId> in_scope =
      owner.tgid != 0 ? builder.threads().MainThread(owner.tgid, owner.process_start_boottime_ns)
                      : std::nullopt;
  if (in_scope && *in_scope != ThreadId()) return *in_scope;
  if (!in_scope && !whole_host_) return ThreadId();
  twofold_thread thread = {};
  if (owner.tgid == 0) {
    std::strcpy(thread.comm, "[no process]");
  } else {
    thread.tid = owner.tgid;
    thread.tgid = owner.tgid;
    thread.start_boottime_ns = owner.process_start_boottime_ns;
    thread.process_start_boottime_ns = owner.process_start_boottime_ns;
    std::memcpy(thread.comm, owner.comm, sizeof(thread.comm));
  }
  return builder.threads().OutOfScope(thread).id;
}

RetransmitRow TcpSource::RowOf(CaptureBuilder& builder, const RetransmitDifference& difference,
                               ThreadId thread) const {
  const twofold_retransmit_key& key = difference.key;
  DefinitionsBuilder& definitions = builder.definitions();
  return {.kind = RetransmitKind(key.kind),
          .thread = thread,
          .kernel_stack = StackOf(builder, key.kernel_stack),
          .state = TcpState(key.state),
          .failed = key.failed != 0,
          .net_namespace = key.net_namespace,
          .local_address = definitions.InternString(AddressText(key.family, key.local_address)),
          .local_port = key.local_port,
          .remote_address = definitions.InternString(AddressText(key.family, key.remote_address)),
          .remote_port = key.remote_port,
          .packets = difference.added.packets,
          .segments = difference.added.segments,
          .bytes = difference.added.bytes};
}

void TcpSource::BuildRows(CaptureBuilder& builder, Interval& interval) {
  Retransmits& retransmits = interval.retransmits.emplace();
  std::vector<std::optional<RetransmitRow>> row_of;  // by difference; nullopt: not in scope
  for (const RetransmitDifference& difference : added_) {
    row_of.emplace_back();
    const ThreadId thread = OwnerThread(builder, difference.owner);
    if (thread == ThreadId()) continue;
    row_of.back() = RowOf(builder, difference, thread);
    retransmits.rows.push_back(*row_of.back());
  }
  // Sockets, and what a map that was replaced held, are not told apart in rows.
  MergeRows(retransmits.rows);
  for (const RetransmitEventReading& event : added_events_) {
    if (!row_of[event.row]) continue;
    const auto row = std::lower_bound(
        retransmits.rows.begin(), retransmits.rows.end(), *row_of[event.row],
        [](const RetransmitRow& a, const RetransmitRow& b) { return KeyOf(a) < KeyOf(b); });
    retransmits.events.push_back({.row = uint32_t(row - retransmits.rows.begin()),
                                  .time_ns = builder.SinceStart(event.time_ns),
                                  .segments = event.segments,
                                  .bytes = event.bytes});
  }
}

}  // namespace twofold
