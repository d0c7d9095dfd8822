// Tabular outputs: how a table is written. One is a function in a file of its own in
// tabular/outputs/, plus one line in the list in output.cc; it works for every tabular view.
#pragma once

#include <string_view>
#include <vector>

#include "analyzer/tabular/tabular.h"
#include "format/base/byte_sink.h"
#include "format/base/result.h"

namespace twofold {

struct TabularOutput {
  std::string_view name;     // as --format has it
  std::string_view summary;  // for --help
  Result<void> (*write)(const Tabular& tabular, ByteSink& sink);
  bool for_people = false;  // it has headings, captions and texts instead of names
};

// All tabular outputs, in the order in which --help shows them.
const std::vector<TabularOutput>& TabularOutputs();

// Error: the name is unknown; suggests one.
Result<const TabularOutput*> FindTabularOutput(std::string_view name);

// Aligned text, as wide as Tabular::width, with a caption, headings and a last line with totals.
Result<void> WriteTextTable(const Tabular& tabular, ByteSink& sink);

// RFC 4180: a heading line with the columns' names, times in nanoseconds, empty cells for nothing.
Result<void> WriteCsvTable(const Tabular& tabular, ByteSink& sink);

// An array with an object for each row: the columns' names, times in nanoseconds, null for nothing.
// Texts are escaped by EscapeText, as in every other output.
Result<void> WriteJsonTable(const Tabular& tabular, ByteSink& sink);

}  // namespace twofold
