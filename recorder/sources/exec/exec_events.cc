#include "recorder/sources/exec/exec_events.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>
#include <tuple>
#include <utility>

#include "bpf/abi/exec_abi.h"

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

void ExecEvents::Add(const void* event, size_t bytes) {
  uint32_t kind = 0;
  if (bytes < sizeof(kind)) return;
  std::memcpy(&kind, event, sizeof(kind));
  if (kind != TWOFOLD_EVENT_EXEC) return;
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
  if (bytes_ + BytesOf(exec) > kMostBytes) {
    ++lost_;
    return;
  }
  bytes_ += BytesOf(exec);
  execs_.push_back(std::move(exec));
}

std::vector<ExecReading> ExecEvents::Take(uint64_t before_ns, std::vector<Loss>& losses) {
  if (lost_ > 0) {
    losses.push_back(Loss{
        .cause = LossCause::kEventLost, .source = LossSource::kExec, .count = lost_, .time_ns = 0});
    lost_ = 0;
  }
  const auto later =
      std::stable_partition(execs_.begin(), execs_.end(),
                            [&](const ExecReading& exec) { return exec.time_ns < before_ns; });
  std::vector<ExecReading> taken(std::make_move_iterator(execs_.begin()),
                                 std::make_move_iterator(later));
  execs_.erase(execs_.begin(), later);
  bytes_ = 0;
  for (const ExecReading& exec : execs_) bytes_ += BytesOf(exec);
  std::sort(taken.begin(), taken.end(), [](const ExecReading& a, const ExecReading& b) {
    return std::tie(a.time_ns, a.thread) < std::tie(b.time_ns, b.thread);
  });
  return taken;
}

}  // namespace twofold
