// The table "top": functions by the time that is theirs alone and by the time of all stacks that
// they are in, of any view of stacks.
//
// A function counts once for a stack, however often it is in it. In views with wakers the time that
// is a function's alone is the sleeper's: that of its innermost frame, where the waker's stack
// begins.
#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

#include "analyzer/fold/folded.h"
#include "analyzer/fold/recorded.h"
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
  uint64_t self_ns = 0;
  uint64_t total_ns = 0;
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
      if (a.self_ns != b.self_ns) return a.self_ns > b.self_ns;
      if (a.total_ns != b.total_ns) return a.total_ns > b.total_ns;
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
        if (function.last_stack != index) function.total_ns += stack.value;
        function.last_stack = index;
      }
    }
    uint32_t innermost = stack.kernel != 0 ? stack.kernel : stack.user;
    if (innermost == 0) return;
    functions_[function_of_name_[folded_.nodes[innermost].name]].self_ns += stack.value;
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

std::string TextFor(const Folded& folded, const std::vector<Function>& functions,
                    const std::string& caption) {
  std::vector<std::vector<std::string>> lines;
  for (const Function& function : functions) {
    lines.push_back({FormatDuration(static_cast<int64_t>(function.self_ns)),
                     PercentText(function.self_ns, folded.total),
                     FormatDuration(static_cast<int64_t>(function.total_ns)),
                     PercentText(function.total_ns, folded.total),
                     Shorten(ModuleName(folded, function.module), kWidestModule),
                     UnescapeText(folded.texts[function.text])});
  }
  return caption + "\n" +
         FormatTable({{"self", Align::kRight},
                      {"%", Align::kRight},
                      {"total", Align::kRight},
                      {"%", Align::kRight},
                      {"module", Align::kLeft},
                      {"function", Align::kLeft}},
                     lines, 0, kWidth, 1);
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
  Result<Folded> folded = Fold(database, fold);
  if (!folded) return std::move(folded).error();

  Tabular tabular;
  tabular.notes = folded->notes;
  std::vector<Function> functions = Functions(*folded).InOrder();
  size_t all = functions.size();
  if (request.limit != 0 && all > request.limit) {
    functions.resize(request.limit);
    tabular.notes.push_back("shows the " + std::to_string(request.limit) + " of " +
                            std::to_string(all) +
                            " functions with most time of their own; --limit 0 shows all");
  }
  tabular.columns = {
      {"function", "", CellKind::kText},     {"module", "", CellKind::kText},
      {"self_ns", "", CellKind::kDuration},  {"self_percent", "", CellKind::kNumber},
      {"total_ns", "", CellKind::kDuration}, {"total_percent", "", CellKind::kNumber}};
  for (const Function& function : functions) {
    // Outputs escape texts themselves.
    tabular.rows.push_back(
        {UnescapeText(folded->texts[function.text]),
         UnescapeText(ModuleName(*folded, function.module)), static_cast<int64_t>(function.self_ns),
         PercentCell(function.self_ns, folded->total), static_cast<int64_t>(function.total_ns),
         PercentCell(function.total_ns, folded->total)});
  }
  tabular.text = TextFor(*folded, functions,
                         "Functions of the view " + std::string(view.name) + ", " +
                             FormatDuration(static_cast<int64_t>(folded->total)) + " in all");
  return tabular;
}

}  // namespace twofold
