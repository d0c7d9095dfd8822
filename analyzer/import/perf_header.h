// The header line of a sample that 'perf script' or simpleperf prints. Which fields it has is
// chosen by -F, and a line alone does not tell: "dd 4000 1000" may be a command, a thread and a
// period, or a frame at the address 0xdd. But all lines of a file have the same fields, so they are
// told from many lines at once.
//
//   comm  4242/4243 [001] 15880.119773:   10101010 cpu-clock:ppp:   559b17ece18b inner+0x22
//   (/bin/x) comm  pid/tid   cpu   time            period   event            frame, of samples
//   without stack
#pragma once

#include <optional>
#include <string_view>

#include "analyzer/import/imported_capture.h"

namespace twofold {

// Which fields the lines of a file have. Others are there or not from line to line, and told apart
// beside a time or an event.
struct PerfFields {
  bool comm = false;
  bool thread = false;  // "4243", "4242/4243" or "-1"
  bool time = false;
  bool event = false;
  bool period = false;
  // Samples end with an empty line; else each line is one.
  bool has_stacks = false;
};

struct PerfHeader {
  ImportedThread thread;
  std::optional<int64_t> time_ns;
  std::optional<uint64_t> period;
  std::string_view event;
  // Of a sample without a stack of its own.
  std::optional<ImportedFrame> frame;
};

// What the first lines tell. nullopt: the text is none of 'perf script'.
std::optional<PerfFields> FindPerfFields(std::string_view text);

// Error: the line is no header of such fields.
std::optional<PerfHeader> ParsePerfHeader(std::string_view line, const PerfFields& fields);

// Whether it tells of a process, a mapping or the like, as with --show-task-events.
bool IsPerfRecord(std::string_view line);

// An event's name without modifiers: "cycles" of "cycles:u", but "sched:sched_switch".
std::string_view PerfEventName(std::string_view event);

}  // namespace twofold
