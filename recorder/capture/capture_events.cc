// The part of the capture builder that makes rows of single events.
#include <arpa/inet.h>

#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "recorder/capture/capture_builder.h"

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
  // Sockets, and what a map that was replaced held, are not told apart in rows.
  const auto key_of = [](const RetransmitRow& row) {
    return std::tuple(row.thread, row.net_namespace, row.local_address, row.local_port,
                      row.remote_address, row.remote_port, row.kind, row.state, row.failed,
                      row.kernel_stack);
  };
  std::map<decltype(key_of(RetransmitRow())), RetransmitRow> merged;
  std::vector<std::optional<decltype(key_of(RetransmitRow()))>> keys;  // by difference
  for (const RetransmitDifference& difference : reading.retransmits) {
    const twofold_retransmit_key& key = difference.key;
    const ThreadId thread = OwnerThread(difference.owner, whole_host);
    keys.emplace_back();
    if (thread == ThreadId()) continue;
    const RetransmitRow row{
        .kind = RetransmitKind(key.kind),
        .thread = thread,
        .kernel_stack = RetransmitStack(key.kernel_stack),
        .state = TcpState(key.state),
        .failed = key.failed != 0,
        .net_namespace = key.net_namespace,
        .local_address = definitions_.InternString(AddressText(key.family, key.local_address)),
        .local_port = key.local_port,
        .remote_address = definitions_.InternString(AddressText(key.family, key.remote_address)),
        .remote_port = key.remote_port};
    keys.back() = key_of(row);
    RetransmitRow& into = merged.emplace(*keys.back(), row).first->second;
    into.packets += difference.added.packets;
    into.segments += difference.added.segments;
    into.bytes += difference.added.bytes;
  }
  std::map<decltype(key_of(RetransmitRow())), uint32_t> indices;
  for (const auto& [key, row] : merged) {
    indices.emplace(key, uint32_t(retransmits.rows.size()));
    retransmits.rows.push_back(row);
  }
  const uint64_t start_ns = recording_.start_monotonic_ns;
  for (const RetransmitEventReading& event : reading.retransmit_events) {
    if (!keys[event.row]) continue;  // not in scope
    retransmits.events.push_back(
        {.row = indices.at(*keys[event.row]),
         .time_ns = event.time_ns > start_ns ? event.time_ns - start_ns : 0,
         .segments = event.segments,
         .bytes = event.bytes});
  }
}

}  // namespace twofold
