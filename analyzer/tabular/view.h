// Tabular views. One is a function in a file of its own in tabular/views/, plus one line in the
// list in view.cc. Outputs and filters work on any of them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "analyzer/data/database.h"
#include "analyzer/fold/filter.h"
#include "analyzer/fold/stack_filter.h"
#include "analyzer/fold/view.h"
#include "analyzer/tabular/tabular.h"
#include "analyzer/waits/wait_kinds.h"
#include "format/base/result.h"

namespace twofold {

// What one row is: kComm, all threads of one name; kCgroup, all of one control group; kNone: all.
enum class RowsOf { kThread, kProcess, kComm, kCgroup, kNone };

// The names of these, in their order, as --root has them.
const std::vector<std::string_view>& RowsOfNames();

// Error: the name is unknown; suggests one.
Result<RowsOf> ParseRowsOf(std::string_view name);

// What divides blocked time.
enum class DividedBy { kState, kKind };

// Error: the name is unknown; suggests one.
Result<DividedBy> ParseDividedBy(std::string_view name);

struct TabularRequest {
  std::optional<RowsOf> rows_of;      // nullopt: as the view likes best
  std::vector<Condition> conditions;  // all must hold
  DividedBy divided_by = DividedBy::kState;
  size_t limit = 16;                // 0: none
  bool demangle = true;             // names of frames
  WaitKinds* wait_kinds = nullptr;  // never null where the view needs it
  const View* of = nullptr;  // the view of stacks that it is about; never null where it needs one
  std::vector<StackStep> steps;    // filters of its stacks
  size_t width = kUnlimitedWidth;  // of texts for people
};

struct TabularView {
  std::string_view name;     // as --view has it
  std::string_view summary;  // for --help
  // Options beside filters that it takes: "root", "by", "limit", "wait-kinds", "no-demangle",
  // "of"; a view with "of" takes the filters of stacks, too.
  std::vector<std::string_view> options;
  // The columns that its rows can be filtered by (Filter::column).
  std::vector<std::string_view> filter_columns;
  // Error: the capture did not record it, or the database cannot be read.
  Result<Tabular> (*make)(Database& database, const TabularRequest& request);
};

// All tabular views, in the order in which --help shows them.
const std::vector<TabularView>& TabularViews();

// A table by its name: a tabular view or, where none has that name, the top functions of a view of
// stacks.
struct TableChoice {
  const TabularView* view = nullptr;
  const View* of = nullptr;  // null: the name is that of the tabular view
};

// Error: the name is unknown; suggests one.
Result<TableChoice> FindTable(std::string_view name);

// All names that FindTable takes, each once.
std::vector<std::string_view> TableNames();

// Whether rows of the view can be filtered so.
bool Takes(const TabularView& view, const Filter& filter);

// Whether the view takes that option.
bool TakesOption(const TabularView& view, std::string_view option);

// Appends the conditions to " WHERE ..." and their values to `parameters`; empty for none.
std::string WhereText(const std::vector<Condition>& conditions, std::vector<SqlValue>& parameters);

// A sentence for each capture whose intervals all have a 0 in `column` of the table interval:
// "x.twofold holds no WHAT".
Result<std::vector<std::string>> MissingNotes(Database& database, std::string_view column,
                                              std::string_view what);

// Where the time of every thread or process went, by state; blocked time by state or by kind.
Result<Tabular> MakeStates(Database& database, const TabularRequest& request);
Result<Tabular> MakeStatesByKind(Database& database, const TabularRequest& request);

// Run-queue latency: how long threads waited for a CPU, by length.
Result<Tabular> MakeRunQueue(Database& database, const TabularRequest& request);

// Connections on which TCP sent packets again.
Result<Tabular> MakeTcp(Database& database, const TabularRequest& request);

// Programs that were executed.
Result<Tabular> MakeExec(Database& database, const TabularRequest& request);

// Interrupts by handler, and what they took from threads.
Result<Tabular> MakeIrq(Database& database, const TabularRequest& request);

// Functions by their own time and by that of all stacks that they are in.
Result<Tabular> MakeTop(Database& database, const TabularRequest& request);

// The longest single blocks and waits.
Result<Tabular> MakeLongest(Database& database, const TabularRequest& request);

}  // namespace twofold
