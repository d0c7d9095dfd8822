// The virtual-table module behind CreateCaptureTables. https://sqlite.org/vtab.html describes the
// callbacks. Looking a row up by its primary key takes constant time; everything else scans.
#include "analyzer/data/capture_tables.h"

#include <algorithm>
#include <charconv>
#include <new>

namespace twofold {
namespace {

constexpr int kScan = 0;
constexpr int kByKey = 1;

struct Table : sqlite3_vtab {
  CaptureSource* source = nullptr;
  const CaptureTable* table = nullptr;
  size_t rows = 0;
  int64_t first_key = 0;
};

struct Cursor : sqlite3_vtab_cursor {
  size_t row = 0;
  size_t end = 0;
};

// Arguments: module, database, table name, then the index into CaptureTables().
int Connect(sqlite3* handle, void* client, int argc, const char* const* argv, sqlite3_vtab** result,
            char** message) {
  size_t index = 0;
  const std::vector<CaptureTable>& tables = CaptureTables();
  std::string_view argument = argc > 3 ? argv[3] : "";
  std::from_chars(argument.data(), argument.data() + argument.size(), index);
  if (argc != 4 || index >= tables.size()) {
    *message = sqlite3_mprintf("no such table of a capture");
    return SQLITE_ERROR;
  }
  const CaptureTable& table = tables[index];
  std::string declaration = "CREATE TABLE t (";
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) declaration += ", ";
    declaration += table.columns[i].declaration;
  }
  declaration += ")";
  int status = sqlite3_declare_vtab(handle, declaration.c_str());
  if (status != SQLITE_OK) return status;
  sqlite3_vtab_config(handle, SQLITE_VTAB_INNOCUOUS);

  Table* made = new (std::nothrow) Table();
  if (made == nullptr) return SQLITE_NOMEM;
  made->source = static_cast<CaptureSource*>(client);
  made->table = &table;
  made->rows = table.row_count(*made->source);
  if (made->rows > 0) made->first_key = table.columns[0].value(*made->source, 0).number;
  *result = made;
  return SQLITE_OK;
}

int Disconnect(sqlite3_vtab* table) {
  delete static_cast<Table*>(table);
  return SQLITE_OK;
}

int BestIndex(sqlite3_vtab* base, sqlite3_index_info* info) {
  const Table& table = *static_cast<Table*>(base);
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& constraint = info->aConstraint[i];
    bool on_key = constraint.iColumn == 0 || constraint.iColumn == -1;
    if (!constraint.usable || !on_key || constraint.op != SQLITE_INDEX_CONSTRAINT_EQ) continue;
    info->aConstraintUsage[i].argvIndex = 1;
    info->idxNum = kByKey;
    info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
    info->estimatedCost = 1;
    info->estimatedRows = 1;
    return SQLITE_OK;
  }
  info->idxNum = kScan;
  info->estimatedRows = static_cast<sqlite3_int64>(table.rows);
  info->estimatedCost = double(table.rows) + 10;
  bool by_key_upwards =
      info->nOrderBy == 1 && info->aOrderBy[0].iColumn <= 0 && info->aOrderBy[0].desc == 0;
  if (by_key_upwards) info->orderByConsumed = 1;
  return SQLITE_OK;
}

int Open(sqlite3_vtab*, sqlite3_vtab_cursor** result) {
  *result = new (std::nothrow) Cursor();
  return *result != nullptr ? SQLITE_OK : SQLITE_NOMEM;
}

int Close(sqlite3_vtab_cursor* cursor) {
  delete static_cast<Cursor*>(cursor);
  return SQLITE_OK;
}

int Filter(sqlite3_vtab_cursor* base, int plan, const char*, int argc, sqlite3_value** argv) {
  Cursor& cursor = *static_cast<Cursor*>(base);
  const Table& table = *static_cast<Table*>(base->pVtab);
  cursor.row = 0;
  cursor.end = table.rows;
  if (plan == kByKey) {
    cursor.end = 0;
    // A key that is no number finds nothing; SQLite itself drops what 1.5 finds.
    int type = argc == 1 ? sqlite3_value_numeric_type(argv[0]) : SQLITE_NULL;
    if (type == SQLITE_INTEGER || type == SQLITE_FLOAT) {
      int64_t key = sqlite3_value_int64(argv[0]);
      bool inside = key >= table.first_key && uint64_t(key - table.first_key) < table.rows;
      if (inside) {
        cursor.row = size_t(key - table.first_key);
        cursor.end = cursor.row + 1;
      }
    }
  }
  return SQLITE_OK;
}

int Next(sqlite3_vtab_cursor* base) {
  Cursor& cursor = *static_cast<Cursor*>(base);
  ++cursor.row;
  CaptureSource& source = *static_cast<Table*>(base->pVtab)->source;
  source.rows_read.store(source.rows_read.load(std::memory_order_relaxed) + 1,
                         std::memory_order_relaxed);
  return SQLITE_OK;
}

int AtEnd(sqlite3_vtab_cursor* base) {
  const Cursor& cursor = *static_cast<Cursor*>(base);
  return cursor.row >= cursor.end ? 1 : 0;
}

int ReadColumn(sqlite3_vtab_cursor* base, sqlite3_context* context, int column) {
  const Cursor& cursor = *static_cast<Cursor*>(base);
  const Table& table = *static_cast<Table*>(base->pVtab);
  ColumnValue value = table.table->columns[size_t(column)].value(*table.source, cursor.row);
  switch (value.kind) {
    case ColumnValue::Kind::kNull:
      sqlite3_result_null(context);
      break;
    case ColumnValue::Kind::kInt:
      sqlite3_result_int64(context, value.number);
      break;
    case ColumnValue::Kind::kText:
      sqlite3_result_text64(context, value.text.data() != nullptr ? value.text.data() : "",
                            value.text.size(), SQLITE_STATIC, SQLITE_UTF8);
      break;
  }
  return SQLITE_OK;
}

int RowId(sqlite3_vtab_cursor* base, sqlite3_int64* row_id) {
  const Cursor& cursor = *static_cast<Cursor*>(base);
  *row_id = static_cast<Table*>(base->pVtab)->first_key + int64_t(cursor.row);
  return SQLITE_OK;
}

const sqlite3_module& VirtualTableModule() {
  static const sqlite3_module module = [] {
    sqlite3_module m{};
    m.xCreate = Connect;
    m.xConnect = Connect;
    m.xBestIndex = BestIndex;
    m.xDisconnect = Disconnect;
    m.xDestroy = Disconnect;
    m.xOpen = Open;
    m.xClose = Close;
    m.xFilter = Filter;
    m.xNext = Next;
    m.xEof = AtEnd;
    m.xColumn = ReadColumn;
    m.xRowid = RowId;
    return m;
  }();
  return module;
}

}  // namespace

Result<void> CreateCaptureTables(Database& database, CaptureSource& source,
                                 bool as_temporary_source) {
  if (sqlite3_create_module_v2(database.handle(), "twofold_capture", &VirtualTableModule(), &source,
                               nullptr) != SQLITE_OK) {
    return Error{"SQLite does not take the capture's tables", "", ""};
  }
  const std::vector<CaptureTable>& tables = CaptureTables();
  for (size_t i = 0; i < tables.size(); ++i) {
    std::string name =
        as_temporary_source ? std::string("temp.source_") + tables[i].name : tables[i].name;
    TWOFOLD_RETURN_IF_ERROR(database.Execute("CREATE VIRTUAL TABLE " + name +
                                             " USING twofold_capture(" + std::to_string(i) + ")"));
  }
  return {};
}

}  // namespace twofold
