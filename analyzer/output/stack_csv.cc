// The output "csv": a row for each stack, for spreadsheets and scripts. The stack is as in the
// output "folded", with ';' between its frames.
#include "analyzer/output/csv.h"
#include "analyzer/output/output.h"
#include "analyzer/output/text_sink.h"

namespace twofold {

Result<void> WriteStackCsv(const Folded& folded, const Presentation&, ByteSink& sink) {
  TextSink out(sink);
  TWOFOLD_RETURN_IF_ERROR(
      out.Append(CsvLine({"time_ns", "count", "first_frame", "last_frame", "stack"})));
  PathWalker walker(folded);
  for (const FoldedStack& stack : folded.stacks) {
    walker.MoveTo(stack);
    std::string frames;
    for (uint32_t name : walker.path()) {
      if (!frames.empty()) frames += ';';
      frames += WithoutSemicolons(folded.Text(name));
    }
    TWOFOLD_RETURN_IF_ERROR(
        out.Append(CsvLine({std::to_string(stack.value), std::to_string(stack.count),
                            std::string(folded.Text(walker.path().front())),
                            std::string(folded.Text(walker.path().back())), std::move(frames)})));
  }
  return out.Flush();
}

}  // namespace twofold
