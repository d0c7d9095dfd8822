// SQLite with owned handles and errors as values. Everything that the analyzer asks of SQLite goes
// through here.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "format/base/result.h"

namespace twofold {

// A value for a `?` of a query.
using SqlValue = std::variant<int64_t, std::string>;

// A prepared query. Views of text that it gives are valid until the next Step.
class Statement {
 public:
  // True: a row is there. False: the query is done. Error: SQLite's sentence.
  Result<bool> Step();

  int column_count() const { return sqlite3_column_count(handle_.get()); }
  std::string_view ColumnName(int column) const;
  bool IsNull(int column) const {
    return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
  }
  int Type(int column) const { return sqlite3_column_type(handle_.get(), column); }
  int64_t Int(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  double Real(int column) const { return sqlite3_column_double(handle_.get(), column); }
  std::string_view Text(int column) const;

  // False where the text held only blanks and comments.
  bool has_query() const { return handle_ != nullptr; }

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

class Database {
 public:
  static Result<Database> OpenMemory();

  // Opens an existing empty file for bulk loading: no journal, nothing synchronous. Whoever calls
  // it throws the file away after an error.
  static Result<Database> OpenForLoading(const std::string& path);

  // Opens a file that nobody vouches for: read-only, defensive, with no trust in its schema.
  static Result<Database> OpenUntrusted(const std::string& path);

  // Runs statements that give no rows.
  Result<void> Execute(const std::string& sql);

  // Prepares the first statement of `sql` and binds `parameters` in order. `rest`, if given,
  // receives what follows the statement. An empty statement gives an Error, or, with `rest`, a
  // Statement with no columns that is done at once.
  Result<Statement> Prepare(std::string_view sql, const std::vector<SqlValue>& parameters = {},
                            std::string_view* rest = nullptr);

  // The integer in the first column of the first row; 0 when it is NULL or there is no row.
  Result<int64_t> QueryInt(std::string_view sql, const std::vector<SqlValue>& parameters = {});

  // Closes and says whether everything reached the file.
  Result<void> Close();

  sqlite3* handle() const { return handle_.get(); }

 private:
  struct CloseHandle {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  static Result<Database> Open(const std::string& name, int flags);
  Error LastError() const;

  std::unique_ptr<sqlite3, CloseHandle> handle_;
};

// Calls `use(row)` for each row of a query. `use` gives nothing, or a Result<void> whose error ends
// the reading.
template <typename Use>
Result<void> ForEachRow(Statement& rows, Use use) {
  while (true) {
    TWOFOLD_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return {};
    if constexpr (std::is_void_v<decltype(use(rows))>) {
      use(rows);
    } else {
      TWOFOLD_RETURN_IF_ERROR(use(rows));
    }
  }
}

template <typename Use>
Result<void> ForEachRow(Database& database, std::string_view sql,
                        const std::vector<SqlValue>& parameters, Use use) {
  TWOFOLD_ASSIGN_OR_RETURN(Statement rows, database.Prepare(sql, parameters));
  return ForEachRow(rows, use);
}

}  // namespace twofold
