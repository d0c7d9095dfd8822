#include "analyzer/text/table.h"

#include <algorithm>
#include <numeric>

#include "format/base/escape_text.h"

namespace twofold {
namespace {

constexpr size_t kNarrowest = 8;

std::string Padded(const std::string& cell, size_t width, Align align) {
  size_t used = DisplayWidth(cell);
  std::string space(width > used ? width - used : 0, ' ');
  return align == Align::kRight ? space + cell : cell + space;
}

}  // namespace

std::string Shorten(const std::string& text, size_t width) {
  if (DisplayWidth(text) <= width) return text;
  std::string out = text;
  while (!out.empty() && DisplayWidth(out) + 1 > width) {
    // A whole UTF-8 character at a time.
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xc0) == 0x80) out.pop_back();
    if (!out.empty()) out.pop_back();
  }
  return width == 0 ? "" : out + "\u2026";
}

std::string FormatTable(const std::vector<TableColumn>& columns,
                        const std::vector<std::vector<std::string>>& rows, size_t indent,
                        size_t width, size_t gap) {
  std::vector<std::vector<std::string>> cells;
  bool has_heading = false;
  for (const TableColumn& column : columns) has_heading = has_heading || !column.heading.empty();
  if (has_heading) {
    cells.emplace_back();
    for (const TableColumn& column : columns) cells.back().push_back(EscapeText(column.heading));
  }
  for (const std::vector<std::string>& row : rows) {
    cells.emplace_back();
    for (const std::string& cell : row) cells.back().push_back(EscapeText(cell));
  }
  std::vector<size_t> widths(columns.size(), 0);
  for (const auto& row : cells) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  auto total = [&] {
    return std::accumulate(widths.begin(), widths.end(), indent) +
           gap * (columns.empty() ? 0 : columns.size() - 1);
  };
  while (width > 0 && total() > width) {
    size_t& widest = *std::max_element(widths.begin(), widths.end());
    if (widest <= kNarrowest) break;
    widest -= std::min(widest - kNarrowest, total() - width);
  }
  std::string text;
  for (const auto& row : cells) {
    std::string line(indent, ' ');
    for (size_t i = 0; i < row.size(); ++i) {
      line += Padded(Shorten(row[i], widths[i]), widths[i], columns[i].align);
      if (i + 1 < row.size()) line.append(gap, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace twofold
