#include "analyzer/commands/folding.h"

#include <sys/stat.h>

#include "analyzer/cli/words.h"
#include "analyzer/commands/origin.h"
#include "analyzer/data/input.h"
#include "analyzer/data/losses.h"
#include "analyzer/fold/filter.h"
#include "analyzer/fold/growth_notes.h"
#include "analyzer/fold/no_match.h"
#include "analyzer/fold/recorded.h"
#include "analyzer/fold/stack_filter.h"
#include "analyzer/fold/view_rows.h"
#include "format/base/units.h"

namespace twofold {
namespace {

// The view that --runnable adds to.
constexpr std::string_view kRunnableView = "offcpu";

Result<FoldRequest> ParseRequest(const Arguments& arguments, Detail detail) {
  FoldRequest request;
  request.detailed = detail != Detail::kTexts;
  request.by_place = detail == Detail::kPlaces;
  request.by_thread = detail == Detail::kThreads;
  TWOFOLD_ASSIGN_OR_RETURN(const View* view, FindView(arguments.Get("view", "cpu")));
  request.view = view;
  TWOFOLD_ASSIGN_OR_RETURN(RootFrame root, ParseRootFrame(arguments.Get("root", "process")));
  request.root = root;
  request.demangle = !arguments.Has("no-demangle");
  // Outputs with details have the lines beside the names.
  request.lines = arguments.Has("lines") && !request.detailed;
  request.annotate = arguments.Has("annotate") && (!request.detailed || request.by_place);
  request.with_waiting = arguments.Has("runnable");
  if (request.with_waiting && request.view->name != kRunnableView) {
    return Error{"the view " + std::string(request.view->name) + " has no time waiting for a CPU",
                 "--runnable", "Give it with --view " + std::string(kRunnableView),
                 Error::Kind::kUsage};
  }
  for (const Filter* filter : Filters()) {
    if (!arguments.Has(filter->option)) continue;
    TWOFOLD_ASSIGN_OR_RETURN(Condition condition,
                             MakeCondition(*filter, arguments.Get(filter->option)));
    request.conditions.push_back(std::move(condition));
  }
  TWOFOLD_RETURN_IF_ERROR(CheckConditions(*request.view, request.conditions));
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<StackStep> steps,
                           ParseStackFilters(arguments, *request.view));
  request.steps = std::move(steps);
  return request;
}

// When, for how long and how the intervals that the filters select were recorded.
Result<void> DescribeWindow(Database& database, const FoldRequest& request,
                            Presentation& presentation) {
  std::string sql =
      "SELECT sum(end_ns - start_ns), min(start_realtime_ns),"
      " CASE min(cpu_period_ns) WHEN max(cpu_period_ns) THEN min(cpu_period_ns) END"
      " FROM interval WHERE true";
  std::vector<SqlValue> parameters;
  for (const Condition& condition : request.conditions) {
    if (!condition.selects_by_time) continue;
    sql += " AND " + condition.sql;
    parameters.insert(parameters.end(), condition.parameters.begin(), condition.parameters.end());
  }
  TWOFOLD_ASSIGN_OR_RETURN(Statement row, database.Prepare(sql, parameters));
  TWOFOLD_RETURN_IF_ERROR(row.Step());
  presentation.window_ns = row.Int(0);
  presentation.start_realtime_ns = row.Int(1);
  presentation.cpu_period_ns = row.Int(2);
  return {};
}

// What was recorded of chains of wakers, where the view could show more.
Result<std::vector<std::string>> NotesOnChains(Database& database, const View& view) {
  std::vector<std::string> notes;
  if (view.shape != StackShape::kSleeperAndChain) return notes;
  TWOFOLD_ASSIGN_OR_RETURN(int64_t wakers, database.QueryInt("SELECT max(wakers) FROM capture"));
  if (wakers == 1) {
    notes.emplace_back(
        "chains end at the first waker, as recorded; --wakers 8 of twofold-record gives longer "
        "ones");
  }
  return notes;
}

bool IsFiltered(const FoldRequest& request) {
  return !request.conditions.empty() || !request.steps.empty();
}

std::string WhatIsCounted(const View& view) {
  return view.unit == Unit::kCycles ? "sample" : std::string(QuantityName(view.unit));
}

// "no time matches the filters", "no segments match the filters".
std::string NothingMatchesText(const View& view) {
  bool is_many = view.unit == Unit::kSegments || view.unit == Unit::kPages;
  return "no " + WhatIsCounted(view) + (is_many ? " match" : " matches") + " the filters";
}

std::vector<std::string> NotesOn(const Folded& folded, const FoldRequest& request) {
  std::vector<std::string> notes = folded.notes;
  auto amount = [&](uint64_t value) { return FormatValue(request.view->unit, value); };
  if (double variance = folded.Variance(); variance > 0) {
    std::string_view what = request.view->unit == Unit::kPages
                                ? "not every page fault was sampled: "
                                : "small allocations were kept by chance: ";
    notes.push_back(std::string(what) + FormatEstimate(request.view->unit, folded.total, variance));
  }
  if (folded.lost > 0) {
    notes.push_back(amount(folded.lost) + " (" +
                    FormatShare(double(folded.lost), double(folded.total)) +
                    ") were lost while recording and are shown as [lost: ...]");
  }
  if (folded.lost_left_out > 0) {
    notes.push_back(amount(folded.lost_left_out) +
                    " were lost while recording; a part of them may belong to what was selected");
  }
  if (folded.stacks.empty() && !IsFiltered(request)) {
    notes.push_back("the capture holds no " + WhatIsCounted(*request.view) + " in the view " +
                    std::string(request.view->name));
  }
  return notes;
}

}  // namespace

Result<std::vector<StackStep>> ParseStackFilters(const Arguments& arguments, const View& view) {
  std::vector<StackStep> steps;
  for (const StackFilter* filter : StackFilters()) {
    if (!arguments.Has(filter->option)) continue;
    if (filter->of_sleepers && !ShowsSleepers(view)) {
      return Error{"the view " + std::string(view.name) + " does not show what threads wait for",
                   "--" + std::string(filter->option), "Give it with --view offcpu",
                   Error::Kind::kUsage};
    }
    TWOFOLD_ASSIGN_OR_RETURN(StackStep step, filter->make(arguments.Get(filter->option)));
    steps.push_back(std::move(step));
  }
  return steps;
}

Result<OutputFile> CreateOutput(const Arguments& arguments) {
  std::string path = arguments.Get("output", "-");
  bool force = arguments.Has("force");
  struct stat status;
  if (!force && lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
    return Error{"the file exists already", path,
                 "Choose another name, or replace it with --force"};
  }
  return OutputFile::Create(path, force);
}

void AddOutputOptions(OptionSet& options) {
  options.Value("output", "FILE", "write to FILE instead of standard output", 'o');
  options.Flag("force", "replace FILE if it exists");
  options.Flag("strict", "exit with 3 when the capture is partial or has losses");
}

void AddStackFilters(OptionSet& options, std::string_view before) {
  for (const StackFilter* filter : StackFilters()) {
    std::string help = std::string(before) + std::string(filter->summary);
    if (filter->value_name.empty()) {
      options.Flag(filter->option, help);
    } else {
      options.Value(filter->option, filter->value_name, help);
    }
  }
}

void AddNameOptions(OptionSet& options) {
  options.Flag("no-demangle", "names of C++, Rust and Java functions as recorded");
}

void AddFoldingOptions(OptionSet& options) {
  std::string views;
  for (const View& view : Views()) {
    if (!views.empty()) views += "; ";
    views += std::string(view.name) + ": " + std::string(view.summary);
  }
  options.Value("view", "VIEW", views + " (default: cpu; events where there is no time)");
  options.Flag("runnable",
               "with --view offcpu: also time waiting for a CPU, as [woken], [preempted]");
  options.Value(
      "root", "FRAME",
      "first frame: process (default), thread or comm (its name), cgroup, capture or none");
  for (const Filter* filter : Filters()) {
    options.Value(filter->option, filter->value_name, filter->summary);
  }
  AddStackFilters(options);
  options.OneOf("view", NamesOf(Views()));
  options.OneOf("root", NamesOf(RootFrames()));
  AddNameOptions(options);
  options.Flag("lines", "frames with their source lines, which 'twofold symbolize' adds");
  AddOutputOptions(options);
}

Result<ExitStatus> RunFolding(const Arguments& arguments, const OutputFormat& format,
                              Presentation presentation) {
  if (arguments.positionals().size() != 1) {
    return Error{arguments.positionals().empty() ? "no capture is given" : "one capture is enough",
                 "", "", Error::Kind::kUsage};
  }
  const std::string& path = arguments.positionals()[0];
  TWOFOLD_ASSIGN_OR_RETURN(FoldRequest request, ParseRequest(arguments, format.detail));
  // Before the work, so that a file in the way is found at once.
  TWOFOLD_ASSIGN_OR_RETURN(OutputFile output, CreateOutput(arguments));
  TWOFOLD_ASSIGN_OR_RETURN(Input input, OpenInput(path, TableKind::kInPlace));
  Database& database = input.database;
  auto in_file = [&path](Error error) {
    if (error.where.empty()) error.where = path;
    return error;
  };
  if (!arguments.Has("view")) {
    Result<const View*> view = DefaultView(database);
    if (!view) return in_file(view.error());
    request.view = *view;
    TWOFOLD_RETURN_IF_ERROR(CheckConditions(**view, request.conditions));
  }
  Result<void> recorded = CheckRecorded(database, *request.view, request.with_waiting);
  if (!recorded) return in_file(recorded.error());
  Result<Folded> folded = Fold(database, request);
  if (!folded) return in_file(folded.error());
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<std::string> notes, PartialNotes(database));
  bool partial = !notes.empty();
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<std::string> on_chains,
                           NotesOnChains(database, *request.view));
  for (std::string& note : on_chains) notes.push_back(std::move(note));
  Result<std::vector<std::string>> on_growth =
      NotesOnGrowth(database, *request.view, request.conditions);
  if (!on_growth) return in_file(on_growth.error());
  for (std::string& note : *on_growth) notes.push_back(std::move(note));
  if (request.view->source == kEventsSource) {
    Result<std::string> event = EventName(database);
    if (!event) return in_file(event.error());
    notes.push_back("the values count '" + *event + "' and are no time");
    if (presentation.title.empty()) presentation.title = "Events: " + *event;
  }
  for (std::string& note : NotesOn(*folded, request)) notes.push_back(std::move(note));
  for (const std::string& note : notes) Say(note);
  if (folded->stacks.empty() && IsFiltered(request)) {
    return in_file(NothingMatches(database, request.conditions, NothingMatchesText(*request.view)));
  }

  TWOFOLD_RETURN_IF_ERROR(DescribeWindow(database, request, presentation));
  presentation.view = request.view;
  if (request.with_waiting && presentation.title.empty()) {
    presentation.title = "Blocked time and waits for a CPU";
  }
  if (folded->is_growth && presentation.title.empty()) presentation.title = "Growth of memory";
  TWOFOLD_ASSIGN_OR_RETURN(std::string origin, DescribeOrigin(database, request.conditions));
  presentation.facts.push_back(std::move(origin));
  std::string filters = FiltersText(arguments);
  if (!filters.empty()) presentation.facts.push_back("Filters: " + filters);
  presentation.notes = std::move(notes);
  TWOFOLD_RETURN_IF_ERROR(format.write(*folded, presentation, output));
  TWOFOLD_RETURN_IF_ERROR(output.Commit());

  if (!arguments.Has("strict")) return ExitStatus::kDone;
  TWOFOLD_ASSIGN_OR_RETURN(bool losses, HasLosses(database));
  return partial || losses ? ExitStatus::kIncomplete : ExitStatus::kDone;
}

}  // namespace twofold
