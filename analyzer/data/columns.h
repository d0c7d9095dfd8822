// What the files that define the capture's tables share. Numbers are clamped to what SQL's 64-bit
// integers hold; ids that are 0 in the capture ("none") are NULL.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "analyzer/data/capture_tables.h"

namespace twofold::columns {

inline ColumnValue Null() { return {}; }
inline ColumnValue Int(int64_t number) { return {ColumnValue::Kind::kInt, number, {}}; }
inline ColumnValue Clamped(uint64_t number) {
  return Int(static_cast<int64_t>(std::min<uint64_t>(number, INT64_MAX)));
}
inline ColumnValue ClampedOrNull(uint64_t number) { return number == 0 ? Null() : Clamped(number); }
inline ColumnValue Text(std::string_view text) { return {ColumnValue::Kind::kText, 0, text}; }
inline ColumnValue TextOrNull(std::string_view text) { return text.empty() ? Null() : Text(text); }
inline ColumnValue Key(uint32_t id, int64_t offset) { return id == 0 ? Null() : Int(id + offset); }

inline ColumnValue Counted(size_t row, int64_t offset) {
  return Int(static_cast<int64_t>(row) + 1 + offset);
}
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

// Tables of what rows refer to: capture, damage, module, frame, stack, process, thread.
std::vector<CaptureTable> FactTables();

// Tables of wakers and their chains.
std::vector<CaptureTable> WakerTables();

// Tables of what lies in intervals: interval, cpu_sample, those of the functions below, account,
// loss, cost.
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

}  // namespace twofold::columns
