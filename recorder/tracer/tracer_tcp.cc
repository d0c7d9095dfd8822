// The part of the tracer that follows TCP's retransmits.
#include <bpf/btf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "recorder/base/clocks.h"
#include "recorder/tracer/tracer_state.h"

namespace twofold {

static_assert(uint8_t(RetransmitKind::kTimeout) == TWOFOLD_RETRANSMIT_TIMEOUT);
static_assert(uint8_t(RetransmitKind::kFast) == TWOFOLD_RETRANSMIT_FAST);
static_assert(uint8_t(RetransmitKind::kProbe) == TWOFOLD_RETRANSMIT_PROBE);
static_assert(uint8_t(RetransmitKind::kSyn) == TWOFOLD_RETRANSMIT_SYN);
static_assert(uint8_t(RetransmitKind::kSynAck) == TWOFOLD_RETRANSMIT_SYN_ACK);

void Tracer::State::PrepareTcp() {
  for (bpf_program* program : {skeleton->progs.retransmit, skeleton->progs.retransmit_synack,
                               skeleton->progs.socket_state, skeleton->progs.visit_socket}) {
    bpf_program__set_autoload(program, settings.tcp);
  }
  bpf_map__set_autocreate(skeleton->maps.sockets, settings.tcp);
  skeleton->rodata->retransmit_passes_error = settings.retransmit_passes_error;
}

Result<void> Tracer::State::AttachTcp() {
  if (!settings.tcp) return {};
  // Retransmits last: their owners are known by then, as far as they can be.
  const std::pair<bpf_program*, bpf_link**> before[] = {
      {skeleton->progs.socket_state, &skeleton->links.socket_state},
      {skeleton->progs.visit_socket, &skeleton->links.visit_socket}};
  const std::pair<bpf_program*, bpf_link**> after[] = {
      {skeleton->progs.retransmit_synack, &skeleton->links.retransmit_synack},
      {skeleton->progs.retransmit, &skeleton->links.retransmit}};
  const auto attach = [](const auto& programs) -> Result<void> {
    for (const auto& [program, link] : programs) {
      *link = bpf_program__attach(program);
      if (*link != nullptr) continue;
      return TracerError(std::string("cannot attach BPF program ") + bpf_program__name(program),
                         errno);
    }
    return {};
  };
  TWOFOLD_RETURN_IF_ERROR(attach(before));
  TWOFOLD_RETURN_IF_ERROR(PassOverSockets(TWOFOLD_SOCKETS_SEED, MonotonicNowNs()));
  return attach(after);
}

void Tracer::State::DetachTcp() {
  // The pass over all descriptors stays: the last reading needs it.
  for (bpf_link** link : {&skeleton->links.retransmit, &skeleton->links.retransmit_synack,
                          &skeleton->links.socket_state}) {
    bpf_link__destroy(*link);
    *link = nullptr;
  }
}

Result<void> Tracer::State::PassOverSockets(twofold_socket_pass pass, uint64_t now_ns) {
  skeleton->bss->socket_pass = pass;
  UniqueFd iterator(bpf_iter_create(bpf_link__fd(skeleton->links.visit_socket)));
  if (!iterator) return TracerError("cannot start a pass over all descriptors", errno);
  std::vector<twofold_descriptor> descriptors;
  std::vector<twofold_descriptor> part(256);
  while (true) {
    const ssize_t got = read(iterator.get(), part.data(), part.size() * sizeof(twofold_descriptor));
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return TracerError("a pass over all descriptors failed", errno);
    if (got == 0) break;
    descriptors.insert(descriptors.end(), part.begin(),
                       part.begin() + got / ssize_t(sizeof(twofold_descriptor)));
  }
  if (pass == TWOFOLD_SOCKETS_TELL) socket_owners.Learn(descriptors, now_ns);
  return {};
}

Result<void> Tracer::State::ReadRetransmits(Reading& reading) {
  return retransmit_rows->ReadDifferences([&](const twofold_retransmit_key& key,
                                              const twofold_retransmit_value& now,
                                              const twofold_retransmit_value& before) {
    reading.retransmits.push_back({.key = key,
                                   .owner = {},
                                   .added = {.packets = now.packets - before.packets,
                                             .segments = now.segments - before.segments,
                                             .bytes = now.bytes - before.bytes}});
  });
}

Result<void> Tracer::State::FinishRetransmits(Reading& reading) {
  if (!settings.tcp) return {};
  const uint64_t now_ns = MonotonicNowNs();
  const bool ask = std::any_of(reading.retransmits.begin(), reading.retransmits.end(),
                               [&](const RetransmitDifference& difference) {
                                 return socket_owners.ShouldAsk(difference.key.socket, now_ns);
                               });
  if (ask) TWOFOLD_RETURN_IF_ERROR(PassOverSockets(TWOFOLD_SOCKETS_TELL, now_ns));
  ++skeleton->bss->socket_generation;
  for (RetransmitDifference& difference : reading.retransmits) {
    difference.owner =
        socket_owners.Resolve(difference.key.socket, difference.key.noted, now_ns, ask);
  }
  socket_owners.Forget(now_ns);
  reading.retransmit_events = events.TakeRetransmits(reading.retransmits, stopped, reading.losses);
  return {};
}

}  // namespace twofold
