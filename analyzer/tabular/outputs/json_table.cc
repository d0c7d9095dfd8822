// The tabular output "json": an array of objects, one line each.
#include "analyzer/tabular/output.h"
#include "analyzer/text/json.h"

namespace twofold {
Result<void> WriteJsonTable(const Tabular& tabular, ByteSink& sink) {
  std::string text = "[";
  const char* before_row = "\n";
  for (const std::vector<TabularCell>& row : tabular.rows) {
    text += before_row;
    text += "{";
    const char* before_cell = "";
    for (size_t i = 0; i < row.size(); ++i) {
      if (tabular.columns[i].name.empty()) continue;
      text += before_cell + JsonText(tabular.columns[i].name) + ": ";
      if (const int64_t* number = std::get_if<int64_t>(&row[i])) {
        text += std::to_string(*number);
      } else if (const std::string* words = std::get_if<std::string>(&row[i])) {
        text += JsonText(*words);
      } else if (const Structure* structure = std::get_if<Structure>(&row[i])) {
        text += structure->json;
      } else {
        text += "null";
      }
      before_cell = ", ";
    }
    text += "}";
    before_row = ",\n";
  }
  text += tabular.rows.empty() ? "]\n" : "\n]\n";
  return sink.Append(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

}  // namespace twofold
