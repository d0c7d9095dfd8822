// The tabular output "csv": all columns, for spreadsheets and scripts.
#include "analyzer/output/csv.h"
#include "analyzer/tabular/output.h"
#include "format/base/escape_text.h"

namespace twofold {

Result<void> WriteCsvTable(const Tabular& tabular, ByteSink& sink) {
  std::vector<std::string> names;
  for (const TabularColumn& column : tabular.columns) {
    if (!column.name.empty()) names.push_back(column.name);
  }
  std::string text = CsvLine(names);
  for (const std::vector<TabularCell>& row : tabular.rows) {
    std::vector<std::string> cells;
    for (size_t i = 0; i < row.size(); ++i) {
      if (tabular.columns[i].name.empty()) continue;
      cells.emplace_back();
      if (const int64_t* number = std::get_if<int64_t>(&row[i])) {
        cells.back() = std::to_string(*number);
      } else if (const std::string* words = std::get_if<std::string>(&row[i])) {
        cells.back() = EscapeText(*words);
      } else if (const Structure* structure = std::get_if<Structure>(&row[i])) {
        cells.back() = structure->line;
      }
    }
    text += CsvLine(cells);
  }
  return sink.Append(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

}  // namespace twofold
