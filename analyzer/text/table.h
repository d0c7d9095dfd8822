// Aligned tables for a terminal.
#pragma once

#include <string>
#include <vector>

namespace twofold {

enum class Align { kLeft, kRight };

// Of tables that are not cut.
constexpr size_t kUnlimitedWidth = size_t{1} << 30;

struct TableColumn {
  std::string heading;  // empty in all columns: no heading line
  Align align = Align::kLeft;
};

// Lines of cells with `gap` spaces between columns; cells are escaped by EscapeText. The widest
// column is shortened with an ellipsis where a line would be wider than `width` (0: never).
std::string FormatTable(const std::vector<TableColumn>& columns,
                        const std::vector<std::vector<std::string>>& rows, size_t indent = 0,
                        size_t width = 0, size_t gap = 2);

// `part` columns of a table of that width, but as many as are needed where it is not cut.
constexpr size_t PartOf(size_t width, size_t part) {
  return width == kUnlimitedWidth ? width : part;
}

// `text`, which is escaped, cut to `width` terminal columns with an ellipsis at its end.
std::string Shorten(const std::string& text, size_t width);

}  // namespace twofold
