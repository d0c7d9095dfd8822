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

enum class Unit { kNanoseconds, kCycles };

// A view's value divided by another number of the same stacks, both sampled.
struct Ratio {
  std::string_view name;                  // "CPI"
  std::string_view divisor_name;          // "instructions"
  std::string_view one_divisor_name;      // "instruction": what --per of `twofold diff` divides by
  std::string_view divisor_column;        // of the SQL view
  std::string_view divisor_count_column;  // of the SQL view: how many samples
};

// Colours of pictures: warm for work, cool for waiting; or told by the view's ratio.
enum class Palette { kWarm, kCool, kByRatio };

// What a stack of a view shows.
enum class StackShape {
  kSleeper,          // the thread whose time it is
  kWaker,            // the first waker
  kSleeperAndWaker,  // the thread whose time it is, and the first waker upside down
  kSleeperAndChain,  // the thread whose time it is, and all wakers upside down
};

// The source of views that show wakers: blocked time, recorded with --wakers.
constexpr std::string_view kWakersSource = "wakers";

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
};

// A value of that unit for people: "12.3 ms", "4.56 G cycles".
std::string FormatValue(Unit unit, uint64_t value);

// "microseconds" or "cycles": what values are in where they are not for people.
std::string_view UnitName(Unit unit);

// "time" or "cycles": what values are of, in sentences.
std::string_view QuantityName(Unit unit);

// All views, in the order in which --help shows them. Those of the sources cpu and offcpu divide
// the threads' time among them; those of kWakersSource show blocked time again.
const std::vector<View>& Views();

// Error: the name is unknown; suggests one.
Result<const View*> FindView(std::string_view name);

}  // namespace twofold
