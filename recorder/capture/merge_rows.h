// Rows of a capture that refer to the same become one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "format/records/row_fields.h"

namespace twofold {

// Sorts rows by what they refer to and adds up those that refer to the same: two hashes may name
// stacks that differ only in frames which the capture does not show.
template <typename Row>
void MergeRows(std::vector<Row>& rows) {
  std::sort(rows.begin(), rows.end(),
            [](const Row& a, const Row& b) { return KeyOf(a) < KeyOf(b); });
  size_t kept = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (kept > 0 && KeyOf(rows[kept - 1]) == KeyOf(rows[i])) {
      AddRow(rows[kept - 1], rows[i]);
    } else {
      rows[kept++] = rows[i];
    }
  }
  rows.resize(kept);
}

}  // namespace twofold
