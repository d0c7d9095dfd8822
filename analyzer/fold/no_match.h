// What to say when filters leave nothing: which of them is at fault, as far as that can be told,
// and what was probably meant.
#pragma once

#include <string>
#include <vector>

#include "analyzer/data/database.h"
#include "analyzer/fold/filter.h"
#include "format/base/result.h"

namespace twofold {

// `what` is left out by the filters together: "no time matches the filters". Where one of the
// conditions matches nothing that the captures hold, the error (kFailed) says so instead.
// Returns another error if the database cannot be read.
Error NothingMatches(Database& database, const std::vector<Condition>& conditions,
                     const std::string& what);

}  // namespace twofold
