// Whether a capture recorded what a view shows.
#pragma once

#include "analyzer/data/database.h"
#include "analyzer/fold/view.h"
#include "format/base/result.h"

namespace twofold {

// Error: no capture in the database recorded it; says how to record it. Names no file.
Result<void> CheckRecorded(Database& database, const View& view, bool with_waiting);

}  // namespace twofold
