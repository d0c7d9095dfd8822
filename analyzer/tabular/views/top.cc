// The table "top": functions by the time (or the cycles) that is theirs alone and by that of all
// stacks that they are in, of any view of stacks; where the view has a ratio, with that.
//
// A function counts once for a stack, however often it is in it. In views with wakers the time that
// is a function's alone is the sleeper's. Of blocked time it belongs to the place that waits, not
// to the scheduler that every thread waits in (waits/wait_places.h).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <utility>

#include "analyzer/fold/folded.h"
#include "analyzer/fold/growth_notes.h"
#include "analyzer/fold/ratio.h"
#include "analyzer/fold/recorded.h"
#include "analyzer/fold/view_rows.h"
#include "analyzer/fold/wait_frames.h"
#include "analyzer/tabular/view.h"
#include "analyzer/text/table.h"
#include "format/base/escape_text.h"
#include "format/base/units.h"

namespace twofold {
namespace {

constexpr size_t kWidestModule = 18;

struct Function {
  uint32_t root = Folded::kNoRoot;  // name of whose it is: a process, a thread ...
  uint32_t text = 0;                // index into Folded::texts
  uint32_t module = 0;              // as FrameDetail::module
  RatioSums self;                   // value: in the view's unit
  RatioSums total;
  size_t last_stack = SIZE_MAX;  // that was added
};

std::string ModuleName(const Folded& folded, uint32_t module) {
  if (module == 0) return "";
  const ModuleDetail& detail = folded.details.modules[module - 1];
  return detail.kind == "special" ? "" : detail.name;
}

// Escaped; empty for none.
std::string_view RootText(const Folded& folded, const Function& function) {
  return function.root == Folded::kNoRoot ? std::string_view() : folded.Text(function.root);
}

// What rows are of beside their functions, as a heading; empty: of all.
std::string_view RootHeading(const TabularRequest& request) {
  switch (request.rows_of.value_or(RowsOf::kNone)) {
    case RowsOf::kThread:
    case RowsOf::kComm:
      return "thread";
    case RowsOf::kProcess:
      return "process";
    case RowsOf::kCgroup:
      return "cgroup";
    case RowsOf::kNone:
      break;
  }
  return "";
}

RootFrame RootOf(const TabularRequest& request) {
  switch (request.rows_of.value_or(RowsOf::kNone)) {
    case RowsOf::kThread:
    case RowsOf::kComm:
      return RootFrame::kThread;
    case RowsOf::kProcess:
      return RootFrame::kProcess;
    case RowsOf::kCgroup:
      return RootFrame::kCgroup;
    case RowsOf::kNone:
      break;
  }
  return RootFrame::kNone;
}

// All functions of the stacks, most time of their own first.
class Functions {
 public:
  // `places` tells the places that wait; null: the view's stacks do not wait.
  Functions(const Folded& folded, WaitPlaces* places) : folded_(folded), places_(places) {
    std::map<std::pair<uint32_t, std::string>, size_t> indices;
    for (const FrameName& name : folded.names) {
      uint32_t module = name.frame == 0 ? 0 : folded.details.frames[name.frame - 1].module;
      auto [entry, fresh] =
          indices.try_emplace({name.text, ModuleName(folded, module)}, kinds_.size());
      if (fresh) kinds_.push_back({.text = name.text, .module = module});
      kind_of_name_.push_back(entry->second);
    }
    for (size_t i = 0; i < folded.stacks.size(); ++i) AddStack(i);
  }

  std::vector<Function> InOrder() && {
    std::sort(functions_.begin(), functions_.end(), [&](const Function& a, const Function& b) {
      if (a.self.value != b.self.value) return a.self.value > b.self.value;
      if (a.total.value != b.total.value) return a.total.value > b.total.value;
      if (a.text != b.text) return folded_.texts[a.text] < folded_.texts[b.text];
      if (a.module != b.module) {
        return ModuleName(folded_, a.module) < ModuleName(folded_, b.module);
      }
      return RootText(folded_, a) < RootText(folded_, b);
    });
    return std::move(functions_);
  }

 private:
  void AddStack(size_t index) {
    const FoldedStack& stack = folded_.stacks[index];
    for (uint32_t node : {stack.user, stack.kernel, stack.tail}) {
      for (; node != 0; node = folded_.nodes[node].parent) {
        uint32_t name = folded_.nodes[node].name;
        if (folded_.names[name].kind == FrameKind::kSeparator) continue;
        if (folded_.names[name].kind == FrameKind::kRoot) continue;
        Function& function = FunctionOf(stack, name);
        if (function.last_stack != index) function.total.Add(stack);
        function.last_stack = index;
      }
    }
    uint32_t own = stack.kernel != 0 ? stack.kernel : stack.user;
    if (own == 0) return;
    if (places_ != nullptr && folded_.names[folded_.nodes[own].name].kind == FrameKind::kKernel) {
      WaitFrames frames(folded_, stack);
      size_t place = places_->PlaceOf(frames.functions);
      if (place != WaitPlaces::npos) own = frames.nodes[place];
    }
    FunctionOf(stack, folded_.nodes[own].name).self.Add(stack);
  }

  Function& FunctionOf(const FoldedStack& stack, uint32_t name) {
    size_t kind = kind_of_name_[name];
    auto [entry, fresh] = indices_.try_emplace({stack.root, kind}, functions_.size());
    if (fresh) {
      functions_.push_back(kinds_[kind]);
      functions_.back().root = stack.root;
    }
    return functions_[entry->second];
  }

  const Folded& folded_;
  WaitPlaces* places_;
  std::vector<Function> kinds_;  // without roots and sums
  std::vector<size_t> kind_of_name_;
  std::map<std::pair<uint32_t, size_t>, size_t> indices_;  // of functions, by root and kind
  std::vector<Function> functions_;
};

double PercentOf(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100 * double(part) / double(whole);
}

// With two decimals, as a number of JSON and as text of CSV.
Structure PercentCell(uint64_t part, uint64_t whole) {
  char text[32];
  snprintf(text, sizeof(text), "%.2f", PercentOf(part, whole));
  return {text, text};
}

std::string PercentText(uint64_t part, uint64_t whole) {
  char text[32];
  snprintf(text, sizeof(text), "%.1f", PercentOf(part, whole));
  return text;
}

std::string TextFor(const Folded& folded, const std::vector<Function>& functions,
                    const TabularRequest& request, const std::string& caption) {
  const View& view = *request.of;
  const size_t width = request.width;
  const std::string_view root_heading = RootHeading(request);
  std::vector<std::vector<std::string>> lines;
  std::vector<TableColumn> columns = {{"self", Align::kRight},  {"%", Align::kRight},
                                      {"total", Align::kRight}, {"%", Align::kRight},
                                      {"module", Align::kLeft}, {"function", Align::kLeft}};
  constexpr size_t kPlaceOfRatio = 2;
  if (view.ratio != nullptr) {
    columns.insert(columns.begin() + kPlaceOfRatio, {std::string(view.ratio->name), Align::kRight});
  }
  constexpr size_t kPlaceOfBytes = 1;
  if (folded.page_bytes != 0) {
    columns.insert(columns.begin() + kPlaceOfBytes, {"bytes", Align::kRight});
  }
  const bool has_errors = folded.Variance() > 0;
  constexpr size_t kPlaceOfError = 1;
  if (has_errors) columns.insert(columns.begin() + kPlaceOfError, {"+-", Align::kRight});
  if (!root_heading.empty()) {
    columns.insert(columns.end() - 2, {std::string(root_heading), Align::kLeft});
  }
  for (const Function& function : functions) {
    std::vector<std::string> line = {
        FormatCell(view.unit, function.self.value),
        PercentText(function.self.value, folded.total),
        FormatCell(view.unit, function.total.value),
        PercentText(function.total.value, folded.total),
        Shorten(ModuleName(folded, function.module), PartOf(width, kWidestModule)),
        UnescapeText(folded.texts[function.text])};
    if (view.ratio != nullptr) {
      line.insert(line.begin() + kPlaceOfRatio,
                  function.self.value == 0 ? std::string() : FormatRatio(function.self));
    }
    if (auto bytes = folded.BytesOf(function.self.value)) {
      line.insert(line.begin() + kPlaceOfBytes, FormatBytes(int64_t(*bytes)));
    }
    if (has_errors) {
      double error = std::sqrt(function.self.variance);
      line.insert(line.begin() + kPlaceOfError,
                  error < 0.5 ? "" : FormatCell(view.unit, uint64_t(error)));
    }
    if (!root_heading.empty()) {
      line.insert(line.end() - 2, UnescapeText(RootText(folded, function)));
    }
    lines.push_back(std::move(line));
  }
  return caption + "\n" + FormatTable(columns, lines, 0, width, 1);
}

// With four decimals; nothing where the samples are too few to tell.
TabularCell RatioCell(const RatioSums& sums, double value) {
  if (!sums.is_known()) return std::monostate();
  char text[32];
  snprintf(text, sizeof(text), "%.4f", value);
  return Structure{text, text};
}

// Whether a function's count says how often something happened, and not how often it was seen.
bool IsCounted(Unit unit) { return unit == Unit::kBytes || unit == Unit::kSegments; }

// Columns for programs of what is a function's own, or of all stacks that it is in.
void AddColumns(const std::string& whose, const View& view, std::vector<TabularColumn>& columns) {
  bool is_time = view.unit == Unit::kNanoseconds;
  columns.push_back({whose + (is_time ? "_ns" : "_" + std::string(UnitName(view.unit))), "",
                     is_time ? CellKind::kDuration : CellKind::kNumber});
  columns.push_back({whose + "_percent", "", CellKind::kNumber});
  if (view.unit == Unit::kPages) columns.push_back({whose + "_bytes", "", CellKind::kNumber});
  if (IsCounted(view.unit)) columns.push_back({whose + "_count", "", CellKind::kNumber});
  if (!view.variance_column.empty()) {
    columns.push_back(
        {whose + "_standard_error_" + std::string(UnitName(view.unit)), "", CellKind::kNumber});
  }
  if (view.ratio == nullptr) return;
  for (const char* column :
       {"_samples", "_instructions", "_instruction_samples", "_cpi", "_cpi_standard_error"}) {
    columns.push_back({whose + column, "", CellKind::kNumber});
  }
}

void AddCells(const RatioSums& sums, const Folded& folded, const View& view,
              std::vector<TabularCell>& cells) {
  cells.emplace_back(int64_t(sums.value));
  cells.emplace_back(PercentCell(sums.value, folded.total));
  if (view.unit == Unit::kPages) {
    auto bytes = folded.BytesOf(sums.value);
    cells.push_back(bytes ? TabularCell(int64_t(*bytes)) : TabularCell(std::monostate()));
  }
  if (IsCounted(view.unit)) cells.emplace_back(int64_t(sums.count));
  if (!view.variance_column.empty()) {
    cells.emplace_back(int64_t(std::llround(std::sqrt(sums.variance))));
  }
  if (view.ratio == nullptr) return;
  cells.emplace_back(int64_t(sums.count));
  cells.emplace_back(int64_t(sums.divisor));
  cells.emplace_back(int64_t(sums.divisor_count));
  double ratio = sums.is_known() ? sums.ratio() : 0;
  cells.push_back(RatioCell(sums, ratio));
  cells.push_back(RatioCell(sums, ratio * sums.relative_error()));
}

}  // namespace

Result<Tabular> MakeTop(Database& database, const TabularRequest& request) {
  const View& view = *request.of;
  TWOFOLD_RETURN_IF_ERROR(CheckRecorded(database, view, /*with_waiting=*/false));
  FoldRequest fold;
  fold.view = &view;
  fold.root = RootOf(request);
  fold.demangle = request.demangle;
  fold.conditions = request.conditions;
  fold.steps = request.steps;
  fold.detailed = true;
  TWOFOLD_RETURN_IF_ERROR(CheckConditions(view, fold.conditions));
  TWOFOLD_ASSIGN_OR_RETURN(Folded folded, Fold(database, fold));

  Tabular tabular;
  tabular.notes = folded.notes;
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<std::string> more,
                           NotesOnGrowth(database, view, request.conditions));
  for (std::string& note : more) tabular.notes.push_back(std::move(note));
  TWOFOLD_ASSIGN_OR_RETURN(WaitPlaces places, WaitPlaces::Load());
  bool waits = ShowsSleepers(view);
  std::vector<Function> functions = Functions(folded, waits ? &places : nullptr).InOrder();
  size_t all = functions.size();
  if (request.limit != 0 && all > request.limit) {
    functions.resize(request.limit);
    tabular.notes.push_back("shows the " + std::to_string(request.limit) + " of " +
                            std::to_string(all) + " functions with most " +
                            std::string(QuantityName(view.unit)) +
                            " of their own; --limit 0 shows all");
  }
  const std::string root_column(RootHeading(request));
  if (!root_column.empty()) tabular.columns.push_back({root_column, "", CellKind::kText});
  tabular.columns.push_back({"function", "", CellKind::kText});
  tabular.columns.push_back({"module", "", CellKind::kText});
  AddColumns("self", view, tabular.columns);
  AddColumns("total", view, tabular.columns);
  for (const Function& function : functions) {
    // Outputs escape texts themselves.
    std::vector<TabularCell> cells = {UnescapeText(folded.texts[function.text]),
                                      UnescapeText(ModuleName(folded, function.module))};
    if (!root_column.empty()) {
      cells.insert(cells.begin(), UnescapeText(RootText(folded, function)));
    }
    AddCells(function.self, folded, view, cells);
    AddCells(function.total, folded, view, cells);
    tabular.rows.push_back(std::move(cells));
  }
  std::string caption = "Functions of the view " + std::string(view.name) + ", " +
                        FormatEstimate(view.unit, folded.total, folded.Variance()) + " in all";
  if (auto bytes = folded.BytesOf(folded.total)) caption += ", " + FormatBytes(int64_t(*bytes));
  if (waits) caption += "; self: of the place that waits";
  if (view.ratio != nullptr) {
    RatioSums all;
    for (const FoldedStack& stack : folded.stacks) all.Add(stack);
    caption += ", " + std::string(view.ratio->name) + " " + FormatRatio(all);
  }
  tabular.text = TextFor(folded, functions, request, caption);
  return tabular;
}

}  // namespace twofold
