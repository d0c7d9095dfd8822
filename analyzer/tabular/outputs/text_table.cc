// The tabular output "table": for people, on a terminal.
#include <cstdio>
#include <limits>

#include "analyzer/tabular/output.h"
#include "analyzer/text/table.h"
#include "format/base/units.h"

namespace twofold {
namespace {

constexpr size_t kGap = 1;

// At most seven letters: FormatDuration, with long times in seconds, hours or days.
std::string NarrowDuration(int64_t duration_ns) {
  constexpr int64_t kSecond = 1000000000;
  if (duration_ns < 119 * kSecond) return FormatDuration(duration_ns);
  int64_t seconds = duration_ns / kSecond;
  if (seconds < 100000) return std::to_string(seconds) + " s";
  if (seconds < 100000 * int64_t{3600}) return std::to_string(seconds / 3600) + " h";
  return std::to_string(seconds / 86400) + " d";
}

// Per cent without its sign, at most four letters: "100", "12.3", "0.1", "0.04", "0".
std::string NarrowPercent(int64_t part, int64_t whole) {
  if (part == 0) return "0";
  double percent =
      whole > 0 ? 100.0 * double(part) / double(whole) : std::numeric_limits<double>::infinity();
  if (percent < 0.005) return "<.01";
  if (percent > 999) return ">999";
  char text[32];
  int decimals = percent < 0.095 ? 2 : percent < 99.95 ? 1 : 0;
  snprintf(text, sizeof(text), "%.*f", decimals, percent);
  return text;
}

std::string CellText(const TabularCell& cell, CellKind kind, int64_t whole_ns) {
  if (const std::string* text = std::get_if<std::string>(&cell)) return *text;
  const int64_t* number = std::get_if<int64_t>(&cell);
  if (number == nullptr) return kind == CellKind::kShare ? "-" : "";
  if (kind == CellKind::kDuration) return NarrowDuration(*number);
  if (kind == CellKind::kShare) return NarrowPercent(*number, whole_ns);
  return std::to_string(*number);
}

}  // namespace

Result<void> WriteTextTable(const Tabular& tabular, ByteSink& sink) {
  if (!tabular.text.empty()) {
    return sink.Append(
        std::span(reinterpret_cast<const uint8_t*>(tabular.text.data()), tabular.text.size()));
  }
  std::vector<TableColumn> columns;
  for (const TabularColumn& column : tabular.columns) {
    if (column.heading.empty()) continue;
    columns.push_back(
        {column.heading, column.kind == CellKind::kText ? Align::kLeft : Align::kRight});
  }
  std::vector<std::vector<std::string>> lines;
  auto append = [&](const std::vector<TabularCell>& cells) {
    int64_t whole_ns = 0;
    lines.emplace_back();
    for (size_t i = 0; i < cells.size(); ++i) {
      const TabularColumn& column = tabular.columns[i];
      const int64_t* number = std::get_if<int64_t>(&cells[i]);
      if (column.kind == CellKind::kDuration && number != nullptr) whole_ns = *number;
      if (!column.heading.empty())
        lines.back().push_back(CellText(cells[i], column.kind, whole_ns));
    }
  };
  for (const std::vector<TabularCell>& row : tabular.rows) append(row);
  if (!tabular.rest.empty()) append(tabular.rest);
  if (!tabular.total.empty()) append(tabular.total);
  std::string text = tabular.caption + "\n" + FormatTable(columns, lines, 0, tabular.width, kGap);
  return sink.Append(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

}  // namespace twofold
