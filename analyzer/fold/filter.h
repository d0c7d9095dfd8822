// Filters: which rows of a view count. A filter is an option and a condition on the view's columns,
// in a file of its own in fold/filters/, plus one line in the list in filter.cc. Values reach SQL
// as bound parameters only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analyzer/data/database.h"
#include "format/base/result.h"

namespace twofold {

struct Filter;

struct Condition {
  std::string sql;  // on the columns of a view: "thread_id IN (...)"
  std::vector<SqlValue> parameters;
  bool selects_by_time = false;         // lost time has an interval, but no thread and no state
  bool selects_part_of_window = false;  // it depends on when, not only on the capture
  const Filter* filter = nullptr;       // that it is of; null: of none
  std::string_view option = {};         // the filter's
  std::string_view column = {};
  std::string value;  // as it was given
};

struct Filter {
  std::string_view option;      // without its dashes
  std::string_view value_name;  // for --help
  std::string_view summary;     // for --help
  std::string_view column;      // of the view, that it selects by
  // Error: the option's value is wrong (kUsage; names the option).
  Result<Condition> (*make)(const std::string& value);
  // SQL: the names that a value may be or match, for suggestions; empty: they are no names.
  std::string_view names_sql = {};
};

// All filters, in the order in which --help shows them.
const std::vector<const Filter*>& Filters();

// The condition of a filter. Error: as of Filter::make.
Result<Condition> MakeCondition(const Filter& filter, const std::string& value);

// "?, ?, ?" for `count` parameters.
std::string Placeholders(size_t count);

// The numbers of "12,345". Error: something else; says so as of `option`.
Result<std::vector<SqlValue>> ParseNumbers(const std::string& value, std::string_view option);

}  // namespace twofold
