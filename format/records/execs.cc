#include "format/records/execs.h"

#include <algorithm>

namespace twofold::records {

flatbuffers::Offset<wire::ExecRows> PackExecRows(flatbuffers::FlatBufferBuilder& builder,
                                                 const std::vector<ExecRow>& rows) {
  const auto ids = [&](auto get) { return PackOptionalColumn<uint32_t>(builder, rows, get); };
  auto thread = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.thread.value; });
  auto time = PackOptionalColumn<uint64_t>(builder, rows, [](auto& row) { return row.time_ns; });
  auto error = PackOptionalColumn<uint16_t>(builder, rows, [](auto& row) { return row.error; });
  auto parent_pid = ids([](auto& row) { return row.parent_pid.value; });
  auto parent_name = ids([](auto& row) { return row.parent_name.value; });
  auto file = ids([](auto& row) { return row.file.value; });
  auto arguments = ids([](auto& row) { return row.arguments.value; });
  auto cut = PackOptionalColumn<uint8_t>(builder, rows,
                                         [](auto& row) { return row.arguments_cut ? 1 : 0; });
  return wire::CreateExecRows(builder, thread, time, error, parent_pid, parent_name, file,
                              arguments, cut);
}

MaybeFault UnpackExecRows(const wire::ExecRows& table, MemoryBudget& budget,
                          std::vector<ExecRow>& rows) {
  size_t count = RowsOf(table.thread());
  TWOFOLD_RETURN_IF_FAULT(
      CheckColumns("executed programs", count,
                   {RowsOr(table.time_ns(), count), RowsOr(table.error(), count),
                    RowsOr(table.parent_pid(), count), RowsOr(table.parent_name(), count),
                    RowsOr(table.file(), count), RowsOr(table.arguments(), count),
                    RowsOr(table.arguments_cut(), count)}));
  if (!budget.Take(count, sizeof(ExecRow))) return TooMuchMemory();
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    ExecRow& row = rows[i];
    row.thread = ThreadId(At(table.thread(), i));
    row.time_ns = AtOrZero(table.time_ns(), i);
    row.error = AtOrZero(table.error(), i);
    row.parent_pid = Pid(AtOrZero(table.parent_pid(), i));
    row.parent_name = StringId(AtOrZero(table.parent_name(), i));
    row.file = StringId(AtOrZero(table.file(), i));
    row.arguments = StringId(AtOrZero(table.arguments(), i));
    row.arguments_cut = AtOrZero(table.arguments_cut(), i) != 0;
  }
  return std::nullopt;
}

MaybeFault CheckExecRows(const std::vector<ExecRow>& rows, const DefinitionCounts& defined) {
  for (const ExecRow& row : rows) {
    if (row.thread.value == 0) return Fault{"an executed program names no thread", true};
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.thread.value, defined.threads, "an executed program's thread"));
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.parent_name.value, defined.strings,
                                         "the name of an executed program's parent"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.file.value, defined.strings, "an executed program's file"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.arguments.value, defined.strings, "an executed program's arguments"));
    if (row.time_ns > static_cast<uint64_t>(container::kMaxTimeNs)) {
      return Fault{"the time of an executed program is out of range"};
    }
  }
  return std::nullopt;
}

void NoteIds(const std::vector<ExecRow>& rows, DefinitionCounts& highest) {
  for (const ExecRow& row : rows) {
    highest.threads = std::max(highest.threads, row.thread.value);
    highest.strings =
        std::max({highest.strings, row.parent_name.value, row.file.value, row.arguments.value});
  }
}

}  // namespace twofold::records
