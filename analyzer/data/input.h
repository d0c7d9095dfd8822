// What a command reads: a capture, or a database that `twofold load` made. Both become a Database
// with the tables and views of sql/.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "analyzer/data/capture_tables.h"
#include "analyzer/data/database.h"
#include "format/base/result.h"
#include "format/capture.h"

namespace twofold {

enum class TableKind {
  kInPlace,  // virtual tables over the capture: nothing is copied; for queries that scan
  kCopied,   // real tables with indexes; for queries of any kind
};

struct Input {
  // Members are destroyed in reverse order: the database goes before what it reads from.
  std::unique_ptr<Capture> capture;       // null: the input is a database or a merged file
  std::unique_ptr<CaptureSource> source;  // of TableKind::kInPlace
  Database database;
};

// Opens a capture ("-": standard input), a merged file, or a database. The captures of a merged
// file are copied, whatever `kind` says. Error: names the path and the way out.
Result<Input> OpenInput(const std::string& path, TableKind kind);

// Tells how far a copy is, in rows; called now and then.
using Progress = std::function<void(uint64_t rows_done, uint64_t rows_total)>;

// Creates tables and views (no rows, no indexes) in an empty database.
Result<void> CreateSchema(Database& database);

// Adds a capture to a database with that schema, in one transaction. `file_name` is what the table
// capture calls it. Stops with an Error when `cancelled` returns true.
Result<void> CopyCapture(Database& database, const Capture& capture, const std::string& file_name,
                         const Progress& progress, const std::function<bool()>& cancelled);

// Adds every capture of a file, which holds one or, merged, several. `path` is what errors and, of
// a single capture, the table capture call it. Error: also when none of them can be read.
Result<void> CopyFile(Database& database, std::span<const uint8_t> bytes, const std::string& path,
                      const Progress& progress, const std::function<bool()>& cancelled);

// Creates the indexes, after the last CopyCapture. Progress is in indexes.
Result<void> CreateIndexes(Database& database, const Progress& progress = {},
                           const std::function<bool()>& cancelled = {});

// Says what is missing from partial captures, one sentence for each, and an empty string when all
// are whole: "x.twofold is partial: cut short after interval 7 (8.0 s)".
Result<std::vector<std::string>> PartialNotes(Database& database);

}  // namespace twofold
