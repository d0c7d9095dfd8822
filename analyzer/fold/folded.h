// Weighted stacks of a view, merged by what their frames are called: what every output of a view is
// made from.
//
// A stack here is up to four parts, root first: a first frame (the process's or thread's name),
// user frames, kernel frames, and a tail: the frames of wakers, or of a wait for a CPU. All but the
// first frame are nodes of one forest that is merged by names, so that a million stacks with shared
// callers stay small and no stack is walked twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/data/database.h"
#include "analyzer/fold/details.h"
#include "analyzer/fold/filter.h"
#include "analyzer/fold/stack_filter.h"
#include "analyzer/fold/view.h"
#include "format/base/result.h"

namespace twofold {

enum class FrameKind : uint8_t {
  kRoot,       // a process, thread or cgroup
  kFact,       // what is known of a stack beside its frames: an address, a state
  kUser,       // user code
  kKernel,     // the kernel and its modules
  kSpecial,    // a message, such as [stack lost: map full]
  kSeparator,  // `--`, between a sleeper and its waker
  kWaker,      // code of a waker, behind a sleeper's stack
};

// What a frame is called. Two frames with the same text and kind are one, unless details were asked
// for.
struct FrameName {
  uint32_t text;  // index into Folded::texts
  FrameKind kind;
  uint32_t frame = 0;  // with details: index into StackDetails::frames and 1; 0: no code
};

// A node of the forest. Index 0 stands for "no frames"; a parent's index is smaller.
struct FrameNode {
  uint32_t parent = 0;
  uint32_t name = 0;   // index into Folded::names
  uint32_t depth = 0;  // frames from the root down to here; 0 for node 0
};

struct FoldedStack {
  uint32_t root = 0;    // index into Folded::names; kNoRoot: no first frame
  uint32_t user = 0;    // node
  uint32_t kernel = 0;  // node, below the user frames
  uint32_t tail = 0;    // node, below the kernel frames
  uint64_t value = 0;   // in the view's unit
  uint64_t count = 0;   // of samples, blocks or waits
  uint32_t thread = 0;  // by thread: index into StackDetails::threads and 1; 0: lost time
  // Of views with a ratio, else 0: what the value is divided by, and how many samples that is.
  uint64_t divisor = 0;
  uint64_t divisor_count = 0;
  double variance = 0;  // of the value, where it is an estimate, in the square of its unit
};

// A row of the view before it was merged into its stack, for comparing intervals.
struct FoldedRow {
  uint32_t stack = 0;          // index into Folded::stacks
  int64_t interval_id = 0;     // as in SQL
  int64_t thread_id = 0;       // as in SQL; 0: of no thread
  uint64_t value = 0;          // in the view's unit
  uint64_t units = 0;          // samples, or blocks that were kept, that the value stands for
  uint64_t divisor = 0;        // of views with a ratio, as in FoldedStack
  uint64_t divisor_units = 0;  // samples that the divisor stands for
  bool is_lost = false;        // lost time
  bool goes_on = false;        // the thread's last block of the interval before goes on in this row
  bool stays_open = false;     // a block of this row goes on in the next interval
};

struct Folded {
  static constexpr uint32_t kNoRoot = UINT32_MAX;

  std::vector<std::string> texts;  // made harmless by EscapeText
  std::vector<FrameName> names;
  std::vector<FrameNode> nodes;
  // In the order of their frames' texts, a function's kernel time before its callees. No two have
  // equal texts, unless details were asked for.
  std::vector<FoldedStack> stacks;
  StackDetails details;            // empty unless they were asked for
  std::vector<FoldedRow> rows;     // if FoldRequest::rows_sql asked for them
  uint64_t total = 0;              // sum of all values
  uint64_t divisor_total = 0;      // sum of all divisors
  bool is_growth = false;          // the rows are those of View::growth_view
  uint64_t lost = 0;               // part of it that is lost time, under frames [lost: ...]
  uint64_t page_bytes = 0;         // of values in pages; 0: captures differ in it
  uint64_t lost_left_out = 0;      // lost time that the filters left out: it may belong to them
  std::vector<std::string> notes;  // sentences for the user

  std::string_view Text(uint32_t name) const { return texts[names[name].text]; }

  // Of the total, as of FoldedStack.
  double Variance() const;

  // What pages are in bytes; nullopt: the values are no pages, or of several sizes.
  std::optional<uint64_t> BytesOf(uint64_t pages) const;

  // Whether the stack is lost time, [lost: ...].
  bool IsLost(const FoldedStack& stack) const;
};

enum class RootFrame { kProcess, kThread, kCgroup, kCapture, kNone };

struct RootFrameName {
  std::string_view name;  // as --root has it
  RootFrame frame;
};
const std::vector<RootFrameName>& RootFrames();

// Error: the name is unknown; suggests one.
Result<RootFrame> ParseRootFrame(std::string_view name);

struct FoldRequest {
  const View* view = nullptr;
  RootFrame root = RootFrame::kProcess;
  bool demangle = true;               // names of frames
  bool lines = false;                 // with their places in the source
  std::vector<Condition> conditions;  // all must hold
  bool with_waiting = false;          // adds time waiting for a CPU, of the SQL view runnable
  std::vector<StackStep> steps;       // filters of stacks, in the order of StackFilters()
  bool detailed = false;              // stacks differ by their frames' details, not by texts alone
  bool by_place = false;              // but only by text and source line; with details only
  bool by_thread = false;             // and by thread; with details only
  bool annotate = false;              // names end in _[k] (kernel), _[w] (waker), _[i] (inlined) or
                                      // _[j] (made at run time); without details, or by place
  // Not empty: what is read in the SQL view's place, with two columns more: units, as in FoldedRow,
  // and parts: 1 for goes_on plus 2 for stays_open. Fills Folded::rows and leaves the stacks in the
  // order in which they were found. Without steps, which may sort them.
  std::string_view rows_sql;
};

// Error: the database cannot be read, its ids are not those of `twofold load`, or times overflow.
Result<Folded> Fold(Database& database, const FoldRequest& request);

// Walks through stacks in their order and gives each as frames, root first, at the cost of what
// differs from the stack before.
class PathWalker {
 public:
  explicit PathWalker(const Folded& folded) : folded_(folded) {}

  // Moves to a stack. Returns how many leading frames of path() are as they were.
  size_t MoveTo(const FoldedStack& stack);

  // Indices into Folded::names, root first. Never empty.
  const std::vector<uint32_t>& path() const { return path_; }

 private:
  const Folded& folded_;
  std::vector<uint32_t> path_;
  FoldedStack last_{.root = Folded::kNoRoot};
};

}  // namespace twofold
