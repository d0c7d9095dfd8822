// Reads tables whose ids count 1, 2, 3 ..., as those that `twofold load` and captures have. A
// database may come from a stranger, so that is checked.
#pragma once

#include <cstdint>
#include <string>

#include "analyzer/data/database.h"
#include "format/base/result.h"

namespace twofold {

// The error of an id that is not there.
inline Error IdGap(const char* table) {
  return Error{std::string("the ids of the table ") + table + " are not those of 'twofold load'",
               "", "Load the captures again"};
}

// Calls `use(row)`, which gives a Result<void>, for each row in the order of its id, column 0.
template <typename Use>
Result<void> ReadDenseTable(Database& database, const char* table, const char* sql, Use use) {
  TWOFOLD_ASSIGN_OR_RETURN(Statement statement, database.Prepare(sql));
  for (int64_t id = 1;; ++id) {
    TWOFOLD_ASSIGN_OR_RETURN(bool row, statement.Step());
    if (!row) return {};
    if (statement.Int(0) != id) return IdGap(table);
    TWOFOLD_RETURN_IF_ERROR(use(statement));
  }
}

// Whether `id`, as SQL gives it, is one of a vector's elements.
template <typename Element>
bool IsIndexOf(int64_t id, const std::vector<Element>& elements) {
  return id >= 0 && size_t(id) < elements.size();
}

}  // namespace twofold
