// Columns of the tables capture, damage, module, frame, stack, process and thread: which field of
// format/capture.h is which column of sql/schema.sql.
#include "analyzer/data/columns.h"
#include "analyzer/data/kind_names.h"

namespace twofold::columns {
namespace {

using Source = CaptureSource;
using Value = ColumnValue;

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
    case ModuleKind::kRuntime:
      return "jit";
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
    case EndReason::kOverhead:
      return "overhead";
    case EndReason::kOther:
      break;
  }
  return "other";
}

const Settings& GetSettings(const Source& s) { return s.capture.recording.settings; }
const Host& GetHost(const Source& s) { return s.capture.recording.host; }

Value ContainerOf(const Source& s, StringId cgroup) {
  const auto found = s.container_ids.find(cgroup.value);
  return found == s.container_ids.end() ? Null() : Text(found->second);
}

}  // namespace

std::vector<CaptureTable> FactTables() {
  std::vector<CaptureTable> tables;
  tables.push_back(
      {"capture",
       nullptr,
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
           {"tids TEXT", [](const Source& s, size_t) { return Text(s.tids); }},
           {"cgroup TEXT", [](const Source& s, size_t) { return Text(GetSettings(s).cgroup); }},
           {"command TEXT", [](const Source& s, size_t) { return Text(GetSettings(s).command); }},
           {"comm TEXT", [](const Source& s, size_t) { return Text(GetSettings(s).comm); }},
           {"user_stack_method TEXT",
            [](const Source& s, size_t) { return Text(GetSettings(s).user_stack_method); }},
           {"wakers INTEGER", [](const Source& s, size_t) { return Int(GetSettings(s).wakers); }},
           {"quantum_ns INTEGER",
            [](const Source& s, size_t) { return Clamped(GetSettings(s).quantum_ns); }},
           {"min_block_ns INTEGER",
            [](const Source& s, size_t) { return Clamped(GetSettings(s).min_block_ns); }},
           {"max_block_ns INTEGER",
            [](const Source& s, size_t) { return ClampedOrNull(GetSettings(s).max_block_ns); }},
           {"max_overhead_permyriad INTEGER",
            [](const Source& s, size_t) {
              uint32_t limit = GetSettings(s).max_overhead_permyriad;
              return limit == 0 ? Null() : Int(limit);
            }},
           {"arguments INTEGER",
            [](const Source& s, size_t) { return Flag(GetSettings(s).arguments); }},
           {"leak_scope TEXT",
            [](const Source& s, size_t) { return TextOrNull(GetSettings(s).leak_scope); }},
           {"leak_sample_bytes INTEGER",
            [](const Source& s, size_t) {
              return ClampedOrNull(GetSettings(s).leak_sample_bytes);
            }},
           {"leak_age_ns INTEGER",
            [](const Source& s, size_t) { return ClampedOrNull(GetSettings(s).leak_age_ns); }},
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
       OffsetIn<&IdOffsets::damage>,
       [](const Source& s) { return s.capture.damages.size(); },
       {
           {"damage_id INTEGER",
            [](const Source& s, size_t row) { return Int(int64_t(row) + 1 + s.offsets.damage); }},
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
       OffsetIn<&IdOffsets::module>,
       [](const Source& s) { return s.capture.definitions.modules.size(); },
       {
           {"module_id INTEGER",
            [](const Source& s, size_t row) { return Int(int64_t(row) + 1 + s.offsets.module); }},
           {"capture_id INTEGER", [](const Source& s, size_t) { return Int(s.capture_id); }},
           {"kind TEXT",
            [](const Source& s, size_t row) {
              return Text(NameOf(s.capture.definitions.modules[row].kind));
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
       OffsetIn<&IdOffsets::frame>,
       [](const Source& s) { return s.capture.definitions.frames.size(); },
       {
           {"frame_id INTEGER",
            [](const Source& s, size_t row) { return Int(int64_t(row) + 1 + s.offsets.frame); }},
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
              return Int(int64_t(s.capture.definitions.frames[row].offset));
            }},
           {"source_file TEXT",
            [](const Source& s, size_t row) {
              return TextOrNull(s.capture.String(s.capture.definitions.frames[row].file));
            }},
           {"line INTEGER",
            [](const Source& s, size_t row) {
              uint32_t line = s.capture.definitions.frames[row].line;
              return line == 0 ? Null() : Int(line);
            }},
           {"is_inlined INTEGER",
            [](const Source& s, size_t row) {
              return Int(s.capture.definitions.frames[row].inlined ? 1 : 0);
            }},
       }});
  tables.push_back(
      {"stack",
       OffsetIn<&IdOffsets::stack>,
       [](const Source& s) { return s.capture.definitions.stacks.size(); },
       {
           {"stack_id INTEGER",
            [](const Source& s, size_t row) { return Int(int64_t(row) + 1 + s.offsets.stack); }},
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
       OffsetIn<&IdOffsets::process>,
       [](const Source& s) { return s.capture.definitions.processes.size(); },
       {
           {"process_id INTEGER",
            [](const Source& s, size_t row) { return Int(int64_t(row) + 1 + s.offsets.process); }},
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
           {"container_id TEXT",
            [](const Source& s, size_t row) {
              return ContainerOf(s, s.capture.definitions.processes[row].cgroup);
            }},
           {"exit_code INTEGER",
            [](const Source& s, size_t row) {
              const std::optional<uint32_t>& status = s.exit_statuses[row];
              return status && *status < kKilledBySignal ? Int(*status) : Null();
            }},
           {"exit_signal INTEGER",
            [](const Source& s, size_t row) {
              const std::optional<uint32_t>& status = s.exit_statuses[row];
              return status && *status >= kKilledBySignal ? Int(*status - kKilledBySignal) : Null();
            }},
           {"next_process_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(s.next_images[row].value, s.offsets.process);
            }},
       }});
  tables.push_back(
      {"thread",
       OffsetIn<&IdOffsets::thread>,
       [](const Source& s) { return s.capture.definitions.threads.size(); },
       {
           {"thread_id INTEGER",
            [](const Source& s, size_t row) { return Int(int64_t(row) + 1 + s.offsets.thread); }},
           {"process_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(s.capture.definitions.threads[row].process.value + s.offsets.process);
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
           {"cgroup TEXT",
            [](const Source& s, size_t row) {
              return TextOrNull(s.capture.String(s.thread_cgroups[row]));
            }},
           {"container_id TEXT",
            [](const Source& s, size_t row) { return ContainerOf(s, s.thread_cgroups[row]); }},
       }});
  return tables;
}

}  // namespace twofold::columns
