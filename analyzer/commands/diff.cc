// twofold diff: how costs changed between two sides, and whether noise explains it.
#include "analyzer/diff/diff.h"

#include <algorithm>

#include "analyzer/cli/words.h"
#include "analyzer/commands/folding.h"
#include "analyzer/diff/comparability.h"
#include "analyzer/diff/gate.h"
#include "analyzer/diff/picture.h"
#include "analyzer/diff/report.h"
#include "analyzer/fold/filter.h"
#include "analyzer/fold/stack_filter.h"
#include "analyzer/fold/view_rows.h"
#include "analyzer/tabular/output.h"
#include "format/base/suggest.h"

namespace twofold {
namespace {

constexpr std::string_view kPictureFormat = "svg";

std::vector<std::string> Formats() {
  std::vector<std::string> formats = NamesOf(TabularOutputs());
  formats.emplace_back(kPictureFormat);
  return formats;
}

// "instruction, default of cpi": what views with a ratio can be divided by as well.
std::string OfRatios() {
  std::string text;
  for (const View& view : Views()) {
    if (view.ratio == nullptr) continue;
    text += (text.empty() ? "" : ", ") + std::string(view.ratio->one_divisor_name) +
            ", default of " + std::string(view.name);
  }
  return text;
}

std::vector<std::string> ComparableViews() {
  std::vector<std::string> names;
  for (const View& view : Views()) {
    if (CanCompare(view)) names.emplace_back(view.name);
  }
  return names;
}

Result<const View*> FindComparableView(const std::string& name) {
  Result<const View*> view = FindView(name);
  if (!view) {
    std::vector<std::string> names = ComparableViews();
    Error error = view.error();
    error.remedy = Suggestion(name, {names.begin(), names.end()});
    return error;
  }
  if (CanCompare(**view)) return view;
  return Error{
      "the view " + name +
          " cannot be compared: nothing tells its changes from what they are by chance",
      "--view",
      "Export both captures, such as with 'twofold table --view " + name + " --format csv'",
      Error::Kind::kUsage};
}

void AddOptions(OptionSet& options) {
  options.Values("before", "CAPTURE", "a capture of the first side; may be given again");
  options.Values("after", "CAPTURE",
                 "a capture of the second side; with three or more on both sides, what runs differ "
                 "by is measured");
  std::string views;
  for (const std::string& view : ComparableViews()) views += (views.empty() ? "" : ", ") + view;
  options.Value("view", "VIEW", views + " (default: cpu)");
  options.Value("per", "WHAT",
                "divide by: cpu-second, CPU time of what is chosen (default); thread-second, how "
                "long its threads existed (default of blocked time); share, of all that is shown; "
                "second; total, nothing; " +
                    OfRatios() + ". No verdicts per second and in total");
  options.Value(
      "root", "FRAME",
      "first frame: process (default), thread or comm (its name), cgroup, capture or none");
  for (const Filter* filter : Filters()) {
    bool of_any = false;
    for (const View& view : Views()) {
      of_any = of_any || (CanCompare(view) && Takes(view, filter->column));
    }
    if (!of_any) continue;
    options.Value(filter->option, filter->value_name, filter->summary);
  }
  AddStackFilters(options);
  AddNameOptions(options);
  options.Value("format", "FORMAT", "table (default), csv, json, or svg, a flame graph");
  options.Value("limit", "N", "of the table: so many rows of each part (default: 16; 0: all)");
  options.Value("width", "WHAT",
                "of the picture: a frame is as wide as before, after, or the larger of both "
                "(default: larger)");
  options.Value("fail-if", "CONDITION",
                "'regression > 5 %': exit with 4 if a function's own cost grew by more, with 5 if "
                "that cannot be decided; 'regression > 5 % proved' wants proof of more than 5 %");
  options.Value("min-share", "PERCENT",
                "--fail-if is undecided only because of functions with at least this share of all "
                "that the view shows (default: 1)");
  options.OneOf("view", ComparableViews());
  options.OneOf("per", PerNames());
  options.OneOf("root", NamesOf(RootFrames()));
  options.OneOf("format", Formats());
  options.OneOf("width", {"before", "after", "larger"});
  AddOutputOptions(options);
}

struct Paths {
  std::vector<std::string> before;
  std::vector<std::string> after;
};

Result<Paths> ParsePaths(const Arguments& arguments) {
  Paths paths{arguments.All("before"), arguments.All("after")};
  const std::vector<std::string>& rest = arguments.positionals();
  bool by_options = !paths.before.empty() || !paths.after.empty();
  if (!by_options && rest.size() == 2) return Paths{{rest[0]}, {rest[1]}};
  if (by_options && rest.empty() && !paths.before.empty() && !paths.after.empty()) return paths;
  return Error{by_options ? "a side has no capture, or a capture has no side"
                          : "two captures are compared, and " + std::to_string(rest.size()) +
                                (rest.size() == 1 ? " is given" : " are given"),
               "", "Give BEFORE AFTER, or each with --before or --after", Error::Kind::kUsage};
}

Result<DiffRequest> ParseRequest(const Arguments& arguments) {
  DiffRequest request;
  TWOFOLD_ASSIGN_OR_RETURN(const View* view, FindComparableView(arguments.Get("view", "cpu")));
  request.view = view;
  TWOFOLD_ASSIGN_OR_RETURN(RootFrame root, ParseRootFrame(arguments.Get("root", "process")));
  request.root = root;
  request.per = DefaultPer(*view);
  if (arguments.Has("per")) {
    TWOFOLD_ASSIGN_OR_RETURN(Per per, ParsePer(arguments.Get("per"), *view));
    request.per = per;
  }
  request.demangle = !arguments.Has("no-demangle");
  for (const Filter* filter : Filters()) {
    if (!arguments.Has(filter->option)) continue;
    TWOFOLD_ASSIGN_OR_RETURN(Condition condition,
                             MakeCondition(*filter, arguments.Get(filter->option)));
    if (filter->column != "state") request.thread_conditions.push_back(condition);
    request.conditions.push_back(std::move(condition));
  }
  TWOFOLD_RETURN_IF_ERROR(CheckConditions(*request.view, request.conditions));
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<StackStep> steps,
                           ParseStackFilters(arguments, *request.view));
  request.steps = std::move(steps);
  return request;
}

// How the diff is written.
struct Output {
  const TabularOutput* table = nullptr;  // null: a picture
  DiffReportOptions report;
  PictureWidth width = PictureWidth::kLarger;
};

Result<Output> ParseOutput(const Arguments& arguments) {
  Output output;
  std::string format = arguments.Get("format", "table");
  if (format != kPictureFormat) {
    Result<const TabularOutput*> table = FindTabularOutput(format);
    if (!table) {
      Error error = table.error();
      std::vector<std::string> formats = Formats();
      error.remedy = Suggestion(format, {formats.begin(), formats.end()});
      return error;
    }
    output.table = *table;
  }
  TWOFOLD_ASSIGN_OR_RETURN(double limit, arguments.Number("limit", 16, 0, 1e9));
  output.report.limit = size_t(limit);
  output.report.width = TableWidth(arguments.Get("output", "-"));
  if (arguments.Has("width") && output.table != nullptr) {
    return Error{"only a picture has widths", "--width", "Give it with --format svg",
                 Error::Kind::kUsage};
  }
  TWOFOLD_ASSIGN_OR_RETURN(PictureWidth width, ParsePictureWidth(arguments.Get("width", "larger")));
  output.width = width;
  return output;
}

Result<ExitStatus> RunGate(const Gate& gate, const Diff& diff, const DiffSides& sides,
                           const View& view, double min_share) {
  GateResult result = CheckGate(gate, diff, sides, view, min_share);
  switch (result.verdict) {
    case GateVerdict::kPasses:
      return ExitStatus::kDone;
    case GateVerdict::kHolds:
      Say("the condition of --fail-if holds");
      break;
    case GateVerdict::kUndecided:
      Say("--fail-if can't be decided");
      break;
  }
  for (const std::string& reason : result.reasons) Say(reason);
  bool holds = result.verdict == GateVerdict::kHolds;
  return holds ? ExitStatus::kConditionHolds : ExitStatus::kUndecided;
}

bool IsIncomplete(const DiffSides& sides) {
  auto incomplete = [](const CaptureFacts& facts) { return facts.is_partial || facts.has_losses; };
  return std::any_of(sides.before.captures.begin(), sides.before.captures.end(), incomplete) ||
         std::any_of(sides.after.captures.begin(), sides.after.captures.end(), incomplete);
}

Result<ExitStatus> Run(const Arguments& arguments) {
  TWOFOLD_ASSIGN_OR_RETURN(Paths paths, ParsePaths(arguments));
  TWOFOLD_ASSIGN_OR_RETURN(DiffRequest request, ParseRequest(arguments));
  TWOFOLD_ASSIGN_OR_RETURN(Output how, ParseOutput(arguments));
  Gate gate;
  bool has_gate = arguments.Has("fail-if");
  if (has_gate) {
    TWOFOLD_ASSIGN_OR_RETURN(Gate parsed, ParseGate(arguments.Get("fail-if")));
    gate = parsed;
    if (!TraitsOf(request.per).has_verdicts) {
      return Error{"costs per second and in total change with the load, and tell no regression",
                   "--per", "Leave it out, or give --per share", Error::Kind::kUsage};
    }
  }
  TWOFOLD_ASSIGN_OR_RETURN(double min_share, arguments.Number("min-share", 1, 0, 100));
  // Before the work, so that a file in the way is found at once.
  TWOFOLD_ASSIGN_OR_RETURN(OutputFile output, CreateOutput(arguments));

  TWOFOLD_ASSIGN_OR_RETURN(DiffSides sides, ReadDiffSides(paths.before, paths.after, request));
  TWOFOLD_ASSIGN_OR_RETURN(Diff diff, Compare(sides));
  std::vector<std::string> notes = sides.notes;
  for (std::string& line : CompareCaptures(sides, *request.view)) notes.push_back(line);
  bool is_filtered = !request.conditions.empty() || !request.steps.empty();
  for (auto [name, side] : {std::pair("before", &sides.before), std::pair("after", &sides.after)}) {
    if (!side->weights.empty()) continue;
    const View& view = *request.view;
    std::string nothing = std::string(name) + ": no " + std::string(QuantityName(view.unit));
    if (!is_filtered) {
      notes.push_back(nothing + " in the view " + std::string(view.name));
    } else {
      notes.push_back(nothing + (view.unit == Unit::kNanoseconds ? " matches the filters"
                                                                 : " match the filters"));
    }
  }
  for (const std::string& note : notes) Say(note);
  if (is_filtered && !has_gate && sides.before.weights.empty() && sides.after.weights.empty()) {
    return ExitStatus::kFailed;  // said above
  }
  if (how.table != nullptr) {
    Tabular table = MakeDiffTable(diff, sides, *request.view, how.report);
    table.width = how.report.width;
    TWOFOLD_RETURN_IF_ERROR(how.table->write(table, output));
  } else {
    std::string picture = DrawDiff(diff, sides, *request.view, how.width, notes);
    TWOFOLD_RETURN_IF_ERROR(output.Append(picture));
  }
  TWOFOLD_RETURN_IF_ERROR(output.Commit());
  if (has_gate) {
    Result<ExitStatus> status = RunGate(gate, diff, sides, *request.view, min_share / 100);
    if (!status || *status != ExitStatus::kDone) return status;
  }
  bool incomplete = arguments.Has("strict") && IsIncomplete(sides);
  return incomplete ? ExitStatus::kIncomplete : ExitStatus::kDone;
}

}  // namespace

const Command kDiffCommand = {
    "diff",
    "what changed between two captures, told from noise",
    "[OPTIONS] BEFORE AFTER",
    "Compares what each function costs before and after, aligned by names. The shift that all "
    "functions share is taken out; a change is called one only if noise between the intervals of "
    "the captures does not explain it, with all functions that were tested taken into account. "
    "Anything else may be noise, and how large it would have to be to be found is shown. First it "
    "says in what the captures differ. Exit status with --fail-if: 0 it does not hold, 4 it holds, "
    "5 that cannot be decided.",
    "twofold diff before.twofold after.twofold\n"
    "twofold diff --view offcpu --comm 'nginx*' before.twofold after.twofold\n"
    "twofold diff --format svg -o diff.svg before.twofold after.twofold\n"
    "twofold diff --fail-if 'regression > 5 %' host.twofold after.twofold; echo $?\n"
    "twofold diff --before host.twofold --after after.twofold",
    AddOptions,
    Run,
};

}  // namespace twofold
