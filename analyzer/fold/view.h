// Views: what a stack's weight means. A view is an SQL view in sql/views/ with the columns
// thread_id, user_stack_id, kernel_stack_id, state, interval_id, loss, special_frame and its value,
// plus one line in the list in view.cc. Outputs and filters work on any view.
#pragma once

#include <string_view>
#include <vector>

#include "format/base/result.h"

namespace twofold {

enum class Unit { kNanoseconds };

// Colours of pictures: warm for work, cool for waiting.
enum class Palette { kWarm, kCool };

struct View {
  std::string_view name;          // as --view has it, and the SQL view's name
  std::string_view title;         // of pictures
  std::string_view summary;       // for --help
  std::string_view source;        // what must have been recorded: --record's word
  std::string_view value_column;  // of the SQL view
  Unit unit;
  Palette palette;
};

// All views, in the order in which --help shows them.
const std::vector<View>& Views();

// Error: the name is unknown; suggests one.
Result<const View*> FindView(std::string_view name);

}  // namespace twofold
