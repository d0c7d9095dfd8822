#include "format/records/cpu_times.h"

namespace twofold::records {

flatbuffers::Offset<wire::CpuTimes> PackCpuTimes(flatbuffers::FlatBufferBuilder& builder,
                                                 const std::vector<CpuTime>& rows) {
  const auto times = [&](auto get) { return PackOptionalColumn<uint64_t>(builder, rows, get); };
  auto cpu = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.cpu; });
  auto user = times([](auto& row) { return row.user_ns; });
  auto system = times([](auto& row) { return row.system_ns; });
  auto irq = times([](auto& row) { return row.irq_ns; });
  auto softirq = times([](auto& row) { return row.softirq_ns; });
  auto steal = times([](auto& row) { return row.steal_ns; });
  auto idle = times([](auto& row) { return row.idle_ns; });
  auto iowait = times([](auto& row) { return row.iowait_ns; });
  return wire::CreateCpuTimes(builder, cpu, user, system, irq, softirq, steal, idle, iowait);
}

MaybeFault UnpackCpuTimes(const wire::CpuTimes& table, MemoryBudget& budget,
                          std::vector<CpuTime>& rows) {
  size_t count = RowsOf(table.cpu());
  TWOFOLD_RETURN_IF_FAULT(
      CheckColumns("CPU times", count,
                   {RowsOr(table.user_ns(), count), RowsOr(table.system_ns(), count),
                    RowsOr(table.irq_ns(), count), RowsOr(table.softirq_ns(), count),
                    RowsOr(table.steal_ns(), count), RowsOr(table.idle_ns(), count),
                    RowsOr(table.iowait_ns(), count)}));
  if (!budget.Take(count, sizeof(CpuTime))) return TooMuchMemory();
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    CpuTime& row = rows[i];
    row.cpu = At(table.cpu(), i);
    row.user_ns = AtOrZero(table.user_ns(), i);
    row.system_ns = AtOrZero(table.system_ns(), i);
    row.irq_ns = AtOrZero(table.irq_ns(), i);
    row.softirq_ns = AtOrZero(table.softirq_ns(), i);
    row.steal_ns = AtOrZero(table.steal_ns(), i);
    row.idle_ns = AtOrZero(table.idle_ns(), i);
    row.iowait_ns = AtOrZero(table.iowait_ns(), i);
  }
  return std::nullopt;
}

MaybeFault CheckCpuTimes(const std::vector<CpuTime>& rows, Totals& totals) {
  for (const CpuTime& row : rows) {
    for (uint64_t time_ns : {row.user_ns, row.system_ns, row.irq_ns, row.softirq_ns, row.steal_ns,
                             row.idle_ns, row.iowait_ns}) {
      if (!AddToTotal(totals.cpu_time_ns, time_ns)) {
        return Fault{"its CPU times add up to more than 2^63"};
      }
    }
  }
  return std::nullopt;
}

}  // namespace twofold::records
