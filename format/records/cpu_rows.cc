#include "format/records/cpu_rows.h"

#include <algorithm>

namespace twofold::records {

flatbuffers::Offset<wire::CpuRows> PackCpuRows(flatbuffers::FlatBufferBuilder& builder,
                                               const CpuRows& cpu) {
  const std::vector<CpuRow>& rows = cpu.rows;
  auto thread = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.thread.value; });
  auto kernel =
      PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.kernel_stack.value; });
  auto user = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.user_stack.value; });
  auto samples = PackColumn<uint64_t>(builder, rows, [](auto& row) { return row.samples; });
  return wire::CreateCpuRows(builder, thread, kernel, user, samples, cpu.period_ns);
}

MaybeFault UnpackCpuRows(const wire::CpuRows& table, MemoryBudget& budget, CpuRows& cpu) {
  size_t count = RowsOf(table.thread());
  TWOFOLD_RETURN_IF_FAULT(CheckColumns(
      "CPU rows", count,
      {RowsOf(table.kernel_stack()), RowsOf(table.user_stack()), RowsOf(table.samples())}));
  if (!budget.Take(count, sizeof(CpuRow))) return TooMuchMemory();
  cpu.period_ns = table.period_ns();
  cpu.rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    CpuRow& row = cpu.rows[i];
    row.thread = ThreadId(At(table.thread(), i));
    row.kernel_stack = StackId(At(table.kernel_stack(), i));
    row.user_stack = StackId(At(table.user_stack(), i));
    row.samples = At(table.samples(), i);
  }
  return std::nullopt;
}

MaybeFault CheckCpuRows(const CpuRows& cpu, const DefinitionCounts& defined, Totals& totals) {
  if (cpu.period_ns > container::kMaxSum) return Fault{"its sampling period is out of range"};
  for (const CpuRow& row : cpu.rows) {
    if (row.thread.value == 0) return Fault{"a CPU row names no thread", true};
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.thread.value, defined.threads, "a CPU row's thread"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.kernel_stack.value, defined.stacks, "a CPU row's kernel stack"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.user_stack.value, defined.stacks, "a CPU row's user stack"));
    uint64_t cpu_ns = 0;
    if (__builtin_mul_overflow(row.samples, cpu.period_ns, &cpu_ns) ||
        !AddToTotal(totals.samples, row.samples) || !AddToTotal(totals.cpu_ns, cpu_ns)) {
      return Fault{"its CPU rows add up to more than 2^63"};
    }
  }
  return std::nullopt;
}

void NoteIds(const CpuRows& cpu, DefinitionCounts& highest) {
  for (const CpuRow& row : cpu.rows) {
    highest.threads = std::max(highest.threads, row.thread.value);
    highest.stacks = std::max({highest.stacks, row.kernel_stack.value, row.user_stack.value});
  }
}

}  // namespace twofold::records
