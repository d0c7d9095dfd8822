// twofold symbolize: a capture again, with what debug files tell of its stacks.
#include <sys/stat.h>

#include <deque>

#include "analyzer/cli/interrupt.h"
#include "analyzer/cli/progress_line.h"
#include "analyzer/cli/words.h"
#include "analyzer/commands/folding.h"
#include "analyzer/data/cut_short.h"
#include "analyzer/data/losses.h"
#include "analyzer/symbolize/ask_debug_files.h"
#include "analyzer/symbolize/symbolized_capture.h"
#include "format/base/bytes.h"
#include "format/base/input_file.h"
#include "format/base/units.h"
#include "format/merged_file.h"

namespace twofold {
namespace {

constexpr char kUsualFolder[] = "/usr/lib/debug";
// So many files without debug information are named.
constexpr size_t kMaxNamed = 10;

void AddOptions(OptionSet& options) {
  options.Values("debug-dir", "DIR",
                 "look for debug files below DIR; may be given more than once (default: "
                 "/usr/lib/debug)");
  options.Value("output", "FILE", "the capture to write; - for a pipe", 'o');
  options.Flag("force", "replace FILE if it exists");
  options.Flag("strict", "exit with 3 when the capture is partial or has losses");
}

// A capture that can be written again: whole, or whole up to where it was cut short.
Result<Capture> ReadWhole(const CaptureList& list, size_t index, const std::string& name) {
  const Member& member = list.members[index];
  TWOFOLD_ASSIGN_OR_RETURN(Capture capture, ReadMember(list, index, name));
  if (!capture.damages.empty() &&
      (IsUnreadable(capture) || !IsOnlyCutShort(capture, member.bytes))) {
    const Damage& damage = capture.damages.front();
    const std::string where = list.is_merged ? member.name + " in " + name : name;
    return Error{"the capture is damaged, and written again it would look whole: " + damage.what,
                 where + " at byte " + std::to_string(damage.offset_bytes),
                 "Transfer the capture again from the host that recorded it"};
  }
  return capture;
}

// How many frames without a name got one.
uint64_t NamesGained(const Capture& capture, const FoundPlaces& found) {
  uint64_t gained = 0;
  for (const Frame& frame : capture.definitions.frames) {
    if (frame.symbol.value != 0) continue;
    auto file = found.find(capture.String(capture.GetModule(frame.module).build_id));
    if (file == found.end()) continue;
    for (bool is_caller : {false, true}) {
      const SourcePlace* place = file->second.Find({frame.offset, is_caller});
      if (place == nullptr || place->frames.front().function == 0) continue;
      ++gained;
      break;
    }
  }
  return gained;
}

std::string Summary(const Capture& capture, const AskedDebugFiles& asked) {
  uint64_t all = 0;
  for (const DebugFileReport& report : asked.reports) all += report.places;
  uint64_t with_line = 0;
  uint64_t inlined = 0;
  for (const auto& [build_id, file] : asked.found) {
    for (const SourcePlace& place : file.answers.places) {
      if (place.frames.empty()) continue;
      if (place.frames.back().line != 0) ++with_line;
      inlined += place.frames.size() - 1;
    }
  }
  return "debug files for " + FormatCount(int64_t(asked.found.size())) + " of " +
         FormatCount(asked.reports.size(), " file", " files") + ": " +
         FormatCount(int64_t(with_line)) + " of " + FormatCount(all, " place", " places") +
         " in code with a source line, " +
         FormatCount(NamesGained(capture, asked.found), " new name", " new names") + ", " +
         FormatCount(inlined, " inlined call", " inlined calls");
}

void SayMissing(const std::vector<DebugFileReport>& reports) {
  size_t named = 0;
  size_t missing = 0;
  for (const DebugFileReport& report : reports) {
    if (!report.debug_path.empty()) continue;
    ++missing;
    if (named == kMaxNamed) continue;
    ++named;
    Say("no debug file for build id " + report.build_id + ": " + report.module_path + " (" +
        FormatCount(report.places, " place", " places") + ")");
  }
  if (missing > named) {
    Say("and for " + FormatCount(missing - named, " more file", " more files") +
        "; 'twofold info --modules' lists those whose names are missing");
  }
}

// What became of one capture, to be told when all is written.
struct Outcome {
  std::string summary;
  std::vector<DebugFileReport> reports;
  uint64_t inlined_left_out = 0;
  bool cut_short = false;
  bool incomplete = false;
};

Result<Outcome> SymbolizeInto(const Capture& capture, DebugFolders& folders,
                              const std::string& target, ByteSink& sink) {
  AskedDebugFiles asked;
  {
    ProgressLine line;
    asked = AskDebugFiles(capture, StackUses(capture), folders, [&](uint64_t done, uint64_t all) {
      line.Show("reading debug files", done, all);
    });
  }
  if (IsInterrupted()) {
    return Error{"stopped by a signal; no capture was written", target, ""};
  }
  Result<SymbolizedCounts> counts = WriteSymbolized(capture, asked.found, sink);
  if (!counts) {
    Error error = counts.error();
    if (error.where.empty()) error.where = target;
    return error;
  }
  Outcome outcome;
  outcome.summary = Summary(capture, asked);
  outcome.reports = std::move(asked.reports);
  outcome.inlined_left_out = counts->inlined_left_out;
  outcome.cut_short = !capture.end;
  outcome.incomplete = capture.partial() || HasLosses(capture);
  return outcome;
}

void SayOutcome(const Outcome& outcome, const std::string& prefix) {
  Say(prefix + outcome.summary);
  for (const DebugFileReport& report : outcome.reports) {
    if (!report.problem.empty()) Say(report.debug_path + ": " + report.problem);
  }
  SayMissing(outcome.reports);
  if (outcome.inlined_left_out > 0) {
    Say(prefix + FormatCount(outcome.inlined_left_out, " inlined frame is", " inlined frames are") +
        " left out: stacks have at most 1024 frames");
  }
  if (outcome.cut_short) Say(prefix + "the capture was cut short, and so is the new one");
}

// Symbolizes each capture of a file; several become a merged file again.
Result<std::vector<Outcome>> SymbolizeAll(const CaptureList& list, const std::string& name,
                                          DebugFolders& folders, OutputFile& output) {
  std::vector<Outcome> outcomes;
  std::deque<MemorySink> sinks;  // stay where they are
  std::vector<Member> members;
  for (size_t i = 0; i < list.members.size(); ++i) {
    TWOFOLD_ASSIGN_OR_RETURN(Capture capture, ReadWhole(list, i, name));
    ByteSink& sink = list.is_merged ? static_cast<ByteSink&>(sinks.emplace_back()) : output;
    TWOFOLD_ASSIGN_OR_RETURN(Outcome outcome, SymbolizeInto(capture, folders, output.path(), sink));
    outcomes.push_back(std::move(outcome));
    if (list.is_merged) {
      members.push_back({list.members[i].name, AsBytes(sinks.back().bytes), {}});
    }
  }
  if (list.is_merged) TWOFOLD_RETURN_IF_ERROR(WriteMerged(members, output));
  return outcomes;
}

Result<ExitStatus> Run(const Arguments& arguments) {
  if (arguments.positionals().size() != 1) {
    return Error{arguments.positionals().empty() ? "no capture is given" : "one capture is enough",
                 "", "", Error::Kind::kUsage};
  }
  if (!arguments.Has("output")) {
    return Error{"the new capture needs a name", "", "Give -o FILE, or -o - for a pipe",
                 Error::Kind::kUsage};
  }
  std::vector<std::string> paths = arguments.All("debug-dir");
  struct stat status;
  // Where no debug package is installed there is no such folder, which says the same as an empty
  // one.
  if (paths.empty() && stat(kUsualFolder, &status) == 0) paths.emplace_back(kUsualFolder);
  TWOFOLD_ASSIGN_OR_RETURN(DebugFolders folders, DebugFolders::Open(paths));
  // An unfinished capture is removed when `output` goes.
  InterruptGuard guard;
  TWOFOLD_ASSIGN_OR_RETURN(OutputFile output, CreateOutput(arguments));
  const std::string& path = arguments.positionals()[0];
  const std::string name = path == "-" ? "standard input" : path;
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes,
                           ReadInputFile(path, ReadLimits{}.max_file_bytes));
  TWOFOLD_ASSIGN_OR_RETURN(CaptureList list, ListCaptures(bytes, name));
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<Outcome> outcomes,
                           SymbolizeAll(list, name, folders, output));
  TWOFOLD_RETURN_IF_ERROR(output.Commit());

  bool incomplete = false;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    SayOutcome(outcomes[i], list.is_merged ? list.members[i].name + ": " : "");
    incomplete = incomplete || outcomes[i].incomplete;
  }
  for (const std::string& note : folders.notes()) Say(note);
  return incomplete && arguments.Has("strict") ? ExitStatus::kIncomplete : ExitStatus::kDone;
}

}  // namespace

const Command kSymbolizeCommand = {
    "symbolize",
    "add functions, source lines and inlined calls from debug files",
    "[--debug-dir DIR]... -o FILE CAPTURE",
    "Writes the capture again, with more names: for the programs and libraries that it names by "
    "build id it looks for debug files, with and without the code in them, below each DIR: as "
    "distributions and debuginfod keep them, or anywhere else. A file of another build is never "
    "taken. Times and all else stay as they are; what no debug file tells stays as recorded, so "
    "that more files can be added later. 'twofold fold --lines' and 'flame --lines' show the "
    "lines.",
    "twofold symbolize -o named.twofold host.twofold\n"
    "twofold symbolize --debug-dir . -o named.twofold host.twofold\n"
    "twofold symbolize --debug-dir . -o - host.twofold | twofold fold --lines -",
    AddOptions,
    Run,
};

}  // namespace twofold
