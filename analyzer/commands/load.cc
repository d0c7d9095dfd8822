// twofold load: captures into a database that stays. The database grows under a temporary name and
// appears under its own only when it is whole.
#include "analyzer/cli/interrupt.h"
#include "analyzer/cli/progress_line.h"
#include "analyzer/cli/words.h"
#include "analyzer/commands/command.h"
#include "analyzer/data/input.h"
#include "analyzer/data/losses.h"
#include "format/base/input_file.h"
#include "format/base/output_file.h"
#include "format/base/units.h"
#include "format/capture_reader.h"

namespace twofold {
namespace {

Error Stopped(const std::string& path) {
  return Error{"stopped by a signal; the unfinished database was removed", path, ""};
}

void AddOptions(OptionSet& options) {
  options.Value("output", "FILE", "the database to make; must not exist", 'o');
  options.Flag("strict", "exit with 3 when a capture is partial or has losses");
}

Result<void> LoadAll(Database& database, const std::vector<std::string>& paths) {
  ProgressLine line;
  auto cancelled = [] { return IsInterrupted(); };
  for (size_t i = 0; i < paths.size(); ++i) {
    const std::string& path = paths[i];
    std::string what = "loading " + path;
    if (paths.size() > 1) {
      what += " (" + std::to_string(i + 1) + " of " + std::to_string(paths.size()) + ")";
    }
    auto progress = [&](uint64_t done, uint64_t total) { line.Show(what, done, total); };
    progress(0, 1);
    Result<std::vector<uint8_t>> bytes = ReadInputFile(path, ReadLimits{}.max_file_bytes);
    if (IsInterrupted()) return Stopped(path);
    if (!bytes) return std::move(bytes).error();
    progress(0, 1);
    Result<void> copied = CopyFile(database, *bytes, path, progress, cancelled);
    if (IsInterrupted()) return Stopped(path);
    TWOFOLD_RETURN_IF_ERROR(copied);
  }
  auto progress = [&](uint64_t done, uint64_t total) { line.Show("making indexes", done, total); };
  Result<void> indexed = CreateIndexes(database, progress, cancelled);
  if (IsInterrupted()) return Stopped(paths.back());
  if (!indexed) {
    return Error{"cannot make the indexes: " + indexed.error().what, "",
                 "Check that the disk of the database is not full"};
  }
  return {};
}

Result<ExitStatus> Run(const Arguments& arguments) {
  const std::vector<std::string>& paths = arguments.positionals();
  if (paths.empty()) return Error{"no capture is given", "", "", Error::Kind::kUsage};
  std::string target = arguments.Get("output");
  if (target.empty() || target == "-") {
    return Error{"a database needs a file to live in", "", "Give -o FILE", Error::Kind::kUsage};
  }
  InterruptGuard guard;
  TWOFOLD_ASSIGN_OR_RETURN(OutputFile output, OutputFile::Create(target));
  // Errors from here on remove the temporary file when `output` goes. Devices and pipes have none.
  std::string temporary = target + ".partial";
  Result<Database> database = Database::OpenForLoading(temporary);
  if (!database) {
    return Error{"cannot make a database here: " + database.error().what, target,
                 "Give -o the name of a file on a disk"};
  }
  TWOFOLD_RETURN_IF_ERROR(CreateSchema(*database));
  TWOFOLD_RETURN_IF_ERROR(LoadAll(*database, paths));
  if (IsInterrupted()) return Stopped(target);
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<std::string> notes, PartialNotes(*database));
  TWOFOLD_ASSIGN_OR_RETURN(bool losses, HasLosses(*database));
  TWOFOLD_ASSIGN_OR_RETURN(int64_t captures, database->QueryInt("SELECT count(*) FROM capture"));
  TWOFOLD_RETURN_IF_ERROR(database->Close());
  TWOFOLD_RETURN_IF_ERROR(output.Commit());

  for (const std::string& note : notes) Say(note);
  Say("wrote " + target + " (" + FormatCount(uint64_t(captures), " capture", " captures") + ")");
  bool incomplete = !notes.empty() || losses;
  return incomplete && arguments.Has("strict") ? ExitStatus::kIncomplete : ExitStatus::kDone;
}

}  // namespace

const Command kLoadCommand = {
    "load",
    "captures into an SQLite database that stays",
    "-o FILE [--strict] CAPTURE...",
    "Makes an SQLite database of one or more captures, for 'twofold sql' and any other tool that "
    "reads SQLite; docs/sql.md describes its tables and views. A merged file counts as the "
    "captures in it. An existing file is never "
    "replaced, and a database that could not be finished is removed.",
    "twofold load -o host.db host.twofold\n"
    "twofold load -o both.db before.twofold after.twofold",
    AddOptions,
    Run,
};

}  // namespace twofold
