// What pictures say of where they are from: host, file, time, and the filters that were given.
#pragma once

#include <string>
#include <vector>

#include "analyzer/data/database.h"
#include "analyzer/fold/filter.h"
#include "format/base/options.h"
#include "format/base/result.h"

namespace twofold {

// "Host web1, web1.twofold, recorded 2026-01-31 12:30:05 UTC, processes 812"; of several captures
// how many, of which hosts, and from when to when. `conditions` that choose intervals choose
// captures. Not yet escaped.
Result<std::string> DescribeOrigin(Database& database, const std::vector<Condition>& conditions);

// The options of filters as a shell reads them: "--comm 'tar*' --state D". Empty: none was given.
std::string FiltersText(const Arguments& arguments);

}  // namespace twofold
