#include "format/records/counter_rows.h"

#include <algorithm>

namespace twofold::records {

flatbuffers::Offset<wire::CounterRows> PackCounterRows(flatbuffers::FlatBufferBuilder& builder,
                                                       const CounterRows& counters) {
  const std::vector<CounterRow>& rows = counters.rows;
  auto thread = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.thread.value; });
  auto kernel =
      PackOptionalColumn<uint32_t>(builder, rows, [](auto& row) { return row.kernel_stack.value; });
  auto user =
      PackOptionalColumn<uint32_t>(builder, rows, [](auto& row) { return row.user_stack.value; });
  auto cycles = PackOptionalColumn<uint64_t>(builder, rows, [](auto& row) { return row.cycles; });
  auto cycle_samples =
      PackOptionalColumn<uint64_t>(builder, rows, [](auto& row) { return row.cycle_samples; });
  auto instructions =
      PackOptionalColumn<uint64_t>(builder, rows, [](auto& row) { return row.instructions; });
  auto instruction_samples = PackOptionalColumn<uint64_t>(
      builder, rows, [](auto& row) { return row.instruction_samples; });
  return wire::CreateCounterRows(builder, thread, kernel, user, cycles, cycle_samples, instructions,
                                 instruction_samples, counters.cycles.counted,
                                 counters.cycles.enabled_ns, counters.cycles.running_ns,
                                 counters.instructions.counted, counters.instructions.enabled_ns,
                                 counters.instructions.running_ns);
}

MaybeFault UnpackCounterRows(const wire::CounterRows& table, MemoryBudget& budget,
                             CounterRows& counters) {
  size_t count = RowsOf(table.thread());
  TWOFOLD_RETURN_IF_FAULT(CheckColumns(
      "counter rows", count,
      {RowsOr(table.kernel_stack(), count), RowsOr(table.user_stack(), count),
       RowsOr(table.cycles(), count), RowsOr(table.cycle_samples(), count),
       RowsOr(table.instructions(), count), RowsOr(table.instruction_samples(), count)}));
  if (!budget.Take(count, sizeof(CounterRow))) return TooMuchMemory();
  counters.cycles = {table.cycles_counted(), table.cycles_enabled_ns(), table.cycles_running_ns()};
  counters.instructions = {table.instructions_counted(), table.instructions_enabled_ns(),
                           table.instructions_running_ns()};
  counters.rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    CounterRow& row = counters.rows[i];
    row.thread = ThreadId(At(table.thread(), i));
    row.kernel_stack = StackId(AtOrZero(table.kernel_stack(), i));
    row.user_stack = StackId(AtOrZero(table.user_stack(), i));
    row.cycles = AtOrZero(table.cycles(), i);
    row.cycle_samples = AtOrZero(table.cycle_samples(), i);
    row.instructions = AtOrZero(table.instructions(), i);
    row.instruction_samples = AtOrZero(table.instruction_samples(), i);
  }
  return std::nullopt;
}

MaybeFault CheckCounterRows(const CounterRows& counters, const DefinitionCounts& defined,
                            Totals& totals) {
  for (const CounterTotal* total : {&counters.cycles, &counters.instructions}) {
    if (!AddToTotal(totals.counted_events, total->counted) ||
        !AddToTotal(totals.counter_ns, total->enabled_ns) ||
        !AddToTotal(totals.counter_ns, total->running_ns)) {
      return Fault{"its counters add up to more than 2^63"};
    }
  }
  for (const CounterRow& row : counters.rows) {
    if (row.thread.value == 0) return Fault{"a counter row names no thread", true};
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.thread.value, defined.threads, "a counter row's thread"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.kernel_stack.value, defined.stacks, "a counter row's kernel stack"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.user_stack.value, defined.stacks, "a counter row's user stack"));
    if (!AddToTotal(totals.cycles, row.cycles) ||
        !AddToTotal(totals.cycle_samples, row.cycle_samples) ||
        !AddToTotal(totals.instructions, row.instructions) ||
        !AddToTotal(totals.instruction_samples, row.instruction_samples)) {
      return Fault{"its counter rows add up to more than 2^63"};
    }
  }
  return std::nullopt;
}

void NoteIds(const CounterRows& counters, DefinitionCounts& highest) {
  for (const CounterRow& row : counters.rows) {
    highest.threads = std::max(highest.threads, row.thread.value);
    highest.stacks = std::max({highest.stacks, row.kernel_stack.value, row.user_stack.value});
  }
}

}  // namespace twofold::records
