#include "analyzer/data/input.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "analyzer/sql/sql_text.h"
#include "format/base/input_file.h"
#include "format/base/units.h"
#include "format/capture_reader.h"
#include "format/merged_file.h"

namespace twofold {
namespace {

// As in sql/schema.sql, which has the schema's version as well.
constexpr int64_t kApplicationId = 845573220;

std::string BaseName(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string ShownPath(const std::string& path) { return path == "-" ? "standard input" : path; }

// Whether a file begins as SQLite's do. Files that cannot be read are left to the capture reader,
// which says why.
bool LooksLikeDatabase(const std::string& path) {
  static constexpr char kMagic[16] = {'S', 'Q', 'L', 'i', 't', 'e', ' ', 'f',
                                      'o', 'r', 'm', 'a', 't', ' ', '3', '\0'};
  if (path == "-") return false;
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return false;
  char head[sizeof(kMagic)] = {};
  ssize_t got = pread(fd, head, sizeof(head), 0);
  close(fd);
  return got == ssize_t(sizeof(head)) && memcmp(head, kMagic, sizeof(head)) == 0;
}

// The text of a whole schema, in a fixed order.
Result<std::string> SchemaText(Database& database) {
  std::string text;
  TWOFOLD_RETURN_IF_ERROR(
      ForEachRow(database,
                 "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema "
                 "WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name",
                 {}, [&](const Statement& row) {
                   for (int column = 0; column < 4; ++column) {
                     text += row.Text(column);
                     text += '\n';
                   }
                 }));
  return text;
}

Result<Database> OpenStrangersDatabase(const std::string& path) {
  const char* remedy = "Make one with 'twofold load -o NEW.db CAPTURE'";
  Result<Database> database = Database::OpenUntrusted(path);
  if (!database) {
    return Error{"cannot open the database: " + database.error().what, path, remedy};
  }
  Result<int64_t> application = database->QueryInt("PRAGMA application_id");
  if (!application) {
    return Error{"cannot read the database: " + application.error().what, path, remedy};
  }
  if (*application != kApplicationId) {
    return Error{"this SQLite database was not made by 'twofold load'", path, remedy};
  }
  TWOFOLD_ASSIGN_OR_RETURN(Database reference, Database::OpenMemory());
  TWOFOLD_RETURN_IF_ERROR(CreateSchema(reference));
  TWOFOLD_ASSIGN_OR_RETURN(int64_t version, database->QueryInt("PRAGMA user_version"));
  TWOFOLD_ASSIGN_OR_RETURN(int64_t readable, reference.QueryInt("PRAGMA user_version"));
  if (version != readable) {
    return Error{"the database has schema version " + std::to_string(version) +
                     ", this program reads version " + std::to_string(readable),
                 path, "Load the captures again with this program"};
  }
  TWOFOLD_RETURN_IF_ERROR(CreateIndexes(reference));
  TWOFOLD_ASSIGN_OR_RETURN(std::string wanted, SchemaText(reference));
  Result<std::string> found = SchemaText(*database);
  if (!found) return Error{"cannot read the database: " + found.error().what, path, remedy};
  if (wanted != *found) {
    return Error{"the database's tables or views are not those that 'twofold load' makes", path,
                 "Don't trust it; load the captures again"};
  }
  return database;
}

// Ids of the next capture go on from the largest ones.
Result<IdOffsets> NextOffsets(Database& database) {
  IdOffsets offsets;
  for (const CaptureTable& table : CaptureTables()) {
    if (table.offset == nullptr) continue;
    const std::string& first = table.columns[0].declaration;
    TWOFOLD_ASSIGN_OR_RETURN(int64_t largest,
                             database.QueryInt("SELECT max(" + first.substr(0, first.find(' ')) +
                                               ") FROM " + table.name));
    *table.offset(offsets) = largest;
  }
  return offsets;
}

// While it lives, SQLite calls `work` now and then, and stops with an error when that gives true.
class ProgressHandler {
 public:
  ProgressHandler(Database& database, std::function<bool()> work)
      : database_(database), work_(std::move(work)) {
    sqlite3_progress_handler(database_.handle(), kSteps, Call, this);
  }
  ~ProgressHandler() { sqlite3_progress_handler(database_.handle(), 0, nullptr, nullptr); }
  ProgressHandler(const ProgressHandler&) = delete;
  ProgressHandler& operator=(const ProgressHandler&) = delete;

 private:
  static constexpr int kSteps = 100000;  // of SQLite's machine
  static int Call(void* self) { return static_cast<ProgressHandler*>(self)->work_() ? 1 : 0; }

  Database& database_;
  std::function<bool()> work_;
};

Result<void> CopyRows(Database& database) {
  TWOFOLD_RETURN_IF_ERROR(database.Execute("BEGIN"));
  for (const CaptureTable& table : CaptureTables()) {
    std::string name = table.name;
    TWOFOLD_RETURN_IF_ERROR(
        database.Execute("INSERT INTO main." + name + " SELECT * FROM temp.source_" + name));
  }
  TWOFOLD_RETURN_IF_ERROR(database.Execute("COMMIT"));
  for (const CaptureTable& table : CaptureTables()) {
    TWOFOLD_RETURN_IF_ERROR(database.Execute(std::string("DROP TABLE temp.source_") + table.name));
  }
  return {};
}

}  // namespace

Result<void> CreateSchema(Database& database) {
  TWOFOLD_RETURN_IF_ERROR(database.Execute(std::string(kSchemaSql)));
  return database.Execute(std::string(kViewsSql));
}

Result<void> CreateIndexes(Database& database, const Progress& progress,
                           const std::function<bool()>& cancelled) {
  std::string_view rest = kIndexesSql;
  uint64_t total = uint64_t(std::count(rest.begin(), rest.end(), ';'));
  uint64_t done = 0;
  ProgressHandler handler(database, [&] {
    if (progress) progress(done, total);
    return cancelled && cancelled();
  });
  for (; !rest.empty(); ++done) {
    if (progress) progress(done, total);
    TWOFOLD_ASSIGN_OR_RETURN(Statement statement, database.Prepare(rest, {}, &rest));
    TWOFOLD_RETURN_IF_ERROR(statement.Step());
  }
  return {};
}

Result<void> CopyCapture(Database& database, const Capture& capture, const std::string& file_name,
                         const Progress& progress, const std::function<bool()>& cancelled) {
  TWOFOLD_ASSIGN_OR_RETURN(int64_t captures,
                           database.QueryInt("SELECT max(capture_id) FROM capture"));
  TWOFOLD_ASSIGN_OR_RETURN(IdOffsets offsets, NextOffsets(database));
  CaptureSource source(capture, BaseName(file_name), captures + 1, offsets);
  TWOFOLD_RETURN_IF_ERROR(CreateCaptureTables(database, source, true));

  uint64_t total = source.TotalRows();
  ProgressHandler handler(database, [&] {
    if (progress) progress(source.rows_read.load(std::memory_order_relaxed), total);
    return cancelled && cancelled();
  });
  return CopyRows(database);
}

Result<void> CopyFile(Database& database, std::span<const uint8_t> bytes, const std::string& path,
                      const Progress& progress, const std::function<bool()>& cancelled) {
  const std::string name = ShownPath(path);
  TWOFOLD_ASSIGN_OR_RETURN(CaptureList list, ListCaptures(bytes, name));
  bool any = false;
  // One after the other, so that the memory of one is enough.
  for (size_t i = 0; i < list.members.size(); ++i) {
    TWOFOLD_ASSIGN_OR_RETURN(Capture capture, ReadMember(list, i, name));
    any = any || !IsUnreadable(capture);
    if (cancelled && cancelled()) return Error{"stopped", path, ""};
    Result<void> copied = CopyCapture(
        database, capture, list.is_merged ? list.members[i].name : path, progress, cancelled);
    if (!copied) {
      return Error{"cannot store the capture: " + copied.error().what, path,
                   "Check that the disk of the database is not full"};
    }
  }
  if (any) return {};
  return Error{"none of the captures in the merged file can be read", name,
               "'twofold verify' says why of each"};
}

Result<Input> OpenInput(const std::string& path, TableKind kind) {
  Input input;
  if (LooksLikeDatabase(path)) {
    TWOFOLD_ASSIGN_OR_RETURN(Database database, OpenStrangersDatabase(path));
    input.database = std::move(database);
    return input;
  }
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes,
                           ReadInputFile(path, ReadLimits{}.max_file_bytes));
  const std::string name = ShownPath(path);
  TWOFOLD_ASSIGN_OR_RETURN(CaptureList list, ListCaptures(bytes, name));
  TWOFOLD_ASSIGN_OR_RETURN(Database database, Database::OpenMemory());
  input.database = std::move(database);
  if (list.is_merged || kind == TableKind::kCopied) {
    TWOFOLD_RETURN_IF_ERROR(CreateSchema(input.database));
    TWOFOLD_RETURN_IF_ERROR(CopyFile(input.database, bytes, path, {}, {}));
    TWOFOLD_RETURN_IF_ERROR(CreateIndexes(input.database));
    return input;
  }
  TWOFOLD_ASSIGN_OR_RETURN(Capture capture, ReadMember(list, 0, name));
  input.capture = std::make_unique<Capture>(std::move(capture));
  input.source = std::make_unique<CaptureSource>(*input.capture, BaseName(path), 1, IdOffsets{});
  TWOFOLD_RETURN_IF_ERROR(CreateCaptureTables(input.database, *input.source, false));
  TWOFOLD_RETURN_IF_ERROR(input.database.Execute(std::string(kViewsSql)));
  return input;
}

Result<std::vector<std::string>> PartialNotes(Database& database) {
  // One row per damage, or one row with NULLs. That a capture was cut short is itself a damage, at
  // the end of the file: it gets a better sentence here.
  std::vector<std::string> notes;
  std::string last_name;
  TWOFOLD_RETURN_IF_ERROR(ForEachRow(
      database,
      "SELECT capture.file_name, capture.end_reason IS NULL, "
      "       (SELECT max(number) FROM interval WHERE interval.capture_id = capture.capture_id), "
      "       capture.window_ns, damage.offset_bytes, damage.description "
      "FROM capture LEFT JOIN damage ON damage.capture_id = capture.capture_id "
      "  AND NOT (capture.end_reason IS NULL AND damage.offset_bytes >= capture.file_bytes) "
      "WHERE capture.is_partial ORDER BY capture.capture_id, damage.damage_id",
      {}, [&](const Statement& row) {
        std::string name(row.Text(0));
        std::string shown = name == "-" ? "the capture" : name;
        bool cut_short = row.Int(1) != 0;
        bool has_damage = !row.IsNull(4);
        if (cut_short && (notes.empty() || name != last_name)) {
          std::string note = shown + " is partial: cut short ";
          note += row.IsNull(2) ? "before the first interval was written"
                                : "after interval " + std::to_string(row.Int(2)) + " (" +
                                      FormatDuration(row.Int(3)) + ")";
          notes.push_back(std::move(note));
        }
        if (has_damage) {
          notes.push_back(shown + " is damaged at byte " + std::to_string(row.Int(4)) + ": " +
                          std::string(row.Text(5)));
        }
        last_name = name;
      }));
  return notes;
}

}  // namespace twofold
