// Comma-separated values as RFC 4180 has them.
#pragma once

#include <string>
#include <vector>

namespace twofold {

// One line with its CRLF. Cells with a comma, a quote, or a line break are quoted. A text that a
// spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return, and is
// no number) gets a quote mark ' in front.
std::string CsvLine(const std::vector<std::string>& cells);

}  // namespace twofold
