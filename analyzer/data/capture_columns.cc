// Which field of a capture is which column: the one place where the structs of format/capture.h
// meet the tables of sql/schema.sql. A test compares names and order with the schema.
//
// Numbers are clamped to what SQL's 64-bit integers hold; ids that are 0 in the capture ("none")
// are NULL.
#include <algorithm>

#include "analyzer/data/capture_tables.h"
#include "format/losses.h"

namespace twofold {
namespace {

using Source = CaptureSource;
using Value = ColumnValue;

Value Null() { return {}; }
Value Int(int64_t number) { return {Value::Kind::kInt, number, {}}; }
Value Clamped(uint64_t number) {
  return Int(static_cast<int64_t>(std::min<uint64_t>(number, INT64_MAX)));
}
Value Text(std::string_view text) { return {Value::Kind::kText, 0, text}; }
Value TextOrNull(std::string_view text) { return text.empty() ? Null() : Text(text); }
Value Key(uint32_t id, int64_t offset) { return id == 0 ? Null() : Int(id + offset); }

uint64_t TimesSaturating(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += ',';
    text += part;
  }
  return text;
}

std::string_view ModuleKindName(ModuleKind kind) {
  switch (kind) {
    case ModuleKind::kUserFile:
      return "user";
    case ModuleKind::kKernel:
      return "kernel";
    case ModuleKind::kKernelModule:
      return "kernel-module";
    case ModuleKind::kVdso:
      return "vdso";
    case ModuleKind::kAnonymous:
      return "anonymous";
    case ModuleKind::kSpecial:
      return "special";
    case ModuleKind::kOther:
      break;
  }
  return "other";
}

std::string_view ModuleDisplayName(const Capture& capture, const Module& module) {
  std::string_view path = capture.String(module.path);
  switch (module.kind) {
    case ModuleKind::kKernel:
      return "kernel";
    case ModuleKind::kVdso:
      return "vdso";
    case ModuleKind::kAnonymous:
      return "anon";
    case ModuleKind::kSpecial:
      return "special";
    case ModuleKind::kKernelModule:
    case ModuleKind::kUserFile:
    case ModuleKind::kOther:
      break;
  }
  size_t slash = path.rfind('/');
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  return path.empty() ? "unknown" : path;
}

std::string_view EndReasonName(EndReason reason) {
  switch (reason) {
    case EndReason::kDuration:
      return "duration";
    case EndReason::kInterrupted:
      return "interrupted";
    case EndReason::kCommandEnded:
      return "command-ended";
    case EndReason::kTargetsExited:
      return "targets-exited";
    case EndReason::kFailed:
      return "failed";
    case EndReason::kOther:
      break;
  }
  return "other";
}

std::string_view StateLetter(BlockState state) {
  static constexpr std::string_view kLetters = "SDTtPI?";
  size_t index = kLetters.find(BlockStateLetter(state));
  return kLetters.substr(std::min(index, kLetters.size() - 1), 1);
}

// Whether the lost time is in the rows all the same, under a special frame or with one stack less.
bool TimeIsInRows(LossCause cause) {
  switch (cause) {
    case LossCause::kStackMapFull:
    case LossCause::kKernelStackFailed:
    case LossCause::kUserStackFailed:
    case LossCause::kUserStackNotTaken:
      return true;
    default:
      return false;
  }
}

const Interval& IntervalOf(const Source& s, const RowPlace& place) {
  return s.capture.intervals[place.interval];
}
const CpuRow& Cpu(const Source& s, size_t row) {
  return IntervalOf(s, s.cpu_rows[row]).cpu->rows[s.cpu_rows[row].row];
}
const BlockedRow& Blocked(const Source& s, size_t row) {
  return (*IntervalOf(s, s.blocked_rows[row]).blocked)[s.blocked_rows[row].row];
}
const Loss& GetLoss(const Source& s, size_t row) {
  return IntervalOf(s, s.loss_rows[row]).losses[s.loss_rows[row].row];
}
const Settings& GetSettings(const Source& s) { return s.capture.recording.settings; }
const Host& GetHost(const Source& s) { return s.capture.recording.host; }

Value IntervalKey(const Source& s, uint32_t index) { return Int(index + 1 + s.offsets.interval); }

std::vector<CaptureTable> MakeTables() {
  std::vector<CaptureTable> tables;
  tables.push_back(
      {"capture",
       [](const Source&) -> size_t { return 1; },
       {
           {"capture_id INTEGER", [](const Source& s, size_t) { return Int(s.capture_id); }},
           {"file_name TEXT", [](const Source& s, size_t) { return Text(s.file_name); }},
           {"file_bytes INTEGER",
            [](const Source& s, size_t) { return Clamped(s.capture.file_bytes); }},
           {"recorder_version TEXT",
            [](const Source& s, size_t) { return Text(GetSettings(s).recorder_version); }},
           {"hostname TEXT", [](const Source& s, size_t) { return Text(GetHost(s).hostname); }},
           {"kernel_release TEXT",
            [](const Source& s, size_t) { return Text(GetHost(s).kernel_release); }},
           {"kernel_version TEXT",
            [](const Source& s, size_t) { return Text(GetHost(s).kernel_version); }},
           {"machine TEXT", [](const Source& s, size_t) { return Text(GetHost(s).machine); }},
           {"distribution TEXT",
            [](const Source& s, size_t) { return Text(GetHost(s).distribution); }},
           {"cpu_model TEXT", [](const Source& s, size_t) { return Text(GetHost(s).cpu_model); }},
           {"cpus_online INTEGER",
            [](const Source& s, size_t) { return Int(GetHost(s).cpus_online); }},
           {"host_memory_bytes INTEGER",
            [](const Source& s, size_t) { return Clamped(GetHost(s).memory_bytes); }},
           {"page_bytes INTEGER",
            [](const Source& s, size_t) { return Int(GetHost(s).page_bytes); }},
           {"kernel_build_id TEXT",
            [](const Source& s, size_t) { return Text(GetHost(s).kernel_build_id); }},
           {"sources TEXT", [](const Source& s, size_t) { return Text(s.sources); }},
           {"frequency_hz INTEGER",
            [](const Source& s, size_t) { return Int(GetSettings(s).frequency_hz); }},
           {"interval_ns INTEGER",
            [](const Source& s, size_t) { return Clamped(GetSettings(s).interval_ns); }},
           {"map_budget_bytes INTEGER",
            [](const Source& s, size_t) { return Clamped(GetSettings(s).memory_bytes); }},
           {"max_frames INTEGER",
            [](const Source& s, size_t) { return Int(GetSettings(s).max_frames); }},
           {"scope TEXT", [](const Source& s, size_t) { return Text(GetSettings(s).scope); }},
           {"pids TEXT", [](const Source& s, size_t) { return Text(s.pids); }},
           {"command TEXT", [](const Source& s, size_t) { return Text(GetSettings(s).command); }},
           {"user_stack_method TEXT",
            [](const Source& s, size_t) { return Text(GetSettings(s).user_stack_method); }},
           {"start_realtime_ns INTEGER",
            [](const Source& s, size_t) { return Int(s.capture.recording.start_realtime_ns); }},
           {"start_monotonic_ns INTEGER",
            [](const Source& s, size_t) {
              return Clamped(s.capture.recording.start_monotonic_ns);
            }},
           {"start_boottime_ns INTEGER",
            [](const Source& s, size_t) { return Clamped(s.capture.recording.start_boottime_ns); }},
           {"window_ns INTEGER", [](const Source& s, size_t) { return Int(s.window_ns); }},
           {"intervals_recorded INTEGER",
            [](const Source& s, size_t) {
              return s.capture.end ? Int(s.capture.end->intervals) : Null();
            }},
           {"end_reason TEXT",
            [](const Source& s, size_t) {
              return s.capture.end ? Text(EndReasonName(s.capture.end->reason)) : Null();
            }},
           {"command_status INTEGER",
            [](const Source& s, size_t) {
              bool known = s.capture.end && s.capture.end->command_status >= 0;
              return known ? Int(s.capture.end->command_status) : Null();
            }},
           {"is_partial INTEGER",
            [](const Source& s, size_t) { return Int(s.capture.partial() ? 1 : 0); }},
       }});
  tables.push_back(
      {"damage",
       [](const Source& s) { return s.capture.damages.size(); },
       {
           {"damage_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(static_cast<int64_t>(row) + 1 + s.offsets.damage);
            }},
           {"capture_id INTEGER", [](const Source& s, size_t) { return Int(s.capture_id); }},
           {"offset_bytes INTEGER",
            [](const Source& s, size_t row) {
              return Clamped(s.capture.damages[row].offset_bytes);
            }},
           {"description TEXT",
            [](const Source& s, size_t row) { return Text(s.capture.damages[row].what); }},
       }});
  tables.push_back(
      {"module",
       [](const Source& s) { return s.capture.definitions.modules.size(); },
       {
           {"module_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(static_cast<int64_t>(row) + 1 + s.offsets.module);
            }},
           {"capture_id INTEGER", [](const Source& s, size_t) { return Int(s.capture_id); }},
           {"kind TEXT",
            [](const Source& s, size_t row) {
              return Text(ModuleKindName(s.capture.definitions.modules[row].kind));
            }},
           {"path TEXT",
            [](const Source& s, size_t row) {
              return Text(s.capture.String(s.capture.definitions.modules[row].path));
            }},
           {"name TEXT",
            [](const Source& s, size_t row) {
              return Text(ModuleDisplayName(s.capture, s.capture.definitions.modules[row]));
            }},
           {"build_id TEXT",
            [](const Source& s, size_t row) {
              return TextOrNull(s.capture.String(s.capture.definitions.modules[row].build_id));
            }},
       }});
  tables.push_back(
      {"frame",
       [](const Source& s) { return s.capture.definitions.frames.size(); },
       {
           {"frame_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(static_cast<int64_t>(row) + 1 + s.offsets.frame);
            }},
           {"module_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(s.capture.definitions.frames[row].module.value, s.offsets.module);
            }},
           {"symbol TEXT",
            [](const Source& s, size_t row) {
              return TextOrNull(s.capture.String(s.capture.definitions.frames[row].symbol));
            }},
           {"offset_bytes INTEGER",
            [](const Source& s, size_t row) {
              return Int(static_cast<int64_t>(s.capture.definitions.frames[row].offset));
            }},
       }});
  tables.push_back(
      {"stack",
       [](const Source& s) { return s.capture.definitions.stacks.size(); },
       {
           {"stack_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(static_cast<int64_t>(row) + 1 + s.offsets.stack);
            }},
           {"parent_stack_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(s.capture.definitions.stacks[row].parent.value, s.offsets.stack);
            }},
           {"frame_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(s.capture.definitions.stacks[row].frame.value, s.offsets.frame);
            }},
       }});
  tables.push_back(
      {"process",
       [](const Source& s) { return s.capture.definitions.processes.size(); },
       {
           {"process_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(static_cast<int64_t>(row) + 1 + s.offsets.process);
            }},
           {"capture_id INTEGER", [](const Source& s, size_t) { return Int(s.capture_id); }},
           {"pid INTEGER",
            [](const Source& s, size_t row) {
              return Int(s.capture.definitions.processes[row].pid.value);
            }},
           {"parent_pid INTEGER",
            [](const Source& s, size_t row) {
              return Int(s.capture.definitions.processes[row].parent_pid.value);
            }},
           {"start_ns INTEGER",
            [](const Source& s, size_t row) {
              return Int(s.capture.definitions.processes[row].start_ns);
            }},
           {"image_start_ns INTEGER",
            [](const Source& s, size_t row) {
              return Int(s.capture.definitions.processes[row].image_start_ns);
            }},
           {"end_ns INTEGER",
            [](const Source& s, size_t row) {
              return s.process_end_ns[row] == Source::kNoEnd ? Null() : Int(s.process_end_ns[row]);
            }},
           {"name TEXT",
            [](const Source& s, size_t row) {
              return Text(s.capture.String(s.capture.definitions.processes[row].name));
            }},
           {"executable TEXT",
            [](const Source& s, size_t row) {
              return TextOrNull(s.capture.String(s.capture.definitions.processes[row].executable));
            }},
           {"cgroup TEXT",
            [](const Source& s, size_t row) {
              return TextOrNull(s.capture.String(s.capture.definitions.processes[row].cgroup));
            }},
       }});
  tables.push_back({"thread",
                    [](const Source& s) { return s.capture.definitions.threads.size(); },
                    {
                        {"thread_id INTEGER",
                         [](const Source& s, size_t row) {
                           return Int(static_cast<int64_t>(row) + 1 + s.offsets.thread);
                         }},
                        {"process_id INTEGER",
                         [](const Source& s, size_t row) {
                           return Int(s.capture.definitions.threads[row].process.value +
                                      s.offsets.process);
                         }},
                        {"tid INTEGER",
                         [](const Source& s, size_t row) {
                           return Int(s.capture.definitions.threads[row].tid.value);
                         }},
                        {"start_ns INTEGER",
                         [](const Source& s, size_t row) {
                           return Int(s.capture.definitions.threads[row].start_ns);
                         }},
                        {"name TEXT",
                         [](const Source& s, size_t row) {
                           return Text(s.capture.String(s.capture.definitions.threads[row].name));
                         }},
                    }});
  tables.push_back(
      {"interval",
       [](const Source& s) { return s.capture.intervals.size(); },
       {
           {"interval_id INTEGER",
            [](const Source& s, size_t row) { return IntervalKey(s, static_cast<uint32_t>(row)); }},
           {"capture_id INTEGER", [](const Source& s, size_t) { return Int(s.capture_id); }},
           {"number INTEGER",
            [](const Source& s, size_t row) { return Int(s.capture.intervals[row].number); }},
           {"start_ns INTEGER",
            [](const Source& s, size_t row) { return Clamped(s.capture.intervals[row].start_ns); }},
           {"end_ns INTEGER",
            [](const Source& s, size_t row) { return Clamped(s.capture.intervals[row].end_ns); }},
           {"start_realtime_ns INTEGER",
            [](const Source& s, size_t row) {
              return Int(s.capture.intervals[row].start_realtime_ns);
            }},
           {"cpu_period_ns INTEGER",
            [](const Source& s, size_t row) {
              const auto& cpu = s.capture.intervals[row].cpu;
              return cpu ? Clamped(cpu->period_ns) : Null();
            }},
           {"has_blocked INTEGER",
            [](const Source& s, size_t row) {
              return Int(s.capture.intervals[row].blocked ? 1 : 0);
            }},
       }});
  tables.push_back(
      {"cpu_sample",
       [](const Source& s) { return s.cpu_rows.size(); },
       {
           {"cpu_sample_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(static_cast<int64_t>(row) + 1 + s.offsets.cpu_sample);
            }},
           {"interval_id INTEGER",
            [](const Source& s, size_t row) { return IntervalKey(s, s.cpu_rows[row].interval); }},
           {"thread_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(Cpu(s, row).thread.value + s.offsets.thread);
            }},
           {"kernel_stack_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(Cpu(s, row).kernel_stack.value, s.offsets.stack);
            }},
           {"user_stack_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(Cpu(s, row).user_stack.value, s.offsets.stack);
            }},
           {"samples INTEGER",
            [](const Source& s, size_t row) { return Clamped(Cpu(s, row).samples); }},
           {"time_ns INTEGER",
            [](const Source& s, size_t row) {
              uint64_t period_ns = IntervalOf(s, s.cpu_rows[row]).cpu->period_ns;
              return Clamped(TimesSaturating(Cpu(s, row).samples, period_ns));
            }},
       }});
  tables.push_back(
      {"blocked",
       [](const Source& s) { return s.blocked_rows.size(); },
       {
           {"blocked_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(static_cast<int64_t>(row) + 1 + s.offsets.blocked);
            }},
           {"interval_id INTEGER",
            [](const Source& s, size_t row) {
              return IntervalKey(s, s.blocked_rows[row].interval);
            }},
           {"thread_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(Blocked(s, row).thread.value + s.offsets.thread);
            }},
           {"state TEXT",
            [](const Source& s, size_t row) { return Text(StateLetter(Blocked(s, row).state)); }},
           {"kernel_stack_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(Blocked(s, row).kernel_stack.value, s.offsets.stack);
            }},
           {"user_stack_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(Blocked(s, row).user_stack.value, s.offsets.stack);
            }},
           {"time_ns INTEGER",
            [](const Source& s, size_t row) { return Clamped(Blocked(s, row).time_ns); }},
           {"count INTEGER",
            [](const Source& s, size_t row) { return Clamped(Blocked(s, row).count); }},
       }});
  tables.push_back(
      {"loss",
       [](const Source& s) { return s.loss_rows.size(); },
       {
           {"loss_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(static_cast<int64_t>(row) + 1 + s.offsets.loss);
            }},
           {"interval_id INTEGER",
            [](const Source& s, size_t row) { return IntervalKey(s, s.loss_rows[row].interval); }},
           {"cause INTEGER",
            [](const Source& s, size_t row) {
              return Int(static_cast<int64_t>(GetLoss(s, row).cause));
            }},
           {"name TEXT", [](const Source& s,
                            size_t row) { return Text(GetLossInfo(GetLoss(s, row).cause).name); }},
           {"source TEXT", [](const Source& s,
                              size_t row) { return Text(LossSourceName(GetLoss(s, row).source)); }},
           {"count INTEGER",
            [](const Source& s, size_t row) { return Clamped(GetLoss(s, row).count); }},
           {"time_ns INTEGER",
            [](const Source& s, size_t row) { return Clamped(GetLoss(s, row).time_ns); }},
           {"in_rows INTEGER",
            [](const Source& s, size_t row) {
              return Int(TimeIsInRows(GetLoss(s, row).cause) ? 1 : 0);
            }},
       }});
  tables.push_back(
      {"cost",
       [](const Source& s) { return s.capture.intervals.size(); },
       {
           {"interval_id INTEGER",
            [](const Source& s, size_t row) { return IntervalKey(s, static_cast<uint32_t>(row)); }},
           {"bpf_ns INTEGER",
            [](const Source& s, size_t row) {
              return Clamped(s.capture.intervals[row].cost.bpf_ns);
            }},
           {"bpf_runs INTEGER",
            [](const Source& s, size_t row) {
              return Clamped(s.capture.intervals[row].cost.bpf_runs);
            }},
           {"user_ns INTEGER",
            [](const Source& s, size_t row) {
              return Clamped(s.capture.intervals[row].cost.user_ns);
            }},
           {"system_ns INTEGER",
            [](const Source& s, size_t row) {
              return Clamped(s.capture.intervals[row].cost.system_ns);
            }},
           {"peak_resident_bytes INTEGER",
            [](const Source& s, size_t row) {
              return Clamped(s.capture.intervals[row].cost.peak_resident_bytes);
            }},
           {"map_bytes INTEGER",
            [](const Source& s, size_t row) {
              return Clamped(s.capture.intervals[row].cost.map_bytes);
            }},
       }});
  return tables;
}

template <typename Count>
std::vector<RowPlace> Places(const Capture& capture, Count count) {
  std::vector<RowPlace> places;
  for (size_t i = 0; i < capture.intervals.size(); ++i) {
    size_t rows = count(capture.intervals[i]);
    for (size_t row = 0; row < rows; ++row) {
      places.push_back({static_cast<uint32_t>(i), static_cast<uint32_t>(row)});
    }
  }
  return places;
}

}  // namespace

const std::vector<CaptureTable>& CaptureTables() {
  static const std::vector<CaptureTable> tables = MakeTables();
  return tables;
}

CaptureSource::CaptureSource(const Capture& from, std::string name, int64_t id,
                             const IdOffsets& id_offsets)
    : capture(from), file_name(std::move(name)), capture_id(id), offsets(id_offsets) {
  const Settings& settings = capture.recording.settings;
  sources = Joined(settings.sources);
  for (uint32_t pid : settings.pids) {
    if (!pids.empty()) pids += ',';
    pids += std::to_string(pid);
  }
  uint64_t window = 0;
  for (const Interval& interval : capture.intervals) window = std::max(window, interval.end_ns);
  if (capture.end) window = std::max(window, capture.end->end_ns);
  window_ns = static_cast<int64_t>(std::min<uint64_t>(window, INT64_MAX));

  cpu_rows = Places(capture, [](const Interval& i) { return i.cpu ? i.cpu->rows.size() : 0; });
  blocked_rows =
      Places(capture, [](const Interval& i) { return i.blocked ? i.blocked->size() : 0; });
  loss_rows = Places(capture, [](const Interval& i) { return i.losses.size(); });
  process_end_ns.assign(capture.definitions.processes.size(), kNoEnd);
  for (const ProcessEnd& process_end : capture.definitions.process_ends) {
    size_t index = process_end.process.value;
    if (index >= 1 && index <= process_end_ns.size())
      process_end_ns[index - 1] = process_end.end_ns;
  }
}

uint64_t CaptureSource::TotalRows() const {
  uint64_t rows = 0;
  for (const CaptureTable& table : CaptureTables()) rows += table.row_count(*this);
  return rows;
}

}  // namespace twofold
