#include "recorder/tracer/tracer_events.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "bpf/twofold_abi.h"
#include "recorder/tracer/tracer_state.h"

namespace twofold {
namespace {

size_t BytesOf(const ExecReading& exec) {
  return sizeof(exec) + exec.parent_name.size() + exec.file.size() + exec.arguments.size();
}

// The text up to its byte 0.
std::string_view CString(const char* text, size_t most_bytes) {
  return {text, strnlen(text, most_bytes)};
}

// A path that is relative to an open folder, as the kernel writes it for a script's interpreter
// (fs/exec.c: alloc_bprm).
std::string PathOf(std::string_view file, int32_t directory) {
  if (directory == TWOFOLD_NO_DIRECTORY || file.starts_with('/')) return std::string(file);
  std::string path = "/dev/fd/" + std::to_string(directory);
  if (!file.empty()) path.append("/").append(file);
  return path;
}

}  // namespace

void EventBook::Add(const void* event, size_t bytes) {
  uint32_t kind = 0;
  if (bytes < sizeof(kind)) return;
  std::memcpy(&kind, event, sizeof(kind));
  if (kind == TWOFOLD_EVENT_EXEC) AddExec(event, bytes);
  if (kind == TWOFOLD_EVENT_RETRANSMIT) AddRetransmit(event, bytes);
}

void EventBook::AddRetransmit(const void* event, size_t bytes) {
  if (bytes < sizeof(twofold_retransmit)) return;
  if ((retransmits_.size() + 1) * sizeof(twofold_retransmit) > kMostBytes) {
    ++retransmits_lost_;
    return;
  }
  std::memcpy(&retransmits_.emplace_back(), event, sizeof(twofold_retransmit));
}

void EventBook::AddExec(const void* event, size_t bytes) {
  if (bytes < TWOFOLD_EXEC_HEAD_BYTES) return;
  twofold_exec head = {};
  std::memcpy(&head, event, TWOFOLD_EXEC_HEAD_BYTES);
  const char* text = static_cast<const char*>(event) + TWOFOLD_EXEC_HEAD_BYTES;
  const size_t text_bytes = bytes - TWOFOLD_EXEC_HEAD_BYTES;
  if (head.file_bytes > text_bytes || head.argument_bytes > text_bytes - head.file_bytes) return;
  ExecReading exec{.thread = head.thread,
                   .time_ns = head.time_ns,
                   .error = uint16_t(head.error),
                   .parent_tgid = head.parent_tgid,
                   .parent_name = std::string(CString(head.parent_comm, sizeof(head.parent_comm))),
                   .file = PathOf(CString(text, head.file_bytes), head.directory),
                   .arguments = std::string(text + head.file_bytes, head.argument_bytes),
                   .arguments_cut = head.arguments_cut != 0};
  if (exec_bytes_ + BytesOf(exec) > kMostBytes) {
    ++execs_lost_;
    return;
  }
  exec_bytes_ += BytesOf(exec);
  execs_.push_back(std::move(exec));
}

std::vector<ExecReading> EventBook::TakeExecs(uint64_t before_ns, std::vector<Loss>& losses) {
  if (execs_lost_ > 0) {
    losses.push_back(Loss{.cause = LossCause::kEventLost,
                          .source = LossSource::kExec,
                          .count = execs_lost_,
                          .time_ns = 0});
    execs_lost_ = 0;
  }
  const auto later =
      std::stable_partition(execs_.begin(), execs_.end(),
                            [&](const ExecReading& exec) { return exec.time_ns < before_ns; });
  std::vector<ExecReading> taken(std::make_move_iterator(execs_.begin()),
                                 std::make_move_iterator(later));
  execs_.erase(execs_.begin(), later);
  exec_bytes_ = 0;
  for (const ExecReading& exec : execs_) exec_bytes_ += BytesOf(exec);
  std::sort(taken.begin(), taken.end(), [](const ExecReading& a, const ExecReading& b) {
    return std::tie(a.time_ns, a.thread) < std::tie(b.time_ns, b.thread);
  });
  return taken;
}

std::vector<RetransmitEventReading> EventBook::TakeRetransmits(
    const std::vector<RetransmitDifference>& rows, bool last, std::vector<Loss>& losses) {
  const auto bytes_of = [](const twofold_retransmit_key& key) {
    return std::string_view(reinterpret_cast<const char*>(&key), sizeof(key));
  };
  struct Row {
    size_t index;
    uint64_t packets;  // whose events are still to come
  };
  // A key may come twice: from a map that was replaced and from the fresh one.
  std::unordered_map<std::string_view, Row> open_rows;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto [row, is_new] = open_rows.try_emplace(bytes_of(rows[i].key), Row{i, 0});
    row->second.packets += rows[i].added.packets;
  }
  std::stable_sort(retransmits_.begin(), retransmits_.end(),
                   [](const twofold_retransmit& a, const twofold_retransmit& b) {
                     return a.time_ns < b.time_ns;
                   });
  std::vector<RetransmitEventReading> taken;
  size_t kept = 0;
  for (const twofold_retransmit& event : retransmits_) {
    const auto row = open_rows.find(bytes_of(event.key));
    if (row == open_rows.end() || row->second.packets == 0) {
      retransmits_[kept++] = event;
      continue;
    }
    --row->second.packets;
    taken.push_back({.row = row->second.index,
                     .time_ns = event.time_ns,
                     .segments = event.segments,
                     .bytes = event.bytes});
  }
  retransmits_.resize(last ? 0 : kept);
  if (retransmits_lost_ > 0) {
    losses.push_back(Loss{.cause = LossCause::kEventTimeLost,
                          .source = LossSource::kTcp,
                          .count = retransmits_lost_,
                          .time_ns = 0});
    retransmits_lost_ = 0;
  }
  return taken;
}

void Tracer::State::PrepareEvents() {
  bpf_map__set_max_entries(skeleton->maps.events, sizes.event_bytes);
  skeleton->rodata->event_wakeup_bytes = sizes.event_bytes / 4;
  skeleton->rodata->record_exec = settings.exec;
  skeleton->rodata->record_arguments = settings.arguments;
  bpf_program__set_autoload(skeleton->progs.execve_failed, settings.exec);
  bpf_program__set_autoload(skeleton->progs.execveat_failed, settings.exec);
}

Result<void> Tracer::State::OpenEvents() {
  if (!settings.exec && !settings.tcp) return {};
  const auto add_event = [](void* context, void* event, size_t bytes) {
    static_cast<State*>(context)->events.Add(event, bytes);
    return 0;
  };
  const int failed =
      ring_buffer__add(ended_accounts, bpf_map__fd(skeleton->maps.events), add_event, this);
  if (failed != 0) return TracerError("cannot map the buffer of events", -failed);
  return {};
}

void Tracer::State::AttachFailedExecs() {
  const std::pair<bpf_program*, bpf_link**> programs[] = {
      {skeleton->progs.execve_failed, &skeleton->links.execve_failed},
      {skeleton->progs.execveat_failed, &skeleton->links.execveat_failed}};
  for (const auto& [program, link] : programs) {
    if (!bpf_program__autoload(program)) continue;
    *link = bpf_program__attach(program);
    if (*link == nullptr && !failed_execs_failure) {
      failed_execs_failure =
          TracerError("the tracepoints at the ends of execve and execveat cannot be had", errno);
    }
  }
}

const std::optional<Error>& Tracer::failed_execs_failure() const {
  return state_->failed_execs_failure;
}

}  // namespace twofold
