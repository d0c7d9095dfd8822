#include "format/records/accounts.h"

#include <algorithm>

namespace twofold::records {

flatbuffers::Offset<wire::Accounts> PackAccounts(flatbuffers::FlatBufferBuilder& builder,
                                                 const std::vector<Account>& rows) {
  const auto times = [&](auto get) { return PackColumn<uint64_t>(builder, rows, get); };
  auto thread = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.thread.value; });
  auto existed = times([](auto& row) { return row.existed_ns; });
  auto user = times([](auto& row) { return row.user_ns; });
  auto system = times([](auto& row) { return row.system_ns; });
  auto on_cpu = times([](auto& row) { return row.on_cpu_ns; });
  auto woken = times([](auto& row) { return row.woken_ns; });
  auto preempted = times([](auto& row) { return row.preempted_ns; });
  std::array<flatbuffers::Offset<Column<uint64_t>>, kBlockStates> blocked;
  for (size_t state = 0; state < kBlockStates; ++state) {
    blocked[state] = times([state](auto& row) { return row.blocked_ns[state]; });
  }
  return wire::CreateAccounts(builder, thread, existed, user, system, on_cpu, woken, preempted,
                              blocked[0], blocked[1], blocked[2], blocked[3], blocked[4],
                              blocked[5], blocked[6]);
}

MaybeFault UnpackAccounts(const wire::Accounts& table, MemoryBudget& budget,
                          std::vector<Account>& rows) {
  const std::array<const Column<uint64_t>*, kBlockStates> blocked = {
      table.interruptible_ns(), table.uninterruptible_ns(), table.stopped_ns(),
      table.traced_ns(),        table.parked_ns(),          table.idle_ns(),
      table.other_ns()};
  const size_t count = RowsOf(table.thread());
  TWOFOLD_RETURN_IF_FAULT(CheckColumns(
      "accounts", count,
      {RowsOf(table.existed_ns()), RowsOf(table.user_ns()), RowsOf(table.system_ns()),
       RowsOf(table.on_cpu_ns()), RowsOf(table.woken_ns()), RowsOf(table.preempted_ns())}));
  for (const Column<uint64_t>* column : blocked) {
    TWOFOLD_RETURN_IF_FAULT(CheckColumns("accounts", count, {RowsOf(column)}));
  }
  if (!budget.Take(count, sizeof(Account))) return TooMuchMemory();
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    Account& row = rows[i];
    row.thread = ThreadId(At(table.thread(), i));
    row.existed_ns = At(table.existed_ns(), i);
    row.user_ns = At(table.user_ns(), i);
    row.system_ns = At(table.system_ns(), i);
    row.on_cpu_ns = At(table.on_cpu_ns(), i);
    row.woken_ns = At(table.woken_ns(), i);
    row.preempted_ns = At(table.preempted_ns(), i);
    for (size_t state = 0; state < kBlockStates; ++state) {
      row.blocked_ns[state] = At(blocked[state], i);
    }
  }
  return std::nullopt;
}

MaybeFault CheckAccounts(const std::vector<Account>& rows, const DefinitionCounts& defined,
                         Totals& totals) {
  for (const Account& row : rows) {
    if (row.thread.value == 0) return Fault{"an account names no thread", true};
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.thread.value, defined.threads, "an account's thread"));
    bool fits = AddToTotal(totals.account_ns, row.existed_ns) &&
                AddToTotal(totals.account_ns, row.user_ns) &&
                AddToTotal(totals.account_ns, row.system_ns) &&
                AddToTotal(totals.account_ns, row.on_cpu_ns) &&
                AddToTotal(totals.account_ns, row.woken_ns) &&
                AddToTotal(totals.account_ns, row.preempted_ns);
    for (uint64_t time_ns : row.blocked_ns) fits = fits && AddToTotal(totals.account_ns, time_ns);
    if (!fits) return Fault{"its accounts add up to more than 2^63"};
  }
  return std::nullopt;
}

void NoteIds(const std::vector<Account>& rows, DefinitionCounts& highest) {
  for (const Account& row : rows) highest.threads = std::max(highest.threads, row.thread.value);
}

}  // namespace twofold::records
