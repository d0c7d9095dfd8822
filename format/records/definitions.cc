#include "format/records/definitions.h"

#include "format/base/utf8.h"
#include "format/records/chains.h"
#include "format/records/row_columns.h"

namespace twofold::records {
namespace {

template <typename Table>
using Offset = flatbuffers::Offset<Table>;
using Builder = flatbuffers::FlatBufferBuilder;

// ---- packing: tables without rows are left out

Offset<wire::Strings> PackStrings(Builder& builder, const std::vector<std::string>& strings) {
  if (strings.empty()) return 0;
  size_t total_bytes = 0;
  for (const std::string& text : strings) total_bytes += text.size();
  uint8_t* position = nullptr;
  auto bytes = builder.CreateUninitializedVector<uint8_t>(total_bytes, &position);
  for (const std::string& text : strings) {
    position = std::copy(text.begin(), text.end(), position);
  }
  auto length = PackColumn<uint32_t>(builder, strings, [](auto& text) { return text.size(); });
  return wire::CreateStrings(builder, bytes, length);
}

Offset<wire::Modules> PackModules(Builder& builder, const std::vector<Module>& rows) {
  if (rows.empty()) return 0;
  auto kind = PackColumn<uint8_t>(builder, rows, [](auto& row) { return row.kind; });
  auto path = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.path.value; });
  auto build_id = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.build_id.value; });
  return wire::CreateModules(builder, kind, path, build_id);
}

Offset<wire::Frames> PackFrames(Builder& builder, const std::vector<Frame>& rows) {
  if (rows.empty()) return 0;
  auto module = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.module.value; });
  auto symbol = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.symbol.value; });
  auto offset = PackColumn<uint64_t>(builder, rows, [](auto& row) { return row.offset; });
  auto file = PackOptionalColumn<uint32_t>(builder, rows, [](auto& row) { return row.file.value; });
  auto line = PackOptionalColumn<uint32_t>(builder, rows, [](auto& row) { return row.line; });
  auto inlined = PackOptionalColumn<uint8_t>(builder, rows, [](auto& row) { return row.inlined; });
  return wire::CreateFrames(builder, module, symbol, offset, file, line, inlined);
}

Offset<wire::Stacks> PackStacks(Builder& builder, const std::vector<StackNode>& rows,
                                uint32_t defined_before) {
  if (rows.empty()) return 0;
  uint32_t id = defined_before;
  auto distance = PackColumn<uint32_t>(builder, rows, [&](auto& row) {
    id += 1;
    return row.parent.value == 0 ? 0 : id - row.parent.value;
  });
  auto frame = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.frame.value; });
  return wire::CreateStacks(builder, distance, frame);
}

Offset<wire::Processes> PackProcesses(Builder& builder, const std::vector<Process>& rows) {
  if (rows.empty()) return 0;
  auto pid = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.pid.value; });
  auto parent = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.parent_pid.value; });
  auto start = PackColumn<int64_t>(builder, rows, [](auto& row) { return row.start_ns; });
  auto image = PackColumn<int64_t>(builder, rows, [](auto& row) { return row.image_start_ns; });
  auto name = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.name.value; });
  auto executable =
      PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.executable.value; });
  auto cgroup = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.cgroup.value; });
  return wire::CreateProcesses(builder, pid, parent, start, image, name, executable, cgroup);
}

Offset<wire::Threads> PackThreads(Builder& builder, const std::vector<Thread>& rows) {
  if (rows.empty()) return 0;
  auto process = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.process.value; });
  auto tid = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.tid.value; });
  auto start = PackColumn<int64_t>(builder, rows, [](auto& row) { return row.start_ns; });
  auto name = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.name.value; });
  auto cgroup =
      PackOptionalColumn<uint32_t>(builder, rows, [](auto& row) { return row.cgroup.value; });
  return wire::CreateThreads(builder, process, tid, start, name, cgroup);
}

Offset<wire::ProcessEnds> PackProcessEnds(Builder& builder, const std::vector<ProcessEnd>& rows) {
  if (rows.empty()) return 0;
  auto process = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.process.value; });
  auto end = PackColumn<int64_t>(builder, rows, [](auto& row) { return row.end_ns; });
  auto status = PackOptionalColumn<uint32_t>(
      builder, rows, [](auto& row) { return row.exit_status ? *row.exit_status + 1 : 0; });
  return wire::CreateProcessEnds(builder, process, end, status);
}

// ---- unpacking

// What a string takes: its struct, and the heap for what does not fit inside of it.
constexpr uint64_t kHeapStringBytes = 32;

MaybeFault UnpackStrings(const wire::Strings& table, MemoryBudget& budget,
                         std::vector<std::string>& strings) {
  size_t count = RowsOf(table.length());
  size_t left = RowsOf(table.bytes());
  if (!budget.Take(count, sizeof(std::string)) || !budget.Take(left, 1)) return TooMuchMemory();
  strings.reserve(count);
  const char* position = left == 0 ? nullptr : reinterpret_cast<const char*>(table.bytes()->data());
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t length = At(table.length(), i);
    if (length > left) return Fault{"its strings are longer than their bytes"};
    if (length > 15 && !budget.Take(1, kHeapStringBytes)) return TooMuchMemory();
    strings.emplace_back(position, length);
    position += length;
    left -= length;
  }
  if (left != 0) return Fault{"its strings are shorter than their bytes"};
  return std::nullopt;
}

MaybeFault UnpackModules(const wire::Modules& table, MemoryBudget& budget,
                         std::vector<Module>& rows) {
  size_t count = RowsOf(table.kind());
  TWOFOLD_RETURN_IF_FAULT(
      CheckColumns("modules", count, {RowsOf(table.path()), RowsOf(table.build_id())}));
  if (!budget.Take(count, sizeof(Module))) return TooMuchMemory();
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    uint8_t kind = At(table.kind(), i);
    // Kinds of newer versions are kept as kOther.
    rows[i].kind =
        kind <= uint8_t(ModuleKind::kRuntime) ? static_cast<ModuleKind>(kind) : ModuleKind::kOther;
    rows[i].path = StringId(At(table.path(), i));
    rows[i].build_id = StringId(At(table.build_id(), i));
  }
  return std::nullopt;
}

MaybeFault UnpackFrames(const wire::Frames& table, MemoryBudget& budget, std::vector<Frame>& rows) {
  size_t count = RowsOf(table.module_());
  TWOFOLD_RETURN_IF_FAULT(
      CheckColumns("frames", count,
                   {RowsOf(table.symbol()), RowsOf(table.offset()), RowsOr(table.file(), count),
                    RowsOr(table.line(), count), RowsOr(table.inlined(), count)}));
  if (!budget.Take(count, sizeof(Frame))) return TooMuchMemory();
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    rows[i].module = ModuleId(At(table.module_(), i));
    rows[i].symbol = StringId(At(table.symbol(), i));
    rows[i].offset = At(table.offset(), i);
    rows[i].file = StringId(AtOrZero(table.file(), i));
    rows[i].line = AtOrZero(table.line(), i);
    rows[i].inlined = AtOrZero(table.inlined(), i) != 0;
  }
  return std::nullopt;
}

MaybeFault UnpackStacks(const wire::Stacks& table, MemoryBudget& budget, uint32_t defined_before,
                        std::vector<StackNode>& rows) {
  size_t count = RowsOf(table.parent_distance());
  TWOFOLD_RETURN_IF_FAULT(CheckColumns("stacks", count, {RowsOf(table.frame())}));
  // With each node goes its depth (Progress).
  if (!budget.Take(count, sizeof(StackNode) + sizeof(uint16_t))) return TooMuchMemory();
  if (count >= UINT32_MAX - defined_before) return Fault{"it defines too many stacks"};
  rows.resize(count);
  uint32_t id = defined_before;
  for (uint32_t i = 0; i < count; ++i) {
    id += 1;
    uint32_t distance = At(table.parent_distance(), i);
    if (distance >= id) return Fault{"the parent of a stack lies before the first stack", true};
    if (distance != 0) rows[i].parent = StackId(id - distance);
    rows[i].frame = FrameId(At(table.frame(), i));
  }
  return std::nullopt;
}

MaybeFault UnpackProcesses(const wire::Processes& table, MemoryBudget& budget,
                           std::vector<Process>& rows) {
  size_t count = RowsOf(table.pid());
  TWOFOLD_RETURN_IF_FAULT(CheckColumns(
      "processes", count,
      {RowsOf(table.parent_pid()), RowsOf(table.start_ns()), RowsOf(table.image_start_ns()),
       RowsOf(table.name()), RowsOf(table.executable()), RowsOf(table.cgroup())}));
  if (!budget.Take(count, sizeof(Process))) return TooMuchMemory();
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    Process& row = rows[i];
    row.pid = Pid(At(table.pid(), i));
    row.parent_pid = Pid(At(table.parent_pid(), i));
    row.start_ns = At(table.start_ns(), i);
    row.image_start_ns = At(table.image_start_ns(), i);
    row.name = StringId(At(table.name(), i));
    row.executable = StringId(At(table.executable(), i));
    row.cgroup = StringId(At(table.cgroup(), i));
  }
  return std::nullopt;
}

MaybeFault UnpackThreads(const wire::Threads& table, MemoryBudget& budget,
                         std::vector<Thread>& rows) {
  size_t count = RowsOf(table.process());
  TWOFOLD_RETURN_IF_FAULT(CheckColumns("threads", count,
                                       {RowsOf(table.tid()), RowsOf(table.start_ns()),
                                        RowsOf(table.name()), RowsOr(table.cgroup(), count)}));
  if (!budget.Take(count, sizeof(Thread))) return TooMuchMemory();
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    rows[i].process = ProcessId(At(table.process(), i));
    rows[i].tid = Tid(At(table.tid(), i));
    rows[i].start_ns = At(table.start_ns(), i);
    rows[i].name = StringId(At(table.name(), i));
    rows[i].cgroup = StringId(AtOrZero(table.cgroup(), i));
  }
  return std::nullopt;
}

MaybeFault UnpackProcessEnds(const wire::ProcessEnds& table, MemoryBudget& budget,
                             std::vector<ProcessEnd>& rows) {
  size_t count = RowsOf(table.process());
  TWOFOLD_RETURN_IF_FAULT(CheckColumns(
      "process ends", count, {RowsOf(table.end_ns()), RowsOr(table.exit_status(), count)}));
  if (!budget.Take(count, sizeof(ProcessEnd))) return TooMuchMemory();
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    rows[i].process = ProcessId(At(table.process(), i));
    rows[i].end_ns = At(table.end_ns(), i);
    uint32_t status = AtOrZero(table.exit_status(), i);
    if (status != 0) rows[i].exit_status = status - 1;
  }
  return std::nullopt;
}

// ---- checking

bool AddCount(uint32_t& defined, size_t fresh) {
  if (fresh >= UINT32_MAX - defined) return false;
  defined += uint32_t(fresh);
  return true;
}

MaybeFault CheckModules(const std::vector<Module>& rows, const DefinitionCounts& defined) {
  for (const Module& row : rows) {
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.path.value, defined.strings, "a module's path"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.build_id.value, defined.strings, "a module's build id"));
  }
  return std::nullopt;
}

MaybeFault CheckFrames(const std::vector<Frame>& rows, const DefinitionCounts& defined) {
  for (const Frame& row : rows) {
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.module.value, defined.modules, "a frame's module"));
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.symbol.value, defined.strings, "a frame's symbol"));
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.file.value, defined.strings, "a frame's source file"));
  }
  return std::nullopt;
}

// Appends the depths of new nodes to `stack_frames`; the caller takes them away again on a fault.
MaybeFault CheckStacks(const std::vector<StackNode>& rows, const DefinitionCounts& defined,
                       std::vector<uint16_t>& stack_frames) {
  for (const StackNode& row : rows) {
    if (row.frame.value == 0) return Fault{"a stack names no frame", true};
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.frame.value, defined.frames, "a stack's frame"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.parent.value, uint32_t(stack_frames.size()), "a stack's parent"));
    uint32_t frames = 1;
    if (row.parent.value != 0) frames += stack_frames[row.parent.value - 1];
    if (frames > container::kMaxStackFrames) {
      return Fault{"a stack has more than " + std::to_string(container::kMaxStackFrames) +
                   " frames"};
    }
    stack_frames.push_back(uint16_t(frames));
  }
  return std::nullopt;
}

MaybeFault CheckProcesses(const std::vector<Process>& rows, const DefinitionCounts& defined) {
  for (const Process& row : rows) {
    TWOFOLD_RETURN_IF_FAULT(CheckTime(row.start_ns, "a process's start"));
    TWOFOLD_RETURN_IF_FAULT(CheckTime(row.image_start_ns, "a process image's start"));
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.name.value, defined.strings, "a process's name"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.executable.value, defined.strings, "a process's executable"));
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.cgroup.value, defined.strings, "a process's cgroup"));
  }
  return std::nullopt;
}

MaybeFault CheckThreads(const std::vector<Thread>& rows, const DefinitionCounts& defined) {
  for (const Thread& row : rows) {
    if (row.process.value == 0) return Fault{"a thread names no process", true};
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.process.value, defined.processes, "a thread's process"));
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.name.value, defined.strings, "a thread's name"));
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.cgroup.value, defined.strings, "a thread's cgroup"));
    TWOFOLD_RETURN_IF_FAULT(CheckTime(row.start_ns, "a thread's start"));
  }
  return std::nullopt;
}

MaybeFault CheckProcessEnds(const std::vector<ProcessEnd>& rows, const DefinitionCounts& defined) {
  for (const ProcessEnd& row : rows) {
    if (row.process.value == 0) return Fault{"a process's end names no process", true};
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.process.value, defined.processes, "an ended process"));
    TWOFOLD_RETURN_IF_FAULT(CheckTime(row.end_ns, "a process's end"));
    if (row.exit_status.value_or(0) > kMaxExitStatus) {
      return Fault{"a process's exit status is out of range"};
    }
  }
  return std::nullopt;
}

// Appends to the depths and lengths in `progress`; the caller takes them away again on a fault.
MaybeFault CheckAll(const Definitions& fresh, const DefinitionCounts& defined, Progress& progress) {
  for (const std::string& text : fresh.strings) {
    if (!IsUtf8(text)) return Fault{"one of its strings is not UTF-8"};
  }
  TWOFOLD_RETURN_IF_FAULT(CheckModules(fresh.modules, defined));
  TWOFOLD_RETURN_IF_FAULT(CheckFrames(fresh.frames, defined));
  TWOFOLD_RETURN_IF_FAULT(CheckStacks(fresh.stacks, defined, progress.stack_frames));
  TWOFOLD_RETURN_IF_FAULT(CheckProcesses(fresh.processes, defined));
  TWOFOLD_RETURN_IF_FAULT(CheckThreads(fresh.threads, defined));
  TWOFOLD_RETURN_IF_FAULT(CheckProcessEnds(fresh.process_ends, defined));
  TWOFOLD_RETURN_IF_FAULT(CheckWakers(fresh.wakers, defined));
  return CheckChains(fresh.chains, defined, progress.chain_wakers);
}

}  // namespace

void PackDefinitions(const Definitions& fresh, const DefinitionCounts& before,
                     flatbuffers::FlatBufferBuilder& builder) {
  auto strings = PackStrings(builder, fresh.strings);
  auto modules = PackModules(builder, fresh.modules);
  auto frames = PackFrames(builder, fresh.frames);
  auto stacks = PackStacks(builder, fresh.stacks, before.stacks);
  auto processes = PackProcesses(builder, fresh.processes);
  auto threads = PackThreads(builder, fresh.threads);
  auto process_ends = PackProcessEnds(builder, fresh.process_ends);
  flatbuffers::Offset<wire::Wakers> wakers;
  if (!fresh.wakers.empty()) wakers = PackTable<wire::Wakers>(builder, fresh.wakers, fresh.wakers);
  auto chains = PackChains(builder, fresh.chains, before.chains);
  builder.Finish(wire::CreateDefinitions(
      builder, before.strings + 1, before.modules + 1, before.frames + 1, before.stacks + 1,
      before.processes + 1, before.threads + 1, strings, modules, frames, stacks, processes,
      threads, process_ends, before.wakers + 1, before.chains + 1, wakers, chains));
}

MaybeFault UnpackDefinitions(std::span<const uint8_t> payload, MemoryBudget& budget,
                             Definitions& fresh, DefinitionCounts& before) {
  if (!IsFlatBuffer<wire::Definitions>(payload)) return MalformedFlatBuffer();
  const auto* table = RootOf<wire::Definitions>(payload);
  if (table->first_string() == 0 || table->first_module() == 0 || table->first_frame() == 0 ||
      table->first_stack() == 0 || table->first_process() == 0 || table->first_thread() == 0 ||
      table->first_waker() == 0 || table->first_chain() == 0) {
    return Fault{"it defines an id 0"};
  }
  before = {table->first_string() - 1, table->first_module() - 1,  table->first_frame() - 1,
            table->first_stack() - 1,  table->first_process() - 1, table->first_thread() - 1,
            table->first_waker() - 1,  table->first_chain() - 1};
  if (auto* rows = table->strings()) {
    TWOFOLD_RETURN_IF_FAULT(UnpackStrings(*rows, budget, fresh.strings));
  }
  if (auto* rows = table->modules()) {
    TWOFOLD_RETURN_IF_FAULT(UnpackModules(*rows, budget, fresh.modules));
  }
  if (auto* rows = table->frames()) {
    TWOFOLD_RETURN_IF_FAULT(UnpackFrames(*rows, budget, fresh.frames));
  }
  if (auto* rows = table->stacks()) {
    TWOFOLD_RETURN_IF_FAULT(UnpackStacks(*rows, budget, before.stacks, fresh.stacks));
  }
  if (auto* rows = table->processes()) {
    TWOFOLD_RETURN_IF_FAULT(UnpackProcesses(*rows, budget, fresh.processes));
  }
  if (auto* rows = table->threads()) {
    TWOFOLD_RETURN_IF_FAULT(UnpackThreads(*rows, budget, fresh.threads));
  }
  if (auto* rows = table->process_ends()) {
    TWOFOLD_RETURN_IF_FAULT(UnpackProcessEnds(*rows, budget, fresh.process_ends));
  }
  if (auto* rows = table->wakers()) {
    TWOFOLD_RETURN_IF_FAULT(UnpackTable(*rows, budget, fresh.wakers, fresh.wakers));
  }
  if (auto* rows = table->chains()) {
    TWOFOLD_RETURN_IF_FAULT(UnpackChains(*rows, budget, before.chains, fresh.chains));
  }
  return std::nullopt;
}

MaybeFault AddDefinitions(const Definitions& fresh, Progress& progress) {
  DefinitionCounts defined = progress.defined;
  bool countable = true;
  ForEachDefinitionKind([&](const auto& kind) {
    countable = countable && AddCount(defined.*kind.count, (fresh.*kind.definitions).size());
  });
  if (!countable) return Fault{"it defines more ids than there are numbers"};
  size_t stacks_before = progress.stack_frames.size();
  size_t chains_before = progress.chain_wakers.size();
  MaybeFault fault = CheckAll(fresh, defined, progress);
  if (fault) {
    progress.stack_frames.resize(stacks_before);
    progress.chain_wakers.resize(chains_before);
    return fault;
  }
  progress.defined = defined;
  return std::nullopt;
}

}  // namespace twofold::records
