// A diff as a table: for people as wide as asked for, and in full for programs.
#pragma once

#include <string>

#include "analyzer/diff/diff.h"
#include "analyzer/tabular/tabular.h"

namespace twofold {

struct DiffReportOptions {
  size_t limit = 16;               // how many rows of each part people see; 0: all
  size_t width = kUnlimitedWidth;  // of what people see
};

Tabular MakeDiffTable(const Diff& diff, const DiffSides& sides, const View& view,
                      const DiffReportOptions& options);

// "more", "less", "new", "gone"; of changes that are not flagged "same?" and why nothing can be
// told: "few samples", "few intervals", "only after", "no time", "not judged".
std::string VerdictOf(const Change& change, const View& view, bool flags);

}  // namespace twofold
