// Views: what a stack is made of and what its weight means. A view is an SQL view in sql/views/
// with the columns thread_id, user_stack_id, kernel_stack_id, state, interval_id, loss,
// special_frame and its value, plus one line in the list in view.cc. Views with wakers also need
// chain_id and still_blocked. Outputs and filters work on any view.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/result.h"

namespace twofold {

// kEvents: whatever another tool counted; the capture names it.
enum class Unit { kNanoseconds, kCycles, kBytes, kSegments, kPages, kEvents };

// A view's value divided by another number of the same stacks, both sampled.
struct Ratio {
  std::string_view name;                  // "CPI"
  std::string_view divisor_name;          // "instructions"
  std::string_view one_divisor_name;      // "instruction": what --per of `twofold diff` divides by
  std::string_view divisor_column;        // of the SQL view
  std::string_view divisor_count_column;  // of the SQL view: how many samples
};

// Colours of pictures: warm for work, cool for waiting, green for memory, violet for the network;
// or told by the view's ratio.
enum class Palette { kWarm, kCool, kGreen, kViolet, kByRatio };

// What a stack of a view shows.
enum class StackShape {
  kSleeper,          // the thread whose time it is
  kWaker,            // the first waker
  kSleeperAndWaker,  // the thread whose time it is, and the first waker upside down
  kSleeperAndChain,  // the thread whose time it is, and all wakers upside down
};

// The source of views that show wakers: blocked time, recorded with --wakers.
constexpr std::string_view kWakersSource = "wakers";

// The source of events that another tool counted: 'events:NAME' in a capture.
constexpr std::string_view kEventsSource = "events";

struct View {
  std::string_view name;          // as --view has it
  std::string_view title;         // of pictures
  std::string_view summary;       // for --help
  std::string_view source;        // what must have been recorded: --record's word or kWakersSource
  std::string_view sql_view;      // that its rows come from
  std::string_view value_column;  // of the SQL view
  StackShape shape;
  Unit unit;
  Palette palette;
  const Ratio* ratio = nullptr;
  // What its rows can be filtered by (Filter::column), beside who and when.
  std::vector<std::string_view> filter_columns = {"state"};
  // A condition on its rows that holds as long as no filter selects by that column.
  std::string_view default_filter_column = {};
  std::string_view default_condition = {};
  // Where not empty: an SQL view of signed changes. With a filter of time its rows, added up over
  // that time, take the place of sql_view's.
  std::string_view growth_view = {};
  // Columns of the SQL view that say more about a stack: its value's variance, messages between the
  // first frame and the stack, and one behind it.
  std::string_view variance_column = {};
  std::vector<std::string_view> leading_frames = {};
  std::string_view last_frame = {};
};

// A value of that unit for people: "12.3 ms", "4.56 G cycles", "7.89 MiB", "12 segments", "3
// pages".
std::string FormatValue(Unit unit, uint64_t value);

// The same with its standard error: "12.3 MiB +- 0.4 MiB"; without one where the variance is 0.
std::string FormatEstimate(Unit unit, uint64_t value, double variance);

// For a column of its own: without the unit's name where that would be the same in every row.
std::string FormatCell(Unit unit, uint64_t value);

// "microseconds", "cycles", "bytes", "segments", "pages" or "events": what values are in where they
// are not for people.
std::string_view UnitName(Unit unit);

// "time", "cycles", "memory", "segments", "pages" or "events": what values are of, in sentences.
std::string_view QuantityName(Unit unit);

// Whether the view's stacks begin with what the thread whose time it is waits in.
bool ShowsSleepers(const View& view);

// All views, in the order in which --help shows them. Those of the sources cpu and offcpu divide
// the threads' time among them; those of kWakersSource show blocked time again.
const std::vector<View>& Views();

// Error: the name is unknown; suggests one.
Result<const View*> FindView(std::string_view name);

}  // namespace twofold
