// The table "longest": exemplars, the longest single blocks and waits for a CPU, each with its
// stacks and with the whole chain of what ended it. For people a few lines for each, for programs
// everything.
#include <algorithm>
#include <cstdio>

#include "analyzer/data/kind_names.h"
#include "analyzer/tabular/stack_reader.h"
#include "analyzer/tabular/view.h"
#include "analyzer/text/json.h"
#include "analyzer/text/table.h"
#include "format/base/escape_text.h"
#include "format/base/units.h"

namespace twofold {
namespace {

// More wakers than any recorder keeps: a chain of a stranger's database is not walked forever.
constexpr size_t kMaxWakers = 1000;

// Columns of the query.
enum Column {
  kExemplar,
  kKind,
  kState,
  kPreempted,
  kIsOpen,
  kStart,
  kEnd,
  kTime,
  kCpu,
  kKernelStack,
  kUserStack,
  kChain,
  kCapture,
  kPid,
  kTid,
  kProcess,
  kThread,
  kInterval,
};

struct Waker {
  std::string kind;  // as in the table waker
  bool has_thread = false;
  int64_t pid = 0;
  int64_t tid = 0;
  std::string process;
  std::string thread;
  std::vector<StackFrame> kernel;  // innermost first
  std::vector<StackFrame> user;
};

struct Longest {
  int64_t capture_id = 0;
  std::string kind;
  std::string state;
  bool preempted = false;
  bool is_open = false;
  TabularCell start_ns;
  int64_t end_ns = 0;
  int64_t time_ns = 0;
  int64_t cpu = 0;
  int64_t pid = 0;
  int64_t tid = 0;
  int64_t interval = 0;
  int64_t kernel_stack_id = 0;
  int64_t user_stack_id = 0;
  int64_t chain_id = 0;
  std::string process;
  std::string thread;
  WaitKind waited_for = WaitKind::kUnknown;  // of blocks
  std::vector<StackFrame> kernel;
  std::vector<StackFrame> user;
  std::vector<Waker> wakers;

  bool IsWait() const { return state == "R"; }
};

bool BeginsWith(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

// Functions that every block and every wake-up goes through: they tell a reader nothing.
bool TellsNothing(const StackFrame& frame) {
  constexpr std::string_view kStarts[] = {
      "schedule",
      "__schedule",
      "preempt_schedule",
      "try_to_wake_up",
      "ttwu_",
      "wake_up",
      "__wake_up",
      "wake_page_function",
      "wake_bit_function",
      "autoremove_wake_function",
      "default_wake_function",
      "woken_wake_function",
      "pollwake",
      "ep_poll_callback",
      "ep_autoremove_wake_function",
      "swake_up",
      "complete",
      "wait_for_completion",
  };
  return frame.is_kernel && std::any_of(std::begin(kStarts), std::end(kStarts),
                                        [&](auto start) { return BeginsWith(frame.name, start); });
}

// "inner < its caller < ...", as many as fit in `width` columns.
std::string ShortStack(const std::vector<StackFrame>& frames, size_t width) {
  size_t first = 0;
  while (first < frames.size() && TellsNothing(frames[first])) ++first;
  if (first == frames.size()) first = 0;
  std::string out;
  for (size_t i = first; i < frames.size(); ++i) {
    std::string name = EscapeText(frames[i].shown);
    std::string longer = out.empty() ? name : out + " < " + name;
    bool is_last = i + 1 == frames.size();
    if (!out.empty() && DisplayWidth(longer) + (is_last ? 0 : 4) > width) return out + " < \u2026";
    out = longer;
  }
  return Shorten(out, width);
}

std::string Seconds(int64_t time_ns) {
  char text[48];
  snprintf(text, sizeof(text), "%lld.%06lld s", static_cast<long long>(time_ns / 1000000000),
           static_cast<long long>(time_ns % 1000000000 / 1000));
  return text;
}

// Outermost caller first, as folded stacks have it.
std::string JsonStack(const std::vector<StackFrame>& frames) {
  std::vector<std::string> names;
  for (size_t i = frames.size(); i-- > 0;) names.push_back(JsonText(frames[i].shown));
  return JsonArray(names);
}

void AppendFrame(std::string& line, std::string_view frame) {
  if (!line.empty()) line += ';';
  line += EscapeFrame(frame);
}

std::string FoldedStack(const std::vector<StackFrame>& frames) {
  std::string line;
  for (size_t i = frames.size(); i-- > 0;) AppendFrame(line, frames[i].shown);
  return line;
}

std::string NameOf(const Waker& waker) {
  if (waker.kind != "task") return "[" + waker.kind + "]";
  return waker.thread.empty() ? "[no name]" : waker.thread;
}

Structure ChainCell(const std::vector<Waker>& wakers) {
  Structure cell;
  std::vector<std::string> objects;
  for (const Waker& waker : wakers) {
    std::string thread = ", \"pid\": null, \"tid\": null, \"process\": null";
    if (waker.has_thread) {
      thread = ", \"pid\": " + std::to_string(waker.pid) +
               ", \"tid\": " + std::to_string(waker.tid) +
               ", \"process\": " + JsonText(waker.process);
    }
    objects.push_back("{\"kind\": " + JsonText(waker.kind) +
                      ", \"name\": " + JsonText(NameOf(waker)) + thread + ", \"kernel_stack\": " +
                      JsonStack(waker.kernel) + ", \"user_stack\": " + JsonStack(waker.user) + "}");
    // Upside down, so that frames meet where one thread wakes the other.
    if (!cell.line.empty()) AppendFrame(cell.line, "--");
    for (const StackFrame& frame : waker.kernel) AppendFrame(cell.line, frame.shown);
    for (const StackFrame& frame : waker.user) AppendFrame(cell.line, frame.shown);
    AppendFrame(cell.line, NameOf(waker));
  }
  cell.json = JsonArray(objects);
  return cell;
}

Error NoSuchRow() {
  return Error{"the table exemplar holds a row that no capture has", "", "Load the captures again"};
}

class Maker {
 public:
  Maker(Database& database, const TabularRequest& request, StackReader stacks)
      : database_(database), request_(request), stacks_(std::move(stacks)) {}

  Result<Tabular> Make() {
    TWOFOLD_ASSIGN_OR_RETURN(int64_t captures, database_.QueryInt("SELECT count(*) FROM capture"));
    several_captures_ = captures > 1;
    TWOFOLD_RETURN_IF_ERROR(Read());
    Tabular tabular;
    if (rows_.empty() && request_.conditions.empty()) {
      tabular.notes.push_back("the capture holds no longest blocks and waits");
    }
    for (std::string& note : stacks_.names().Notes()) tabular.notes.push_back(std::move(note));
    for (const char* name : {"capture_id", "kind", "time_ns", "start_ns", "end_ns", "is_open",
                             "pid", "tid", "process", "thread", "state", "waited_for", "preempted",
                             "cpu", "interval", "kernel_stack", "user_stack", "wakers"}) {
      tabular.columns.push_back({name, "", CellKind::kNumber});
    }
    std::string kind = "none";
    size_t rank = 0;
    for (const Longest& row : rows_) {
      tabular.rows.push_back(Cells(row));
      if (row.kind != kind) {
        tabular.text += std::string(tabular.text.empty() ? "" : "\n") + Heading(row.kind) + "\n";
        rank = 0;
      }
      kind = row.kind;
      tabular.text += Lines(row, ++rank);
    }
    // An empty text would ask for columns.
    if (tabular.text.empty()) tabular.text = "No blocks and no waits.\n";
    return tabular;
  }

 private:
  Result<void> Read() {
    std::vector<SqlValue> parameters;
    std::string where = WhereText(request_.conditions, parameters);
    TWOFOLD_RETURN_IF_ERROR(ForEachRow(
        database_,
        "SELECT exemplar_id, part.kind, state, preempted, is_open, part.start_ns, part.end_ns,"
        " time_ns, cpu, kernel_stack_id, user_stack_id, chain_id, process.capture_id, process.pid,"
        " thread.tid, process.name, thread.name, interval.number "
        "FROM (SELECT exemplar.*, (SELECT process_id FROM thread"
        " WHERE thread.thread_id = exemplar.thread_id) AS process_id FROM exemplar" +
            std::string(") AS part") +
            " LEFT JOIN thread ON thread.thread_id = part.thread_id"
            " LEFT JOIN process ON process.process_id = thread.process_id"
            " LEFT JOIN interval ON interval.interval_id = part.interval_id" +
            " WHERE exemplar_id IN (SELECT exemplar_id FROM (SELECT exemplar.*,"
            " (SELECT process_id FROM thread WHERE thread.thread_id = exemplar.thread_id)"
            " AS process_id FROM exemplar)" +
            where +
            ") ORDER BY CASE part.kind WHEN 'uninterruptible' THEN 1"
            " WHEN 'interruptible' THEN 2 WHEN 'waiting' THEN 3 ELSE 4 END, part.kind,"
            " time_ns DESC, exemplar_id",
        parameters, [&](const Statement& row) { return Append(row); }));
    Choose();
    for (Longest& row : rows_) {
      TWOFOLD_RETURN_IF_ERROR(Take(row.kernel_stack_id, row.kernel));
      TWOFOLD_RETURN_IF_ERROR(Take(row.user_stack_id, row.user));
      TWOFOLD_RETURN_IF_ERROR(ReadChain(row.chain_id, row.wakers));
    }
    return {};
  }

  // The longest of each kind. Threads of the kernel that had no work come last of theirs: they
  // sleep longest everywhere, and nobody waits for them.
  void Choose() {
    auto is_idle = [](const Longest& row) { return row.waited_for == WaitKind::kIdleWorker; };
    for (size_t start = 0; start < rows_.size();) {
      size_t end = start;
      while (end < rows_.size() && rows_[end].kind == rows_[start].kind) ++end;
      std::stable_sort(rows_.begin() + ptrdiff_t(start), rows_.begin() + ptrdiff_t(end),
                       [&](const Longest& a, const Longest& b) { return is_idle(a) < is_idle(b); });
      if (request_.limit != 0 && end - start > request_.limit) {
        rows_.erase(rows_.begin() + ptrdiff_t(start + request_.limit),
                    rows_.begin() + ptrdiff_t(end));
        end = start + request_.limit;
      }
      start = end;
    }
  }

  Result<void> Append(const Statement& row) {
    if (row.IsNull(kPid) || row.IsNull(kTid) || row.Int(kTime) < 0 || row.Int(kEnd) < 0 ||
        row.Int(kStart) < 0) {
      return NoSuchRow();
    }
    Longest out;
    out.capture_id = row.Int(kCapture);
    out.kind = std::string(row.Text(kKind));
    out.state = std::string(row.Text(kState));
    out.preempted = row.Int(kPreempted) != 0;
    out.is_open = row.Int(kIsOpen) != 0;
    if (!row.IsNull(kStart)) out.start_ns = row.Int(kStart);
    out.end_ns = row.Int(kEnd);
    out.time_ns = row.Int(kTime);
    out.cpu = row.Int(kCpu);
    out.pid = row.Int(kPid);
    out.tid = row.Int(kTid);
    out.interval = row.Int(kInterval);
    out.process = std::string(row.Text(kProcess));
    out.thread = std::string(row.Text(kThread));
    out.kernel_stack_id = row.Int(kKernelStack);
    out.user_stack_id = row.Int(kUserStack);
    out.chain_id = row.Int(kChain);
    if (!out.IsWait()) {
      TWOFOLD_ASSIGN_OR_RETURN(
          WaitKind kind, KindOf(stacks_, row.Int(kKernelStack),
                                out.state.empty() ? '?' : out.state[0], *request_.wait_kinds));
      out.waited_for = kind;
    }
    rows_.push_back(std::move(out));
    return {};
  }

  Result<void> Take(int64_t stack_id, std::vector<StackFrame>& frames) const {
    TWOFOLD_ASSIGN_OR_RETURN(std::vector<StackFrame> found, stacks_.Frames(stack_id));
    frames = std::move(found);
    return {};
  }

  Result<void> ReadChain(int64_t chain_id, std::vector<Waker>& wakers) const {
    while (chain_id != 0 && wakers.size() < kMaxWakers) {
      TWOFOLD_ASSIGN_OR_RETURN(
          Statement row,
          database_.Prepare(
              "SELECT chain.next_chain_id, waker.kind, waker.kernel_stack_id, waker.user_stack_id,"
              " process.pid, thread.tid, process.name, thread.name "
              "FROM chain LEFT JOIN waker ON waker.waker_id = chain.waker_id"
              " LEFT JOIN thread ON thread.thread_id = waker.thread_id"
              " LEFT JOIN process ON process.process_id = thread.process_id"
              " WHERE chain.chain_id = ?",
              {chain_id}));
      TWOFOLD_ASSIGN_OR_RETURN(bool there, row.Step());
      if (!there) return NoSuchRow();
      Waker waker;
      waker.kind = std::string(row.Text(1));
      TWOFOLD_RETURN_IF_ERROR(Take(row.Int(2), waker.kernel));
      TWOFOLD_RETURN_IF_ERROR(Take(row.Int(3), waker.user));
      waker.has_thread = !row.IsNull(4) && !row.IsNull(5);
      waker.pid = row.Int(4);
      waker.tid = row.Int(5);
      waker.process = std::string(row.Text(6));
      waker.thread = std::string(row.Text(7));
      wakers.push_back(std::move(waker));
      chain_id = row.Int(0);
    }
    return {};
  }

  static std::vector<TabularCell> Cells(const Longest& row) {
    TabularCell waited_for;
    TabularCell preempted;
    if (row.IsWait()) {
      preempted = int64_t{row.preempted};
    } else {
      waited_for = std::string(InfoOf(row.waited_for).name);
    }
    return {row.capture_id,
            row.kind,
            row.time_ns,
            row.start_ns,
            row.end_ns,
            int64_t{row.is_open},
            row.pid,
            row.tid,
            row.process,
            row.thread,
            row.state,
            waited_for,
            preempted,
            row.cpu,
            row.interval,
            Structure{JsonStack(row.kernel), FoldedStack(row.kernel)},
            Structure{JsonStack(row.user), FoldedStack(row.user)},
            ChainCell(row.wakers)};
  }

  static std::string Heading(const std::string& kind) {
    if (kind == NameOf(ExemplarKind::kUninterruptible))
      return "Blocked, could not be interrupted (D)";
    if (kind == NameOf(ExemplarKind::kInterruptible)) return "Blocked, asleep or stopped";
    if (kind == NameOf(ExemplarKind::kWaiting)) return "Waiting for a CPU";
    return "Of a kind that a newer version knows";
  }

  // The line of who and when, then one line for each stack and waker.
  std::string Lines(const Longest& row, size_t rank) const {
    std::string when = "from before the start";
    if (const int64_t* start_ns = std::get_if<int64_t>(&row.start_ns)) {
      when = "at " + Seconds(*start_ns);
    }
    if (row.is_open) when += ", not over";
    std::string what = row.preempted ? "preempted" : "woken";
    if (!row.IsWait()) {
      what = std::string(InfoOf(row.waited_for).name) + ", " + EscapeText(row.state);
    }
    std::string number = std::to_string(rank) + ".";
    number.resize(std::max<size_t>(number.size() + 1, 4), ' ');
    std::string start = number + FormatDuration(row.time_ns) + " (" + what + ") " + when + ": ";
    std::string ids = " (pid " + std::to_string(row.pid);
    if (row.tid != row.pid) ids += ", tid " + std::to_string(row.tid);
    if (several_captures_) ids += ", in " + std::to_string(row.capture_id);
    ids += ")";
    size_t used = DisplayWidth(start) + ids.size();
    size_t left = used + 8 < request_.width ? request_.width - used : 8;
    std::string name = row.thread.empty() ? "[no name]" : EscapeText(row.thread);
    std::string out = Shorten(start + Shorten(name, left) + ids, request_.width) + "\n";
    for (auto [label, frames] : {std::pair{"kernel", &row.kernel}, {"user", &row.user}}) {
      if (!frames->empty()) out += Labelled(label, ShortStack(*frames, request_.width - 13));
    }
    const char* label = "woken by";
    for (const Waker& waker : row.wakers) {
      std::string who = Shorten(EscapeText(NameOf(waker)), PartOf(request_.width, 20));
      if (waker.has_thread) who += " (" + std::to_string(waker.tid) + ")";
      std::string line = who;
      const std::vector<StackFrame>& frames = waker.kernel.empty() ? waker.user : waker.kernel;
      if (!frames.empty())
        line += ": " + ShortStack(frames, request_.width - 15 - DisplayWidth(who));
      out += Labelled(label, line);
      label = "  after";
    }
    return out;
  }

  std::string Labelled(std::string label, const std::string& text) const {
    label.resize(9, ' ');
    return "    " + label + Shorten(text, request_.width - 13) + "\n";
  }

  Database& database_;
  const TabularRequest& request_;
  StackReader stacks_;
  bool several_captures_ = false;
  std::vector<Longest> rows_;
};

}  // namespace

Result<Tabular> MakeLongest(Database& database, const TabularRequest& request) {
  TWOFOLD_ASSIGN_OR_RETURN(StackReader stacks, StackReader::Read(database, request.demangle));
  return Maker(database, request, std::move(stacks)).Make();
}

}  // namespace twofold
