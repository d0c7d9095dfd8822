// The output "csv": a row for each stack, for spreadsheets and scripts. The stack is as in the
// output "folded", with ';' between its frames.
#include <cmath>

#include "analyzer/output/csv.h"
#include "analyzer/output/output.h"
#include "analyzer/output/text_sink.h"

namespace twofold {

Result<void> WriteStackCsv(const Folded& folded, const Presentation& presentation, ByteSink& sink) {
  TextSink out(sink);
  const View& view = *presentation.view;
  std::vector<std::string> heading = {
      view.unit == Unit::kNanoseconds ? "time_ns" : std::string(UnitName(view.unit)), "count"};
  if (folded.page_bytes != 0) heading.emplace_back("bytes");
  const bool has_error = !view.variance_column.empty();
  if (view.ratio != nullptr) {
    heading.emplace_back(view.ratio->divisor_column);
    heading.emplace_back(view.ratio->divisor_count_column);
  }
  if (has_error) heading.push_back("standard_error_" + std::string(UnitName(view.unit)));
  heading.insert(heading.end(), {"first_frame", "last_frame", "stack"});
  TWOFOLD_RETURN_IF_ERROR(out.Append(CsvLine(heading)));
  PathWalker walker(folded);
  for (const FoldedStack& stack : folded.stacks) {
    walker.MoveTo(stack);
    std::string frames;
    for (uint32_t name : walker.path()) {
      if (!frames.empty()) frames += ';';
      frames += WithoutSemicolons(folded.Text(name));
    }
    std::vector<std::string> cells = {std::to_string(stack.value), std::to_string(stack.count)};
    if (auto bytes = folded.BytesOf(stack.value)) cells.push_back(std::to_string(*bytes));
    if (view.ratio != nullptr) {
      cells.push_back(std::to_string(stack.divisor));
      cells.push_back(std::to_string(stack.divisor_count));
    }
    if (has_error) cells.push_back(std::to_string(std::llround(std::sqrt(stack.variance))));
    cells.emplace_back(folded.Text(walker.path().front()));
    cells.emplace_back(folded.Text(walker.path().back()));
    cells.push_back(std::move(frames));
    TWOFOLD_RETURN_IF_ERROR(out.Append(CsvLine(cells)));
  }
  return out.Flush();
}

}  // namespace twofold
