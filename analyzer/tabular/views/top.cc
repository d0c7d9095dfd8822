// The table "top": functions by the time (or the cycles) that is theirs alone and by that of all
// stacks that they are in, of any view of stacks; where the view has a ratio, with that.
//
// A function counts once for a stack, however often it is in it. In views with wakers the time that
// is a function's alone is the sleeper's: that of its innermost frame, where the waker's stack
// begins.
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
#include "analyzer/tabular/view.h"
#include "analyzer/text/escape.h"
#include "analyzer/text/table.h"
#include "analyzer/text/units.h"

namespace twofold {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kWidestModule = 18;

struct Function {
  uint32_t text = 0;    // index into Folded::texts
  uint32_t module = 0;  // as FrameDetail::module
  RatioSums self;       // value: in the view's unit
  RatioSums total;
  size_t last_stack = SIZE_MAX;  // that was added
};

std::string ModuleName(const Folded& folded, uint32_t module) {
  if (module == 0) return "";
  const ModuleDetail& detail = folded.details.modules[module - 1];
  return detail.kind == "special" ? "" : detail.name;
}

// All functions of the stacks, most time of their own first.
class Functions {
 public:
  explicit Functions(const Folded& folded) : folded_(folded) {
    std::map<std::pair<uint32_t, std::string>, size_t> indices;
    for (const FrameName& name : folded.names) {
      uint32_t module = name.frame == 0 ? 0 : folded.details.frames[name.frame - 1].module;
      auto [entry, fresh] =
          indices.try_emplace({name.text, ModuleName(folded, module)}, functions_.size());
      if (fresh) functions_.push_back({name.text, module});
      function_of_name_.push_back(entry->second);
    }
    for (size_t i = 0; i < folded.stacks.size(); ++i) AddStack(i);
  }

  std::vector<Function> InOrder() && {
    functions_.erase(
        std::remove_if(functions_.begin(), functions_.end(),
                       [](const Function& function) { return function.last_stack == SIZE_MAX; }),
        functions_.end());
    std::sort(functions_.begin(), functions_.end(), [&](const Function& a, const Function& b) {
      if (a.self.value != b.self.value) return a.self.value > b.self.value;
      if (a.total.value != b.total.value) return a.total.value > b.total.value;
      if (a.text != b.text) return folded_.texts[a.text] < folded_.texts[b.text];
      return ModuleName(folded_, a.module) < ModuleName(folded_, b.module);
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
        Function& function = functions_[function_of_name_[name]];
        if (function.last_stack != index) function.total.Add(stack);
        function.last_stack = index;
      }
    }
    uint32_t innermost = stack.kernel != 0 ? stack.kernel : stack.user;
    if (innermost == 0) return;
    functions_[function_of_name_[folded_.nodes[innermost].name]].self.Add(stack);
  }

  const Folded& folded_;
  std::vector<Function> functions_;
  std::vector<size_t> function_of_name_;
};

double PercentOf(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
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

std::string TextFor(const Folded& folded, const std::vector<Function>& functions, const View& view,
                    const std::string& caption) {
  std::vector<std::vector<std::string>> lines;
  std::vector<TableColumn> columns = {{"self", Align::kRight},  {"%", Align::kRight},
                                      {"total", Align::kRight}, {"%", Align::kRight},
                                      {"module", Align::kLeft}, {"function", Align::kLeft}};
  constexpr size_t kPlaceOfRatio = 2;
  if (view.ratio != nullptr) {
    columns.insert(columns.begin() + kPlaceOfRatio, {std::string(view.ratio->name), Align::kRight});
  }
  const bool has_errors = folded.Variance() > 0;
  constexpr size_t kPlaceOfError = 1;
  if (has_errors) columns.insert(columns.begin() + kPlaceOfError, {"+-", Align::kRight});
  for (const Function& function : functions) {
    std::vector<std::string> line = {FormatCell(view.unit, function.self.value),
                                     PercentText(function.self.value, folded.total),
                                     FormatCell(view.unit, function.total.value),
                                     PercentText(function.total.value, folded.total),
                                     Shorten(ModuleName(folded, function.module), kWidestModule),
                                     UnescapeText(folded.texts[function.text])};
    if (view.ratio != nullptr) {
      line.insert(line.begin() + kPlaceOfRatio,
                  function.self.value == 0 ? std::string() : FormatRatio(function.self));
    }
    if (has_errors) {
      double error = std::sqrt(function.self.variance);
      line.insert(line.begin() + kPlaceOfError,
                  error < 0.5 ? "" : FormatCell(view.unit, static_cast<uint64_t>(error)));
    }
    lines.push_back(std::move(line));
  }
  return caption + "\n" + FormatTable(columns, lines, 0, kWidth, 1);
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
  cells.emplace_back(static_cast<int64_t>(sums.value));
  cells.emplace_back(PercentCell(sums.value, folded.total));
  if (IsCounted(view.unit)) cells.emplace_back(static_cast<int64_t>(sums.count));
  if (!view.variance_column.empty()) {
    cells.emplace_back(static_cast<int64_t>(std::llround(std::sqrt(sums.variance))));
  }
  if (view.ratio == nullptr) return;
  cells.emplace_back(static_cast<int64_t>(sums.count));
  cells.emplace_back(static_cast<int64_t>(sums.divisor));
  cells.emplace_back(static_cast<int64_t>(sums.divisor_count));
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
  fold.root = RootFrame::kNone;
  fold.demangle = request.demangle;
  fold.conditions = request.conditions;
  fold.steps = request.steps;
  fold.detailed = true;
  TWOFOLD_RETURN_IF_ERROR(CheckConditions(view, fold.conditions));
  Result<Folded> folded = Fold(database, fold);
  if (!folded) return std::move(folded).error();

  Tabular tabular;
  tabular.notes = folded->notes;
  Result<std::vector<std::string>> more = NotesOnGrowth(database, view, request.conditions);
  if (!more) return std::move(more).error();
  for (std::string& note : *more) tabular.notes.push_back(std::move(note));
  std::vector<Function> functions = Functions(*folded).InOrder();
  size_t all = functions.size();
  if (request.limit != 0 && all > request.limit) {
    functions.resize(request.limit);
    tabular.notes.push_back("shows the " + std::to_string(request.limit) + " of " +
                            std::to_string(all) + " functions with most " +
                            std::string(QuantityName(view.unit)) +
                            " of their own; --limit 0 shows all");
  }
  tabular.columns = {{"function", "", CellKind::kText}, {"module", "", CellKind::kText}};
  AddColumns("self", view, tabular.columns);
  AddColumns("total", view, tabular.columns);
  for (const Function& function : functions) {
    // Outputs escape texts themselves.
    std::vector<TabularCell> cells = {UnescapeText(folded->texts[function.text]),
                                      UnescapeText(ModuleName(*folded, function.module))};
    AddCells(function.self, *folded, view, cells);
    AddCells(function.total, *folded, view, cells);
    tabular.rows.push_back(std::move(cells));
  }
  std::string caption = "Functions of the view " + std::string(view.name) + ", " +
                        FormatEstimate(view.unit, folded->total, folded->Variance()) + " in all";
  if (view.ratio != nullptr) {
    RatioSums all;
    for (const FoldedStack& stack : folded->stacks) all.Add(stack);
    caption += ", " + std::string(view.ratio->name) + " " + FormatRatio(all);
  }
  tabular.text = TextFor(*folded, functions, view, caption);
  return tabular;
}

}  // namespace twofold
