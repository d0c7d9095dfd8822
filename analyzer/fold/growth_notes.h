// What a view of memory leaves out, and what its rows are where they are not what its name says.
#pragma once

#include <string>
#include <vector>

#include "analyzer/data/database.h"
#include "analyzer/fold/filter.h"
#include "analyzer/fold/view.h"
#include "format/base/result.h"

namespace twofold {

// Sentences; none for views that show no growth. Error: the database cannot be read.
Result<std::vector<std::string>> NotesOnGrowth(Database& database, const View& view,
                                               const std::vector<Condition>& conditions);

}  // namespace twofold
