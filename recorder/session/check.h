// `twofold-record --check`: what this host can record and what not, and why; found by trying, with
// the code that records.
#pragma once

#include <string>
#include <vector>

#include "recorder/sources/finding.h"

namespace twofold {

struct CheckReport {
  std::vector<Finding> host;    // facts alone
  std::vector<Finding> needed;  // what the default recording cannot do without
  std::vector<Finding> more;    // what costs only itself when it is missing
};

// Tries everything; takes a second, and leaves nothing behind.
CheckReport CheckHost();

// Whether the default recording works.
bool Works(const CheckReport& report);

// Lines of 80 columns at the most, and a last one that sums it up.
std::string CheckText(const CheckReport& report);

}  // namespace twofold
