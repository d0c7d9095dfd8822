#include "analyzer/data/database.h"

namespace twofold {
namespace {

Error SqliteError(sqlite3* handle, const std::string& fallback) {
  Error error;
  error.what = handle != nullptr ? std::string("SQLite says: ") + sqlite3_errmsg(handle) : fallback;
  return error;
}

// A path as the file part of a "file:" URI.
std::string UriPath(const std::string& path) {
  static const char kHex[] = "0123456789abcdef";
  std::string uri = path.empty() || path[0] == '/' ? "file://" : "file:";
  for (unsigned char c : path) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '/' || c == '.' || c == '-' || c == '_';
    if (plain) {
      uri += char(c);
    } else {
      uri += '%';
      uri += kHex[c >> 4];
      uri += kHex[c & 15];
    }
  }
  return uri;
}

}  // namespace

Result<bool> Statement::Step() {
  if (handle_ == nullptr) return false;
  int status = sqlite3_step(handle_.get());
  if (status == SQLITE_ROW) return true;
  if (status == SQLITE_DONE) return false;
  return SqliteError(sqlite3_db_handle(handle_.get()), "SQLite failed");
}

std::string_view Statement::ColumnName(int column) const {
  const char* name = sqlite3_column_name(handle_.get(), column);
  return name != nullptr ? name : "";
}

std::string_view Statement::Text(int column) const {
  const unsigned char* text = sqlite3_column_text(handle_.get(), column);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text), size_t(sqlite3_column_bytes(handle_.get(), column))};
}

Error Database::LastError() const { return SqliteError(handle_.get(), "SQLite is out of memory"); }

Result<Database> Database::Open(const std::string& name, int flags) {
  sqlite3* handle = nullptr;
  // One thread alone uses a Database, so SQLite needs no locks.
  int status = sqlite3_open_v2(name.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database;
  database.handle_.reset(handle);
  if (status != SQLITE_OK) return database.LastError();
  sqlite3_extended_result_codes(handle, 1);
  return database;
}

Result<Database> Database::OpenMemory() {
  TWOFOLD_ASSIGN_OR_RETURN(Database database,
                           Open(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
  TWOFOLD_RETURN_IF_ERROR(database.Execute("PRAGMA temp_store = MEMORY"));
  return database;
}

Result<Database> Database::OpenForLoading(const std::string& path) {
  TWOFOLD_ASSIGN_OR_RETURN(
      Database database,
      Open(UriPath(path), SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI | SQLITE_OPEN_NOFOLLOW));
  TWOFOLD_RETURN_IF_ERROR(
      database.Execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
                       "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -65536; "
                       "PRAGMA temp_store = MEMORY"));
  return database;
}

Result<Database> Database::OpenUntrusted(const std::string& path) {
  TWOFOLD_ASSIGN_OR_RETURN(Database database, Open(UriPath(path) + "?mode=ro&immutable=1",
                                                   SQLITE_OPEN_READONLY | SQLITE_OPEN_URI));
  sqlite3* handle = database.handle();
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 64 << 20);
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
  TWOFOLD_RETURN_IF_ERROR(
      database.Execute("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA query_only = ON; "
                       "PRAGMA temp_store = MEMORY"));
  return database;
}

Result<void> Database::Execute(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return LastError();
  }
  return {};
}

Result<Statement> Database::Prepare(std::string_view sql, const std::vector<SqlValue>& parameters,
                                    std::string_view* rest) {
  sqlite3_stmt* handle = nullptr;
  const char* tail = nullptr;
  int status = sqlite3_prepare_v2(handle_.get(), sql.data(), int(sql.size()), &handle, &tail);
  Statement statement;
  statement.handle_.reset(handle);
  if (status != SQLITE_OK) return LastError();
  if (rest != nullptr) {
    *rest = sql.substr(size_t(tail - sql.data()));
  } else if (handle == nullptr) {
    return Error{"the query is empty", "", "", Error::Kind::kUsage};
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    int index = int(i) + 1;
    if (const int64_t* number = std::get_if<int64_t>(&parameters[i])) {
      status = sqlite3_bind_int64(handle, index, *number);
    } else {
      const std::string& text = std::get<std::string>(parameters[i]);
      status = sqlite3_bind_text64(handle, index, text.data(), text.size(), SQLITE_TRANSIENT,
                                   SQLITE_UTF8);
    }
    if (status != SQLITE_OK) return LastError();
  }
  return statement;
}

Result<int64_t> Database::QueryInt(std::string_view sql, const std::vector<SqlValue>& parameters) {
  TWOFOLD_ASSIGN_OR_RETURN(Statement statement, Prepare(sql, parameters));
  TWOFOLD_ASSIGN_OR_RETURN(bool row, statement.Step());
  return row ? statement.Int(0) : 0;
}

Result<void> Database::Close() {
  sqlite3* handle = handle_.release();
  if (sqlite3_close(handle) != SQLITE_OK) {
    handle_.reset(handle);
    return LastError();
  }
  return {};
}

}  // namespace twofold
