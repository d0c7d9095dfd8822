// Whether a capture recorded what a view shows.
#pragma once

#include <string>

#include "analyzer/data/database.h"
#include "analyzer/fold/view.h"
#include "format/base/result.h"

namespace twofold {

// Error: no capture in the database recorded it; says how to record it. Names no file.
Result<void> CheckRecorded(Database& database, const View& view, bool with_waiting);

// What captures of the view "events" counted: "cycles", "page-faults". Empty: there are none.
Result<std::string> EventName(Database& database);

// The view that a capture is shown in where none is asked for: time on a CPU, or events where no
// capture has time.
Result<const View*> DefaultView(Database& database);

}  // namespace twofold
