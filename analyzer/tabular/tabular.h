// Tables: what is best read as rows and columns, not as stacks. A tabular view makes one from a
// database, with the filters of views of stacks; a tabular output writes it; either works with all
// of the other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "analyzer/text/table.h"

namespace twofold {

enum class CellKind {
  kText,
  kNumber,    // an id or a count
  kDuration,  // nanoseconds
  kShare,     // nanoseconds; people read it as per cent of the row's duration
};

struct TabularColumn {
  std::string name;     // for programs, with its unit: "woken_ns"; empty: for people only
  std::string heading;  // for people; empty: for programs only
  CellKind kind;
};

// What is more than one value: stacks, chains. Its texts are escaped.
struct Structure {
  std::string json;  // a JSON value
  std::string line;  // the same for a cell of CSV
};

// Nothing, a number, a text as recorded, not yet escaped, or a structure.
using TabularCell = std::variant<std::monostate, int64_t, std::string, Structure>;

struct Tabular {
  std::string caption;             // a line for people
  std::vector<std::string> notes;  // what is missing, a sentence each
  std::vector<TabularColumn> columns;
  std::vector<std::vector<TabularCell>> rows;  // in their order; cells as columns
  std::vector<TabularCell>
      rest;  // what the rows left out by a limit sum to, for people; may be empty
  std::vector<TabularCell> total;  // the same over all rows, for people
  std::string text;  // for people, where rows and columns are not what they read best: instead of
                     // caption, columns, rows and total. Escaped, as wide as the request says
  size_t width = kUnlimitedWidth;  // of the table for people
};

}  // namespace twofold
