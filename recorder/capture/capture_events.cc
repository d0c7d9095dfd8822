// The part of the capture builder that makes rows of single events.
#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "recorder/capture/capture_builder.h"
#include "recorder/capture/merge_rows.h"

namespace twofold {
namespace {

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

void CaptureBuilder::BuildExecRows(const Reading& reading, Interval& interval) {
  std::vector<ExecRow>& rows = interval.execs.emplace();
  const uint64_t start_ns = recording_.start_monotonic_ns;
  for (const ExecReading& exec : reading.execs) {
    // Between the attaching of the programs and the window's start.
    if (exec.time_ns < start_ns) continue;
    rows.push_back(ExecRow{.thread = ThreadOf(exec.thread),
                           .time_ns = exec.time_ns - start_ns,
                           .error = exec.error,
                           .parent_pid = Pid(exec.parent_tgid),
                           .parent_name = definitions_.InternString(exec.parent_name),
                           .file = definitions_.InternString(exec.file),
                           .arguments = definitions_.InternString(exec.arguments),
                           .arguments_cut = exec.arguments_cut});
  }
}

StackId CaptureBuilder::RetransmitStack(uint64_t hash) {
  constexpr Tracer::StackClass kClass = Tracer::StackClass::kTcp;
  if (hash < TWOFOLD_FIRST_STACK_HASH) return KernelStack(kClass, hash);
  auto& stacks = kernel_stacks_[size_t(kClass)];
  const auto known = stacks.find(hash);
  if (known != stacks.end()) return known->second;
  const std::optional<twofold_stack> stack = tracer_.FindStack(kClass, hash);
  if (!stack) return KernelStack(kClass, TWOFOLD_STACK_UNREADABLE);
  uint32_t first = 0;
  uint32_t end = stack->nframes;
  for (uint32_t i = 0; i < end; ++i) {
    const std::optional<KernelSymbols::Hit> hit = kernel_symbols_.Find(stack->frames[i] - 1);
    if (!hit) continue;
    if (first == 0 && i < kMostTracingFrames && SendsAgain(hit->name)) first = i;
    if (IsInterruptEntry(hit->name)) end = i + 1;
  }
  ++stacks_made_;
  return stacks.emplace(hash, CallersStack(*stack, first, end)).first->second;
}

ThreadId CaptureBuilder::OwnerThread(const twofold_holder& owner, bool whole_host) {
  const auto process = main_threads_.find(ProcessKey(owner.tgid, owner.process_start_boottime_ns));
  const bool in_scope = owner.tgid != 0 && process != main_threads_.end();
  if (in_scope && process->second != ThreadId()) return process->second;
  if (!in_scope && !whole_host) return ThreadId();
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
  return ThreadOutOfScope(thread).id;
}

void CaptureBuilder::BuildRetransmits(const Reading& reading, const TracerSettings& settings,
                                      Interval& interval) {
  Retransmits& retransmits = interval.retransmits.emplace();
  const bool whole_host =
      settings.scope == TracerSettings::Scope::kSystem && !settings.comm.has_value();
  std::vector<std::optional<RetransmitRow>> rows;  // by difference; nullopt: not in scope
  for (const RetransmitDifference& difference : reading.retransmits) {
    const twofold_retransmit_key& key = difference.key;
    const ThreadId thread = OwnerThread(difference.owner, whole_host);
    rows.emplace_back();
    if (thread == ThreadId()) continue;
    rows.back() = RetransmitRow{
        .kind = RetransmitKind(key.kind),
        .thread = thread,
        .kernel_stack = RetransmitStack(key.kernel_stack),
        .state = TcpState(key.state),
        .failed = key.failed != 0,
        .net_namespace = key.net_namespace,
        .local_address = definitions_.InternString(AddressText(key.family, key.local_address)),
        .local_port = key.local_port,
        .remote_address = definitions_.InternString(AddressText(key.family, key.remote_address)),
        .remote_port = key.remote_port,
        .packets = difference.added.packets,
        .segments = difference.added.segments,
        .bytes = difference.added.bytes};
    retransmits.rows.push_back(*rows.back());
  }
  // Sockets, and what a map that was replaced held, are not told apart in rows.
  MergeRows(retransmits.rows);
  const auto index_of = [&](const RetransmitRow& row) {
    const auto merged = std::lower_bound(
        retransmits.rows.begin(), retransmits.rows.end(), row,
        [](const RetransmitRow& a, const RetransmitRow& b) { return KeyOf(a) < KeyOf(b); });
    return uint32_t(merged - retransmits.rows.begin());
  };
  const uint64_t start_ns = recording_.start_monotonic_ns;
  for (const RetransmitEventReading& event : reading.retransmit_events) {
    if (!rows[event.row]) continue;
    retransmits.events.push_back(
        {.row = index_of(*rows[event.row]),
         .time_ns = event.time_ns > start_ns ? event.time_ns - start_ns : 0,
         .segments = event.segments,
         .bytes = event.bytes});
  }
}

}  // namespace twofold
