// Losses of the captures in a database, with what the registry (format/losses.h) says about them.
#pragma once

#include <string>
#include <vector>

#include "analyzer/data/database.h"
#include "format/base/result.h"
#include "format/capture.h"
#include "format/losses.h"

namespace twofold {

struct LossTotal {
  LossInfo info;
  std::string source;
  int64_t count = 0;
  int64_t time_ns = 0;
  bool in_rows = false;  // as in the table loss
};

// Sums over the intervals of one capture, the severest first.
Result<std::vector<LossTotal>> LossTotals(Database& database, int64_t capture_id);

// Whether anything worse than a notice was lost in any capture of the database.
Result<bool> HasLosses(Database& database);
bool HasLosses(const Capture& capture);

}  // namespace twofold
