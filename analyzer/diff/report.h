// A diff as a table: for people in at most 80 columns, and in full for programs.
#pragma once

#include <string>

#include "analyzer/diff/diff.h"
#include "analyzer/tabular/tabular.h"

namespace twofold {

struct DiffReportOptions {
  size_t limit = 16;  // how many rows of each part people see; 0: all
};

Tabular MakeDiffTable(const Diff& diff, const DiffSides& sides, const View& view,
                      const DiffReportOptions& options);

// "CPU time per CPU-second".
std::string DescribeCosts(const View& view, Per per);

// A cost as people read it: "12.3 ms" (per second), or "1.2 %" as a share.
std::string FormatCost(double cost, Per per);

// "more", "less", "new", "gone"; of changes that are not flagged "same?" and why nothing can be
// told: "few samples", "few intervals", "no time", "not flagged".
std::string_view VerdictOf(const Change& change, bool flags);

}  // namespace twofold
