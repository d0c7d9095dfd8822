// What the files that define the capture's tables share. Numbers are clamped to what SQL's 64-bit
// integers hold; ids that are 0 in the capture ("none") are NULL.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <vector>

#include "analyzer/data/capture_tables.h"

namespace twofold::columns {

inline ColumnValue Null() { return {}; }
inline ColumnValue Int(int64_t number) { return {ColumnValue::Kind::kInt, number, {}}; }
inline ColumnValue Clamped(uint64_t number) {
  return Int(int64_t(std::min<uint64_t>(number, INT64_MAX)));
}
inline ColumnValue ClampedOrNull(uint64_t number) { return number == 0 ? Null() : Clamped(number); }
inline ColumnValue Text(std::string_view text) { return {ColumnValue::Kind::kText, 0, text}; }
inline ColumnValue TextOrNull(std::string_view text) { return text.empty() ? Null() : Text(text); }
inline ColumnValue Key(uint32_t id, int64_t offset) { return id == 0 ? Null() : Int(id + offset); }

inline ColumnValue Counted(size_t row, int64_t offset) { return Int(int64_t(row) + 1 + offset); }
inline ColumnValue ThreadKey(const CaptureSource& source, ThreadId thread) {
  return Int(thread.value + source.offsets.thread);
}
inline ColumnValue StackKey(const CaptureSource& source, StackId stack) {
  return Key(stack.value, source.offsets.stack);
}
inline ColumnValue Flag(bool is_set) { return Int(is_set ? 1 : 0); }
inline ColumnValue IntervalKey(const CaptureSource& source, uint32_t index) {
  return Int(index + 1 + source.offsets.interval);
}

// For CaptureTable::offset of tables that hold no rows of an interval.
template <int64_t IdOffsets::*member>
int64_t* OffsetIn(IdOffsets& offsets) {
  return &(offsets.*member);
}

// Row `row` of all rows of a kind, and its table's first two columns.
template <typename Row>
const Row& RowAt(const CaptureSource& source, size_t row) {
  const RowPlace& place = source.PlacesOf<Row>()[row];
  const auto& table = std::get<RowTableIndex<Row>()>(kRowTables);
  return (*table.Find(source.capture.intervals[place.interval]))[place.row];
}
template <typename Row>
const Interval& IntervalAt(const CaptureSource& source, size_t row) {
  return source.capture.intervals[source.PlacesOf<Row>()[row].interval];
}
template <typename Row>
size_t CountRows(const CaptureSource& source) {
  return source.PlacesOf<Row>().size();
}
template <typename Row>
int64_t* OffsetOf(IdOffsets& offsets) {
  return &offsets.rows[RowTableIndex<Row>()];
}
template <typename Row>
ColumnValue OwnKey(const CaptureSource& source, size_t row) {
  return Counted(row, source.offsets.Of<Row>());
}
template <typename Row>
ColumnValue OwnInterval(const CaptureSource& source, size_t row) {
  return IntervalKey(source, source.PlacesOf<Row>()[row].interval);
}

// A column that shows a field of a row as it is: Of<&BlockedRow::time_ns>.
template <std::unsigned_integral Number>
ColumnValue Shown(const CaptureSource&, Number value) {
  return Clamped(value);
}
inline ColumnValue Shown(const CaptureSource& source, ThreadId id) { return ThreadKey(source, id); }
inline ColumnValue Shown(const CaptureSource& source, StackId id) { return StackKey(source, id); }
inline ColumnValue Shown(const CaptureSource& source, ChainId id) {
  return Key(id.value, source.offsets.chain);
}
inline ColumnValue Shown(const CaptureSource& source, StringId id) {
  return Text(source.capture.String(id));
}
template <typename Row, typename T>
Row RowOfMember(T Row::*);
template <auto member>
ColumnValue Of(const CaptureSource& source, size_t row) {
  return Shown(source, RowAt<decltype(RowOfMember(member))>(source, row).*member);
}

// Tables of what rows refer to: capture, damage, module, frame, stack, process, thread.
std::vector<CaptureTable> FactTables();

// Tables of wakers and their chains.
std::vector<CaptureTable> WakerTables();

// Tables of what lies in intervals: interval, cpu_sample, those of the functions below, account,
// detail_step, loss, cost.
std::vector<CaptureTable> RowTables();

// The table event_sample: events that are no time.
std::vector<CaptureTable> EventTables();

// Tables of hardware events: counter_sample, counter.
std::vector<CaptureTable> CounterTables();

// Tables of time off the CPU: blocked, waiting, unplaced, wait_count, exemplar, cpu_time.
std::vector<CaptureTable> OffCpuTables();

// Tables of memory: allocation, outstanding.
std::vector<CaptureTable> MemoryTables();

// Tables of what TCP sent again: retransmit, retransmit_event.
std::vector<CaptureTable> RetransmitTables();

// The table exec_call: executed programs.
std::vector<CaptureTable> ExecTables();

// Tables of interrupts: interrupt, thread_interrupt.
std::vector<CaptureTable> IrqTables();

// The table page_fault.
std::vector<CaptureTable> PageFaultTables();

}  // namespace twofold::columns
