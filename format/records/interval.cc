#include "format/records/interval.h"

#include "format/records/row_columns.h"

namespace twofold::records {
namespace {

constexpr auto kTables = std::make_index_sequence<kRowTableCount>();

// Table t of kRowTables: the field of the schema that it is, and that field's type.
template <size_t t>
constexpr size_t kFieldOf = FieldIndex<wire::Interval>(std::get<t>(kRowTables).name);
template <size_t t>
using WireTable = FieldTable<wire::Interval, kFieldOf<t>>;

// The other fields are those that CreateInterval below writes.
constexpr size_t kOtherFields = 6;
static_assert(wire::Interval::Traits::fields_number == kRowTableCount + kOtherFields,
              "A table of the schema's Interval is not in kRowTables");

using TableOffsets = std::array<flatbuffers::Offset<void>, wire::Interval::Traits::fields_number>;

template <size_t t>
void PackRowTable(const Interval& interval, flatbuffers::FlatBufferBuilder& builder,
                  TableOffsets& offsets) {
  constexpr const auto& kTable = std::get<t>(kRowTables);
  const auto* rows = kTable.Find(interval);
  if (rows == nullptr) return;
  offsets[kFieldOf<t>] = PackTable<WireTable<t>>(builder, *rows, kTable.Whole(interval)).Union();
}

template <size_t t>
MaybeFault UnpackRowTable(const wire::Interval& from, MemoryBudget& budget, Interval& interval) {
  constexpr const auto& kTable = std::get<t>(kRowTables);
  const WireTable<t>* table = from.get_field<kFieldOf<t>>();
  auto* rows = table == nullptr ? nullptr : kTable.Make(interval);
  if (rows == nullptr) return std::nullopt;
  return UnpackTable(*table, budget, *rows, kTable.Whole(interval));
}

flatbuffers::Offset<wire::Cost> PackCost(const Cost& cost,
                                         flatbuffers::FlatBufferBuilder& builder) {
  return wire::CreateCost(builder, cost.bpf_ns, cost.bpf_runs, cost.user_ns, cost.system_ns,
                          cost.peak_resident_bytes, cost.map_bytes, cost.map_inserts,
                          cost.bpf_measured_ns);
}

Cost UnpackCost(const wire::Cost& table) {
  Cost cost;
  cost.bpf_ns = table.bpf_ns();
  cost.bpf_runs = table.bpf_runs();
  cost.user_ns = table.user_ns();
  cost.system_ns = table.system_ns();
  cost.peak_resident_bytes = table.peak_resident_bytes();
  cost.map_bytes = table.map_bytes();
  cost.map_inserts = table.map_inserts();
  cost.bpf_measured_ns = table.bpf_measured_ns();
  return cost;
}

MaybeFault CheckCost(const Cost& cost, Totals& totals) {
  bool fits =
      AddToTotal(totals.bpf_ns, cost.bpf_ns) && AddToTotal(totals.bpf_runs, cost.bpf_runs) &&
      AddToTotal(totals.recorder_ns, cost.user_ns) &&
      AddToTotal(totals.recorder_ns, cost.system_ns) &&
      AddToTotal(totals.map_inserts, cost.map_inserts) &&
      cost.peak_resident_bytes <= container::kMaxSum && cost.map_bytes <= container::kMaxSum &&
      AddToTotal(totals.bpf_measured_ns, cost.bpf_measured_ns);
  if (!fits) return Fault{"its costs add up to more than 2^63"};
  return std::nullopt;
}

MaybeFault CheckTimes(const Interval& interval, const Progress& progress) {
  if (interval.number < progress.next_interval || interval.number == UINT32_MAX) {
    return Fault{"interval " + std::to_string(interval.number) + " comes after interval " +
                 std::to_string(progress.next_interval - 1)};
  }
  if (interval.end_ns < interval.start_ns || interval.end_ns > uint64_t(container::kMaxTimeNs)) {
    return Fault{"interval " + std::to_string(interval.number) + " ends before it begins"};
  }
  if (interval.start_ns < progress.end_ns) {
    return Fault{"interval " + std::to_string(interval.number) +
                 " begins before the one before it ended"};
  }
  TWOFOLD_RETURN_IF_FAULT(CheckTime(interval.start_realtime_ns, "its real time"));
  if (interval.quantum_ns > uint64_t(container::kMaxTimeNs)) {
    return Fault{"its quantum is out of range"};
  }
  return std::nullopt;
}

}  // namespace

void PackInterval(const Interval& interval, flatbuffers::FlatBufferBuilder& builder) {
  TableOffsets offsets;
  [&]<size_t... t>(std::index_sequence<t...>) {
    (PackRowTable<t>(interval, builder, offsets), ...);
  }
  (kTables);
  offsets[FieldIndex<wire::Interval>("cost")] = PackCost(interval.cost, builder).Union();
  // In the order of the generated CreateInterval, which decides where the bytes lie: largest
  // fields first, each size from the last one to the first.
  using Table = wire::Interval;
  const flatbuffers::uoffset_t start = builder.StartTable();
  builder.AddElement<uint64_t>(Table::VT_QUANTUM_NS, interval.quantum_ns, 0);
  builder.AddElement<int64_t>(Table::VT_START_REALTIME_NS, interval.start_realtime_ns, 0);
  builder.AddElement<uint64_t>(Table::VT_END_NS, interval.end_ns, 0);
  builder.AddElement<uint64_t>(Table::VT_START_NS, interval.start_ns, 0);
  for (size_t i = offsets.size(); i > 0; --i) {
    builder.AddOffset(flatbuffers::FieldIndexToOffset(uint16_t(i - 1)), offsets[i - 1]);
  }
  builder.AddElement<uint32_t>(Table::VT_NUMBER, interval.number, 0);
  builder.Finish(flatbuffers::Offset<Table>(builder.EndTable(start)));
}

MaybeFault UnpackInterval(std::span<const uint8_t> payload, MemoryBudget& budget,
                          Interval& interval) {
  if (!IsFlatBuffer<wire::Interval>(payload)) return MalformedFlatBuffer();
  const auto* table = RootOf<wire::Interval>(payload);
  interval.number = table->number();
  interval.start_ns = table->start_ns();
  interval.end_ns = table->end_ns();
  interval.start_realtime_ns = table->start_realtime_ns();
  interval.quantum_ns = table->quantum_ns();
  if (!budget.Take(1, sizeof(Interval))) return TooMuchMemory();
  MaybeFault fault;
  [&]<size_t... t>(std::index_sequence<t...>) {
    static_cast<void>((... || (fault = UnpackRowTable<t>(*table, budget, interval))));
  }
  (kTables);
  if (fault) return fault;
  if (table->cost() != nullptr) interval.cost = UnpackCost(*table->cost());
  return std::nullopt;
}

MaybeFault AddInterval(const Interval& interval, Progress& progress) {
  TWOFOLD_RETURN_IF_FAULT(CheckTimes(interval, progress));
  Totals totals = progress.totals;
  MaybeFault fault;
  ForEachRowTable([&](const auto& table) {
    using Row = RowOf<decltype(table)>;
    const auto* rows = table.Find(interval);
    if (rows == nullptr || fault) return;
    fault = RowKind<Row>::CheckTable(interval, totals);
    if (fault) return;
    fault = CheckRows(*rows, progress.defined, std::get<RowTotals<Row>>(totals.rows));
  });
  if (fault) return fault;
  TWOFOLD_RETURN_IF_FAULT(CheckCost(interval.cost, totals));
  progress.totals = totals;
  progress.intervals += 1;
  progress.next_interval = interval.number + 1;
  progress.end_ns = interval.end_ns;
  return std::nullopt;
}

DefinitionCounts HighestIds(const Interval& interval) {
  DefinitionCounts highest;
  ForEachRow(interval, [&](const auto& row) {
    ForEachReference(row, [&]<typename Identifier>(Identifier id) {
      uint32_t& last = highest.*CountOf<Identifier>();
      last = std::max(last, id.value);
    });
  });
  return highest;
}

}  // namespace twofold::records
