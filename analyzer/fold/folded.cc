#include "analyzer/fold/folded.h"

#include <algorithm>

#include "analyzer/data/dense_table.h"
#include "analyzer/data/recorded_sources.h"
#include "analyzer/fold/forest.h"
#include "analyzer/fold/refold.h"
#include "analyzer/fold/stack_merger.h"
#include "analyzer/fold/stack_order.h"
#include "analyzer/fold/view_rows.h"
#include "analyzer/fold/waker_frames.h"
#include "analyzer/names/frame_names.h"

namespace twofold {
namespace {

FrameKind KindOf(std::string_view module_kind) {
  if (module_kind == "special") return FrameKind::kSpecial;
  return module_kind.substr(0, 6) == "kernel" ? FrameKind::kKernel : FrameKind::kUser;
}

// The columns of a row that a stack is made from.
enum Column {
  kThread,
  kUserStack,
  kKernelStack,
  kValue,
  kCount,
  kLoss,
  kSpecialFrame,
  kInterval,
  kUnits,
  kParts,
  kDivisor,
  kDivisorCount,
  kVariance,
  kFirstMore
};

// The first columns of a row, up to kCount.
std::string FirstColumns(const View& view, const char* count) {
  return "SELECT thread_id, user_stack_id, kernel_stack_id, " + std::string(view.value_column) +
         ", " + count + ", ";
}

// Whether frames must be told apart by more than their names until the filters are through.
bool NeedsDetails(const FoldRequest& request) {
  bool needed = request.detailed || request.annotate;
  for (const StackStep& step : request.steps) needed = needed || step.needs_details;
  return needed;
}

class Folder {
 public:
  Folder(Database& database, const FoldRequest& request)
      : database_(database),
        request_(request),
        with_details_(NeedsDetails(request)),
        forest_(folded_, with_details_ ? Identity::kFrames : Identity::kTexts),
        merger_(folded_, forest_),
        waker_frames_(forest_, request.view->shape, roots_, stacks_) {}

  Result<Folded> Run() {
    TWOFOLD_RETURN_IF_ERROR(ReadThreads());
    TWOFOLD_RETURN_IF_ERROR(ReadFrames());
    TWOFOLD_RETURN_IF_ERROR(ReadStacks());
    if (with_wakers()) TWOFOLD_RETURN_IF_ERROR(waker_frames_.Read(database_));
    if (request_.view->unit == Unit::kPages) TWOFOLD_RETURN_IF_ERROR(ReadPageBytes());
    TWOFOLD_RETURN_IF_ERROR(ReadRows());
    if (with_details_) {
      TWOFOLD_ASSIGN_OR_RETURN(StackDetails details, StackDetails::Read(database_));
      folded_.details = std::move(details);
    }
    return std::move(folded_);
  }

 private:
  bool with_wakers() const { return request_.view->shape != StackShape::kSleeper; }

  bool keeps_rows() const { return !request_.rows_sql.empty(); }

  Result<void> ReadThreads() {
    if (request_.root == RootFrame::kNone) return {};
    int column = request_.root == RootFrame::kThread    ? 1
                 : request_.root == RootFrame::kCgroup  ? 3
                 : request_.root == RootFrame::kCapture ? 4
                                                        : 2;
    return ReadDenseTable(database_, "thread",
                          "SELECT thread.thread_id, thread.name, process.name, "
                          "coalesce(thread.cgroup, '[no cgroup]'), capture.file_name || "
                          "CASE WHEN (SELECT count(*) FROM capture AS other"
                          "           WHERE other.file_name = capture.file_name) > 1"
                          " THEN ' #' || capture.capture_id ELSE '' END FROM thread "
                          "LEFT JOIN process ON process.process_id = thread.process_id "
                          "LEFT JOIN capture ON capture.capture_id = process.capture_id "
                          "ORDER BY thread.thread_id",
                          [&](const Statement& row) -> Result<void> {
                            std::string_view name = row.Text(column);
                            if (name.empty()) name = "[no name]";
                            roots_.push_back(forest_.NameOf(name, FrameKind::kRoot));
                            return {};
                          });
  }

  Result<void> ReadFrames() {
    TWOFOLD_ASSIGN_OR_RETURN(FrameNames names,
                             FrameNames::Read(database_, request_.demangle, request_.lines));
    folded_.notes = names.Notes();
    return ReadDenseTable(database_, "frame",
                          "SELECT frame_id, name, kind FROM frame_name ORDER BY frame_id",
                          [&](const Statement& row) -> Result<void> {
                            std::string line;
                            std::string_view name = names.Shown(row.Text(1));
                            if (request_.lines) {
                              name = line = names.ShownWithLine(row.Int(0), row.Text(1));
                            }
                            uint32_t frame = with_details_ ? uint32_t(row.Int(0)) : 0;
                            frames_.push_back(forest_.NameOf(name, KindOf(row.Text(2)), frame));
                            return {};
                          });
  }

  // Maps every stack to its node of the merged forest. Parents come first, so one pass does.
  Result<void> ReadStacks() {
    TWOFOLD_ASSIGN_OR_RETURN(int64_t count, database_.QueryInt("SELECT count(*) FROM stack"));
    forest_.Expect(size_t(std::clamp<int64_t>(count, 0, 1 << 26)));
    stacks_.push_back(0);
    return ReadDenseTable(
        database_, "stack",
        "SELECT stack_id, parent_stack_id, frame_id FROM stack ORDER BY stack_id",
        [&](const Statement& row) -> Result<void> {
          int64_t parent = row.Int(1);
          int64_t frame = row.Int(2);
          bool known = IsIndexOf(parent, stacks_) && frame >= 1 && IsIndexOf(frame - 1, frames_);
          if (!known) return IdGap("stack");
          stacks_.push_back(forest_.Child(stacks_[size_t(parent)], frames_[size_t(frame) - 1]));
          return {};
        });
  }

  Result<void> ReadPageBytes() {
    TWOFOLD_ASSIGN_OR_RETURN(
        int64_t bytes, database_.QueryInt("SELECT CASE min(page_bytes) WHEN max(page_bytes) THEN"
                                          " min(page_bytes) ELSE 0 END FROM capture WHERE " +
                                              RecordedSource("?1"),
                                          {std::string(request_.view->source)}));
    folded_.page_bytes = uint64_t(std::max<int64_t>(bytes, 0));
    return {};
  }

  Result<void> ReadRows() {
    const View& view = *request_.view;
    if (IsGrowth(view, request_.conditions)) return ReadGrowth();
    std::string from = " FROM " + std::string(keeps_rows() ? request_.rows_sql : view.sql_view);
    const char* of_row = keeps_rows() ? "interval_id, units, parts" : "0, 0, 0";
    std::string value(view.value_column);
    std::string where;
    std::string where_time;
    std::vector<SqlValue> parameters;
    std::vector<SqlValue> time_parameters;
    for (const Condition& condition : WithDefault(view, request_.conditions)) {
      where += (where.empty() ? " WHERE " : " AND ") + condition.sql;
      parameters.insert(parameters.end(), condition.parameters.begin(), condition.parameters.end());
      if (!condition.selects_by_time) continue;
      where_time += " AND " + condition.sql;
      time_parameters.insert(time_parameters.end(), condition.parameters.begin(),
                             condition.parameters.end());
    }
    std::string columns = FirstColumns(view, keeps_rows() ? "units" : "count");
    std::string divisor = ", 0, 0";
    if (view.ratio != nullptr) {
      divisor = ", " + std::string(view.ratio->divisor_column) + ", " +
                std::string(view.ratio->divisor_count_column);
    }
    std::string more = with_wakers() ? ", chain_id, still_blocked" : FrameColumns(view);
    std::string variance =
        view.variance_column.empty() ? ", 0" : ", " + std::string(view.variance_column);
    TWOFOLD_RETURN_IF_ERROR(ReadRowsOf(
        columns + "loss, special_frame, " + of_row + divisor + variance + more + from + where,
        parameters, [&](const Statement& row, FoldedStack& stack) {
          return with_wakers() ? AddWakers(row, stack) : AddFacts(row, stack);
        }));
    if (request_.with_waiting) {
      TWOFOLD_RETURN_IF_ERROR(ReadRowsOf(
          columns + "NULL, special_frame, 0, 0, 0, 0, 0, 0, preempted FROM runnable" + where,
          parameters, [&](const Statement& row, FoldedStack& stack) -> Result<void> {
            bool preempted = row.Int(kFirstMore) != 0;
            stack.tail = forest_.Child(0, Message(preempted ? "[preempted]" : "[woken]"));
            return {};
          }));
    }
    TWOFOLD_ASSIGN_OR_RETURN(int64_t all_lost,
                             database_.QueryInt("SELECT sum(" + value + ")" + from +
                                                    " WHERE loss IS NOT NULL" + where_time,
                                                time_parameters));
    folded_.lost_left_out = uint64_t(std::max<int64_t>(all_lost, 0)) - lost_without_thread_;
    return {};
  }

  // What was added up over a part of the window may have become less: such stacks are left out.
  Result<void> ReadGrowth() {
    const View& view = *request_.view;
    folded_.is_growth = true;
    GrowthQuery query = GrowthOf(view, request_.conditions);
    return ReadRowsOf(
        FirstColumns(view, "count") + "loss, special_frame, 0, 0, 0, 0, 0, 0" + FrameColumns(view) +
            " FROM (" + query.sql + ") WHERE " + std::string(view.value_column) + " > 0",
        query.parameters,
        [&](const Statement& row, FoldedStack& stack) { return AddFacts(row, stack); });
  }

  // `finish(row, stack)` adds what the columns from kFirstMore on tell.
  template <typename Finish>
  Result<void> ReadRowsOf(const std::string& sql, const std::vector<SqlValue>& parameters,
                          Finish finish) {
    return ForEachRow(database_, sql, parameters,
                      [&](const Statement& row) { return AddRow(row, finish); });
  }

  static uint64_t CountIn(const Statement& row, Column column) {
    return uint64_t(std::clamp<int64_t>(row.Int(column), 0, INT32_MAX));
  }

  template <typename Finish>
  Result<void> AddRow(const Statement& row, Finish finish) {
    int64_t value = row.Int(kValue);
    int64_t divisor = row.Int(kDivisor);
    if (value < 0 || uint64_t(value) > INT64_MAX - folded_.total) {
      return Error{request_.view->unit == Unit::kNanoseconds
                       ? "the times of the capture add up to more than 292 years"
                       : "the numbers of the capture add up to more than 2^63",
                   "", "The file is not a recording of a real host"};
    }
    if (divisor < 0 || uint64_t(divisor) > INT64_MAX - folded_.divisor_total) {
      return Error{"the numbers of the capture add up to more than 2^63", "",
                   "The file is not a recording of a real host"};
    }
    if (value == 0 && divisor == 0) return {};
    folded_.total += uint64_t(value);
    folded_.divisor_total += uint64_t(divisor);
    FoldedStack stack;
    stack.value = uint64_t(value);
    stack.count = CountIn(row, kCount);
    stack.divisor = uint64_t(divisor);
    stack.divisor_count = CountIn(row, kDivisorCount);
    stack.variance = double(std::max<int64_t>(row.Int(kVariance), 0));
    if (!row.IsNull(kLoss)) {
      folded_.lost += stack.value;
      lost_without_thread_ += stack.value;
      std::string text = "[lost: " + std::string(row.Text(kLoss)) + "]";
      std::replace(text.begin(), text.end(), '-', ' ');
      SetOnlyFrame(stack, text);
      KeepRow(row, stack, merger_.Add(stack));
      return {};
    }
    TWOFOLD_RETURN_IF_ERROR(SetSleeper(row, stack));
    TWOFOLD_RETURN_IF_ERROR(finish(row, stack));
    if (stack.root == Folded::kNoRoot && stack.user == 0 && stack.tail == 0) {
      SetOnlyFrame(stack, "[no stack]");
    }
    KeepRow(row, stack, merger_.Add(stack));
    return {};
  }

  void KeepRow(const Statement& row, const FoldedStack& row_stack, uint32_t stack) {
    if (!keeps_rows()) return;
    int64_t parts = row.Int(kParts);
    folded_.rows.push_back({.stack = stack,
                            .interval_id = row.Int(kInterval),
                            .thread_id = row.Int(kThread),
                            .value = row_stack.value,
                            .units = uint64_t(std::max<int64_t>(row.Int(kUnits), 0)),
                            .divisor = row_stack.divisor,
                            .divisor_units = row_stack.divisor_count,
                            .is_lost = !row.IsNull(kLoss),
                            .goes_on = (parts & 1) != 0,
                            .stays_open = (parts & 2) != 0});
  }

  // The stack of the thread whose time it is.
  Result<void> SetSleeper(const Statement& row, FoldedStack& stack) {
    int64_t thread = row.Int(kThread);
    int64_t user = row.Int(kUserStack);
    int64_t kernel = row.Int(kKernelStack);
    if (!IsIndexOf(user, stacks_) || !IsIndexOf(kernel, stacks_)) return IdGap("stack");
    stack.user = stacks_[size_t(user)];
    stack.kernel = stacks_[size_t(kernel)];
    if (stack.user == 0) std::swap(stack.user, stack.kernel);
    if (!row.IsNull(kSpecialFrame)) {
      stack.user = forest_.Child(0, Message(row.Text(kSpecialFrame)));
      stack.kernel = 0;
      if (row.Text(kSpecialFrame).substr(0, 6) == "[lost:") folded_.lost += stack.value;
    }
    stack.root = Folded::kNoRoot;
    if (request_.by_thread) stack.thread = uint32_t(std::max<int64_t>(thread, 0));
    if (request_.root == RootFrame::kNone) return {};
    if (thread < 1 || !IsIndexOf(thread - 1, roots_)) return IdGap("thread");
    stack.root = roots_[size_t(thread) - 1];
    return {};
  }

  // Adds what the view says of a stack beside its frames.
  Result<void> AddFacts(const Statement& row, FoldedStack& stack) {
    const View& view = *request_.view;
    if (!row.IsNull(kSpecialFrame)) return {};
    int column = kFirstMore;
    uint32_t facts = 0;
    for (size_t i = 0; i < view.leading_frames.size(); ++i) {
      facts = forest_.Child(facts, forest_.NameOf(row.Text(column++), FrameKind::kFact));
    }
    if (facts != 0) {
      // Views with such frames have no user stacks.
      stack.kernel = stack.user;
      stack.user = facts;
    }
    if (!view.last_frame.empty()) stack.tail = forest_.Child(0, Message(row.Text(column)));
    return {};
  }

  // Adds the wakers behind the sleeper's stack, or puts the waker's stack in its place.
  Result<void> AddWakers(const Statement& row, FoldedStack& stack) {
    bool in_place = request_.view->shape == StackShape::kWaker;
    if (!row.IsNull(kSpecialFrame)) {
      if (in_place) SetOnlyFrame(stack, row.Text(kSpecialFrame));
      return {};
    }
    int64_t chain = row.Int(kFirstMore);
    bool still_blocked = row.Int(kFirstMore + 1) != 0;
    if (!waker_frames_.Has(chain)) return IdGap("chain");
    if (!in_place) {
      stack.tail = waker_frames_.TailOf(uint32_t(chain), still_blocked);
      return {};
    }
    std::string_view message;
    stack.root = Folded::kNoRoot;
    stack.user = stack.kernel = 0;
    if (!waker_frames_.StackOf(uint32_t(chain), still_blocked, stack, message)) {
      SetOnlyFrame(stack, message);
    }
    if (stack.user == 0) std::swap(stack.user, stack.kernel);
    return {};
  }

  uint32_t Message(std::string_view text) { return forest_.NameOf(text, FrameKind::kSpecial); }

  // Makes a message the stack's first and only frame.
  void SetOnlyFrame(FoldedStack& stack, std::string_view text) {
    bool has_roots = request_.root != RootFrame::kNone;
    stack.root = has_roots ? Message(text) : Folded::kNoRoot;
    stack.user = has_roots ? 0 : forest_.Child(0, Message(text));
    stack.kernel = 0;
  }

  Database& database_;
  const FoldRequest& request_;
  bool with_details_;
  Folded folded_;
  Forest forest_;
  StackMerger merger_;
  std::vector<uint32_t> roots_;   // by thread id - 1
  std::vector<uint32_t> frames_;  // by frame id - 1
  std::vector<uint32_t> stacks_;  // by stack id
  WakerFrames waker_frames_;
  uint64_t lost_without_thread_ = 0;  // the part of Folded::lost that rows of losses tell
};

}  // namespace

bool Folded::IsLost(const FoldedStack& stack) const {
  auto is_lost = [&](uint32_t name) {
    return names[name].kind == FrameKind::kSpecial && Text(name).substr(0, 6) == "[lost:";
  };
  return (stack.root != kNoRoot && is_lost(stack.root)) ||
         (nodes[stack.user].depth == 1 && is_lost(nodes[stack.user].name));
}

double Folded::Variance() const {
  double variance = 0;
  for (const FoldedStack& stack : stacks) variance += stack.variance;
  return variance;
}

std::optional<uint64_t> Folded::BytesOf(uint64_t pages) const {
  if (page_bytes == 0) return std::nullopt;
  uint64_t bytes = 0;
  return __builtin_mul_overflow(pages, page_bytes, &bytes) ? uint64_t(INT64_MAX)
                                                           : std::min<uint64_t>(bytes, INT64_MAX);
}

Result<Folded> Fold(Database& database, const FoldRequest& request) {
  TWOFOLD_ASSIGN_OR_RETURN(Folded folded, Folder(database, request).Run());
  bool merged = !NeedsDetails(request);
  for (const StackStep& step : request.steps) {
    if (step.on_texts && !merged && !request.detailed) {
      folded = MergeByTexts(std::move(folded), request.annotate);
      merged = true;
    }
    folded = step.apply(std::move(folded));
  }
  if (!merged && !request.detailed) folded = MergeByTexts(std::move(folded), request.annotate);
  if (request.by_place) folded = MergeByPlaces(std::move(folded), request.annotate);
  if (request.rows_sql.empty()) SortStacks(folded);
  return folded;
}

}  // namespace twofold
