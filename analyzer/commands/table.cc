// twofold table: a tabular view, in any tabular output.
#include "analyzer/cli/words.h"
#include "analyzer/commands/folding.h"
#include "analyzer/data/input.h"
#include "analyzer/data/losses.h"
#include "analyzer/fold/no_match.h"
#include "analyzer/fold/recorded.h"
#include "analyzer/tabular/output.h"
#include "analyzer/tabular/view.h"

namespace twofold {
namespace {

template <typename Entry>
std::string Summaries(const std::vector<Entry>& entries) {
  std::string text;
  for (const Entry& entry : entries) {
    if (!text.empty()) text += "; ";
    text += std::string(entry.name) + ": " + std::string(entry.summary);
  }
  return text;
}

// Options that not every view takes.
constexpr std::string_view kViewOptions[] = {"root",       "by",          "limit",
                                             "wait-kinds", "no-demangle", "of"};

void AddOptions(OptionSet& options) {
  options.Value(
      "view", "VIEW",
      Summaries(TabularViews()) + "; a view of stacks: its top functions (default: states)");
  options.Value("root", "ROW",
                "one row per thread (default of states), process (default of runq), comm (all "
                "threads of a name), cgroup, or none: one for all; of top: functions by these "
                "(default: none)");
  std::string views;
  for (const View& view : Views()) views += (views.empty() ? "" : ", ") + std::string(view.name);
  options.Value("of", "VIEW", "of top: the view of stacks: " + views + " (default: cpu)");
  options.Value(
      "by", "WHAT",
      "of states: divide blocked time by state (default), the kernel's, or by kind: disk, "
      "lock, sleep, network ...");
  options.Value(
      "limit", "N",
      "of states: so many rows, and what the others sum to; of runq, tcp and top: so many "
      "rows; of exec: so many of the last; of longest: so many of each kind (default: 16, "
      "of states as csv and json all; 0: all)");
  options.Value("wait-kinds", "FILE",
                "kernel functions that tell what a thread waits for, before those that are known; "
                "lines such as 'disk my_driver_wait'");
  options.Value("format", "FORMAT", Summaries(TabularOutputs()) + " (default: table)");
  for (const Filter* filter : Filters()) {
    bool of_any = false;
    for (const TabularView& view : TabularViews()) of_any = of_any || Takes(view, *filter);
    if (of_any) options.Value(filter->option, filter->value_name, filter->summary);
  }
  AddStackFilters(options, "of top: ");
  std::vector<std::string_view> tables = TableNames();
  options.OneOf("view", {tables.begin(), tables.end()});
  options.OneOf("root", {RowsOfNames().begin(), RowsOfNames().end()});
  options.OneOf("of", NamesOf(Views()));
  options.OneOf("by", {"state", "kind"});
  options.OneOf("format", NamesOf(TabularOutputs()));
  AddNameOptions(options);
  AddOutputOptions(options);
}

Result<TabularRequest> ParseRequest(const Arguments& arguments, const TableChoice& table,
                                    bool for_people) {
  const TabularView& view = *table.view;
  TabularRequest request;
  for (std::string_view option : kViewOptions) {
    if (TakesOption(view, option) || !arguments.Has(option)) continue;
    return Error{"the table " + std::string(view.name) + " has no such option",
                 "--" + std::string(option), "", Error::Kind::kUsage};
  }
  if (arguments.Has("root")) {
    TWOFOLD_ASSIGN_OR_RETURN(RowsOf rows_of, ParseRowsOf(arguments.Get("root")));
    request.rows_of = rows_of;
  }
  TWOFOLD_ASSIGN_OR_RETURN(const View* of, FindView(arguments.Get("of", "cpu")));
  request.of = table.of != nullptr ? table.of : of;
  TWOFOLD_ASSIGN_OR_RETURN(DividedBy divided_by, ParseDividedBy(arguments.Get("by", "state")));
  request.divided_by = divided_by;
  TWOFOLD_ASSIGN_OR_RETURN(
      double limit,
      arguments.Number("limit", for_people || view.name != "states" ? 16 : 0, 0, 1e9));
  request.limit = size_t(limit);
  if (double(request.limit) != limit) {
    return Error{"'" + arguments.Get("limit") + "' is no whole number", "--limit", "",
                 Error::Kind::kUsage};
  }
  request.demangle = !arguments.Has("no-demangle");
  for (const Filter* filter : Filters()) {
    if (!arguments.Has(filter->option)) continue;
    if (!Takes(view, *filter)) {
      return Error{"the table " + std::string(view.name) + " cannot be filtered so",
                   "--" + std::string(filter->option), "", Error::Kind::kUsage};
    }
    TWOFOLD_ASSIGN_OR_RETURN(Condition condition,
                             MakeCondition(*filter, arguments.Get(filter->option)));
    request.conditions.push_back(std::move(condition));
  }
  for (const StackFilter* filter : StackFilters()) {
    if (!arguments.Has(filter->option)) continue;
    if (!TakesOption(view, "of")) {
      return Error{"the table " + std::string(view.name) + " cannot be filtered so",
                   "--" + std::string(filter->option), "Give it with --view top",
                   Error::Kind::kUsage};
    }
  }
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<StackStep> steps, ParseStackFilters(arguments, *request.of));
  request.steps = std::move(steps);
  return request;
}

Result<ExitStatus> Run(const Arguments& arguments) {
  if (arguments.positionals().size() != 1) {
    return Error{arguments.positionals().empty() ? "no capture is given" : "one capture is enough",
                 "", "", Error::Kind::kUsage};
  }
  const std::string& path = arguments.positionals()[0];
  std::string name = arguments.Get("view", "states");
  TWOFOLD_ASSIGN_OR_RETURN(TableChoice table, FindTable(name));
  if (table.of != nullptr && arguments.Has("of")) {
    return Error{"the table " + name + " is of that view", "--of", "Leave it out",
                 Error::Kind::kUsage};
  }
  TWOFOLD_ASSIGN_OR_RETURN(const TabularOutput* format,
                           FindTabularOutput(arguments.Get("format", "table")));
  TWOFOLD_ASSIGN_OR_RETURN(TabularRequest request,
                           ParseRequest(arguments, table, format->for_people));
  TWOFOLD_ASSIGN_OR_RETURN(WaitKinds wait_kinds, WaitKinds::Load(arguments.Get("wait-kinds")));
  request.wait_kinds = &wait_kinds;
  request.width = TableWidth(arguments.Get("output", "-"));
  // Before the work, so that a file in the way is found at once.
  TWOFOLD_ASSIGN_OR_RETURN(OutputFile output, CreateOutput(arguments));
  TWOFOLD_ASSIGN_OR_RETURN(Input input, OpenInput(path, TableKind::kInPlace));
  Database& database = input.database;
  if (table.of == nullptr && !arguments.Has("of")) {
    TWOFOLD_ASSIGN_OR_RETURN(const View* view, DefaultView(database));
    request.of = view;
  }
  Result<Tabular> tabular = table.view->make(database, request);
  if (!tabular) {
    Error error = tabular.error();
    if (error.where.empty()) error.where = path;
    return error;
  }
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<std::string> notes, PartialNotes(database));
  for (const std::string& note : notes) Say(note);
  for (const std::string& note : tabular->notes) Say(note);
  if (TakesOption(*table.view, "of") && request.of->source == kEventsSource) {
    TWOFOLD_ASSIGN_OR_RETURN(std::string event, EventName(database));
    Say("the values count '" + event + "' and are no time");
  }
  if (tabular->rows.empty() && (!request.conditions.empty() || !request.steps.empty())) {
    Error error = NothingMatches(database, request.conditions, "no row matches the filters");
    if (error.where.empty()) error.where = path;
    return error;
  }
  if (tabular->rows.empty() && tabular->notes.empty()) {
    Say("the table has no rows");
  }
  tabular->width = request.width;
  TWOFOLD_RETURN_IF_ERROR(format->write(*tabular, output));
  TWOFOLD_RETURN_IF_ERROR(output.Commit());

  TWOFOLD_ASSIGN_OR_RETURN(bool losses, HasLosses(database));
  bool incomplete = !notes.empty() || losses;
  return incomplete && arguments.Has("strict") ? ExitStatus::kIncomplete : ExitStatus::kDone;
}

}  // namespace

const Command kTableCommand = {
    "table",
    "tables: time by state or kind, longest blocks, top functions",
    "[--view VIEW] [OPTIONS] CAPTURE",
    "The table 'states' tells where the time of every thread went, measured, not sampled, most CPU "
    "time first, with totals in its last line: CPU is divided into user and kern as the kernel's "
    "ticks estimate it (-: no tick hit the thread), woken and preem are waiting for a CPU, S, D "
    "and other are blocked; --by kind tells what for instead. The table 'runq' counts waits for a "
    "CPU by length, 'longest' shows single blocks and waits, 'tcp' connections with retransmits, "
    "'exec' "
    "programs that were started, 'top' functions. The formats csv and json have "
    "everything, in nanoseconds. CAPTURE may be a database made by 'twofold load', or - for "
    "standard input.",
    "twofold table host.twofold\n"
    "twofold table --root process --comm 'tar*' host.twofold\n"
    "twofold table --root cgroup --limit 0 host.twofold\n"
    "twofold table --view offcpu --root process --hide-idle host.twofold\n"
    "twofold table --by kind host.twofold\n"
    "twofold table --view longest --comm tar --limit 3 host.twofold\n"
    "twofold table --view top --of offcpu --focus main host.twofold\n"
    "twofold table --view tcp host.twofold\n"
    "twofold table --view exec --limit 50 host.twofold\n"
    "twofold table --format csv --from 1 --to 3 -o states.csv host.twofold",
    AddOptions,
    Run,
};

}  // namespace twofold
