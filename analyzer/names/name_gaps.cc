// Stacks are nodes of a forest, and a hostile file can describe very long ones that share their
// nodes. So nothing here walks single stacks: what a stack holds is worked out once for each node,
// from its caller's, and time goes from nodes to their callers in one pass.
#include "analyzer/names/name_gaps.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "analyzer/data/dense_table.h"

namespace twofold {
namespace {

using Gaps = uint16_t;  // bits of NameGap
static_assert(kNameGaps <= 16);

constexpr Gaps Bit(NameGap gap) { return static_cast<Gaps>(1u << static_cast<unsigned>(gap)); }

// Gaps that stand for a missing part of a stack, not for a frame.
constexpr Gaps kEnds = Bit(NameGap::kFramePointer) | Bit(NameGap::kUnreadable) |
                       Bit(NameGap::kTooDeep) | Bit(NameGap::kNotTaken) | Bit(NameGap::kLost) |
                       Bit(NameGap::kProcessGone);

// Messages in stacks by how they begin (recorder/capture/capture_stacks.cc,
// recorder/names/symbolizer.cc).
struct Message {
  std::string_view start;
  NameGap gap;
};
constexpr Message kMessages[] = {
    {"[stack ends: no frame pointer]", NameGap::kFramePointer},
    {"[stack ends: beginning not reached]", NameGap::kFramePointer},
    {"[stack ends: memory not readable]", NameGap::kUnreadable},
    {"[user stack unreadable]", NameGap::kUnreadable},
    {"[kernel stack unreadable]", NameGap::kKernel},
    {"[truncated stack]", NameGap::kTooDeep},
    {"[user stack not taken", NameGap::kNotTaken},
    {"[stack not sampled]", NameGap::kNotTaken},
    {"[stack not taken", NameGap::kNotTaken},
    {"[stack lost:", NameGap::kLost},
    {"[process gone", NameGap::kProcessGone},
    {"[unmapped address]", NameGap::kUnmapped},
    {"[module replaced:", NameGap::kReplaced},
    {"[kernel address without symbol]", NameGap::kKernel},
};

constexpr uint32_t kNoModule = UINT32_MAX;

uint64_t Add(uint64_t a, uint64_t b) {
  constexpr uint64_t kMost = INT64_MAX;
  return std::min(a, kMost) > kMost - std::min(b, kMost) ? kMost : a + b;
}

struct Frame {
  uint32_t module = kNoModule;  // index; only where the frame has no name
  Gaps gaps = 0;
  bool is_user = false;      // a place in user code
  bool has_no_name = false;  // of user code
};

struct Node {
  uint32_t parent = 0;
  uint32_t frame = 0;
  uint32_t frames = 0;   // user frames from the root to here
  uint32_t unnamed = 0;  // those without names
  Gaps gaps = 0;         // of all frames from the root to here
  uint64_t time_ns = 0;  // of rows with this stack; then also of those with longer ones
};

class Finder {
 public:
  Finder(Database& database, int64_t capture_id) : database_(database), capture_id_(capture_id) {}

  Result<NameGaps> Run() {
    TWOFOLD_RETURN_IF_ERROR(ReadModules());
    TWOFOLD_RETURN_IF_ERROR(ReadFrames());
    TWOFOLD_RETURN_IF_ERROR(ReadStacks());
    TWOFOLD_RETURN_IF_ERROR(ReadRows());
    TimeModules();
    Sort();
    return std::move(found_);
  }

 private:
  Result<void> ReadModules() {
    return ReadDenseTable(database_, "module",
                          "SELECT module_id, kind, path, build_id FROM module ORDER BY module_id",
                          [&](const Statement& row) -> Result<void> {
                            ModuleNames module;
                            module.kind = std::string(row.Text(1));
                            module.path = std::string(row.Text(2));
                            if (!row.IsNull(3)) module.build_id = std::string(row.Text(3));
                            found_.modules.push_back(std::move(module));
                            return {};
                          });
  }

  Result<void> ReadFrames() {
    TWOFOLD_RETURN_IF_ERROR(ReadDenseTable(
        database_, "frame",
        "SELECT frame.frame_id, frame.module_id, frame.symbol, module.capture_id FROM frame"
        " LEFT JOIN module ON module.module_id = frame.module_id ORDER BY frame.frame_id",
        [&](const Statement& row) -> Result<void> {
          Frame frame;
          int64_t module = row.Int(1);
          if (module >= 1 && IsIndexOf(module - 1, found_.modules) && row.Int(3) == capture_id_) {
            Describe(uint32_t(module - 1), row, frame);
          }
          frames_.push_back(frame);
          return {};
        }));
    for (ModuleNames& module : found_.modules) module.gap = GapOf(module);
    for (Frame& frame : frames_) {
      if (frame.module != kNoModule) frame.gaps |= Bit(found_.modules[frame.module].gap);
    }
    return {};
  }

  void Describe(uint32_t index, const Statement& row, Frame& frame) {
    ModuleNames& module = found_.modules[index];
    if (module.kind == "special") {
      std::string_view text = row.Text(2);
      for (const Message& message : kMessages) {
        if (text.substr(0, message.start.size()) != message.start) continue;
        frame.gaps = Bit(message.gap);
        frame.is_user = message.gap == NameGap::kUnmapped || message.gap == NameGap::kReplaced;
        frame.has_no_name = frame.is_user;
      }
      return;
    }
    bool of_kernel = module.kind.substr(0, 6) == "kernel";
    frame.is_user = !of_kernel;
    ++module.frames;
    if (!row.IsNull(2)) return;
    ++module.unnamed;
    frame.module = index;
    frame.has_no_name = frame.is_user;
  }

  static NameGap GapOf(const ModuleNames& module) {
    if (module.kind == "anonymous") return NameGap::kRunTimeCode;
    if (module.kind.substr(0, 6) == "kernel") return NameGap::kKernel;
    bool was_read = module.build_id.has_value() || module.unnamed < module.frames;
    return was_read ? NameGap::kStripped : NameGap::kFileUnread;
  }

  Result<void> ReadStacks() {
    nodes_.push_back({});
    return ReadDenseTable(database_, "stack",
                          "SELECT stack_id, parent_stack_id, frame_id FROM stack ORDER BY stack_id",
                          [&](const Statement& row) -> Result<void> {
                            int64_t parent = row.Int(1);
                            int64_t frame = row.Int(2);
                            bool known = IsIndexOf(parent, nodes_) && frame >= 1 &&
                                         IsIndexOf(frame - 1, frames_);
                            if (!known) return IdGap("stack");
                            const Node& caller = nodes_[size_t(parent)];
                            const Frame& own = frames_[size_t(frame) - 1];
                            Node node;
                            node.parent = uint32_t(parent);
                            node.frame = uint32_t(frame - 1);
                            node.frames = caller.frames + (own.is_user ? 1 : 0);
                            node.unnamed = caller.unnamed + (own.has_no_name ? 1 : 0);
                            node.gaps = caller.gaps | own.gaps;
                            nodes_.push_back(node);
                            return {};
                          });
  }

  // Rows by process and user stack; those of one come one after the other.
  Result<void> ReadRows() {
    int64_t last_process = 0;
    int64_t last_user = 0;
    TWOFOLD_RETURN_IF_ERROR(ForEachRow(
        database_,
        "SELECT process_id, user_stack_id, kernel_stack_id, total(value_ns), total(cpu_ns) FROM ("
        " SELECT process_id, user_stack_id, kernel_stack_id, value_ns, value_ns AS cpu_ns FROM cpu"
        " WHERE capture_id = ?1 AND loss IS NULL AND special_frame IS NULL"
        " UNION ALL"
        " SELECT process_id, user_stack_id, kernel_stack_id, value_ns, 0 FROM offcpu"
        " WHERE capture_id = ?1 AND loss IS NULL AND special_frame IS NULL) "
        "WHERE process_id IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        {capture_id_}, [&](const Statement& row) -> Result<void> {
          int64_t user = row.Int(1);
          int64_t kernel = row.Int(2);
          if (!IsIndexOf(user, nodes_) || !IsIndexOf(kernel, nodes_)) return IdGap("stack");
          bool fresh = process_ids_.empty() || row.Int(0) != last_process;
          if (fresh) {
            process_ids_.push_back(row.Int(0));
            found_.processes.emplace_back();
          }
          bool counted = !fresh && user == last_user;
          last_process = row.Int(0);
          last_user = user;
          double time_ns = std::clamp(row.Real(3), 0.0, 9.2e18);
          double cpu_ns = std::clamp(row.Real(4), 0.0, 9.2e18);
          uint64_t& process_cpu_ns = found_.processes.back().cpu_ns;
          process_cpu_ns = Add(process_cpu_ns, uint64_t(cpu_ns));
          AddRow(nodes_[size_t(user)], nodes_[size_t(kernel)], counted, uint64_t(time_ns),
                 found_.processes.back());
          return {};
        }));
    return NameProcesses();
  }

  static void AddRow(Node& user, Node& kernel, bool counted, uint64_t time_ns,
                     ProcessNames& process) {
    user.time_ns = Add(user.time_ns, time_ns);
    // Node 0, which stands for no stack, gets time that nobody asks for.
    kernel.time_ns = Add(kernel.time_ns, time_ns);
    if (!counted) {
      process.frames += user.frames;
      process.frames_unnamed += user.unnamed;
    }
    bool has_user = user.frames != 0 || user.gaps != 0;
    if (has_user) process.time_ns = Add(process.time_ns, time_ns);
    if ((user.gaps & kEnds) != 0) process.early_ns = Add(process.early_ns, time_ns);
    if (has_user && user.gaps != 0) process.gap_ns = Add(process.gap_ns, time_ns);
    Gaps gaps = user.gaps | kernel.gaps;
    for (size_t i = 0; i < kNameGaps; ++i) {
      if ((gaps >> i & 1) != 0) process.gap_time_ns[i] = Add(process.gap_time_ns[i], time_ns);
    }
  }

  Result<void> NameProcesses() {
    TWOFOLD_ASSIGN_OR_RETURN(
        Statement rows,
        database_.Prepare(
            "SELECT process_id, pid, name FROM process WHERE capture_id = ? ORDER BY process_id",
            {capture_id_}));
    size_t next = 0;
    while (next < process_ids_.size()) {
      TWOFOLD_ASSIGN_OR_RETURN(bool row, rows.Step());
      if (!row) return IdGap("process");
      if (rows.Int(0) != process_ids_[next]) continue;
      found_.processes[next].pid = rows.Int(1);
      found_.processes[next].name = std::string(rows.Text(2));
      ++next;
    }
    return {};
  }

  // A stack's time counts once for a module, however many of the module's frames it has: at the
  // outermost one. So the forest is walked from its roots, with a count of open frames by module.
  void TimeModules() {
    for (size_t i = nodes_.size(); i-- > 1;) {
      uint64_t& caller_ns = nodes_[nodes_[i].parent].time_ns;
      caller_ns = Add(caller_ns, nodes_[i].time_ns);
    }
    std::vector<uint32_t> first_child(nodes_.size() + 1, 0);
    for (size_t i = 1; i < nodes_.size(); ++i) ++first_child[nodes_[i].parent + 1];
    std::partial_sum(first_child.begin(), first_child.end(), first_child.begin());
    std::vector<uint32_t> children(nodes_.size() - 1);
    std::vector<uint32_t> next_free(first_child.begin(), first_child.end() - 1);
    for (uint32_t i = 1; i < nodes_.size(); ++i) children[next_free[nodes_[i].parent]++] = i;

    std::vector<uint32_t> open(found_.modules.size(), 0);
    auto module_of = [&](uint32_t node) {
      return node == 0 ? kNoModule : frames_[nodes_[node].frame].module;
    };
    std::vector<uint32_t> next_child(first_child.begin(), first_child.end() - 1);
    for (std::vector<uint32_t> path = {0}; !path.empty();) {
      uint32_t node = path.back();
      if (next_child[node] < first_child[node + 1]) {
        uint32_t child = children[next_child[node]++];
        path.push_back(child);
        uint32_t module = module_of(child);
        if (module == kNoModule || open[module]++ != 0) continue;
        found_.modules[module].time_ns = Add(found_.modules[module].time_ns, nodes_[child].time_ns);
        continue;
      }
      path.pop_back();
      if (uint32_t module = module_of(node); module != kNoModule) --open[module];
    }
  }

  void Sort() {
    std::erase_if(found_.modules, [](const ModuleNames& module) { return module.unnamed == 0; });
    std::stable_sort(found_.modules.begin(), found_.modules.end(),
                     [](const ModuleNames& a, const ModuleNames& b) {
                       return std::tie(b.unnamed, b.time_ns, a.path, a.build_id) <
                              std::tie(a.unnamed, a.time_ns, b.path, b.build_id);
                     });
    std::stable_sort(found_.processes.begin(), found_.processes.end(),
                     [](const ProcessNames& a, const ProcessNames& b) {
                       return std::tie(b.cpu_ns, b.gap_ns, a.pid) <
                              std::tie(a.cpu_ns, a.gap_ns, b.pid);
                     });
  }

  Database& database_;
  int64_t capture_id_;
  NameGaps found_;
  std::vector<Frame> frames_;  // by frame id - 1
  std::vector<Node> nodes_;    // by stack id; 0: none
  std::vector<int64_t> process_ids_;
};

}  // namespace

const NameGapInfo& InfoOf(NameGap gap) {
  static constexpr NameGapInfo kInfos[kNameGaps] = {
      {"no frame ptr",
       "stacks end in code without frame pointers, short of where threads begin. Build the program "
       "and its libraries with -fno-omit-frame-pointer, or take packages that are built so"},
      {"unreadable",
       "memory of stacks could not be read. A few are normal, when it is paged out or a thread is "
       "exiting"},
      {"too deep", "stacks have more frames than are kept; their outermost callers are missing"},
      {"not taken",
       "threads were blocked since before the recording, or none of their blocks was chosen. Start "
       "earlier, or record for longer"},
      {"lost",
       "stacks were not kept: there was no room, a map was in use, too many were new at once, or "
       "their thread ran unseen. Their frame says which, and the part Losses what helps"},
      {"process gone",
       "processes ended before their mappings were read. Start the recording before they start"},
      {"stripped",
       "files hold no names of these functions. 'twofold info --modules' lists the files"},
      {"not read",
       "files were not read, or have neither names nor a build id. 'twofold info --modules' lists "
       "them"},
      {"run-time code",
       "code made at run time has names only by a perf map. Java: -XX:+PreserveFramePointer and "
       "jcmd PID Compiler.perfmap; Node: --perf-basic-prof-only-functions; Python 3.12: -X perf; "
       ".NET: DOTNET_PerfMapEnabled=1"},
      {"unmapped",
       "addresses lie in no mapping. Mostly a program without frame pointers keeps something else "
       "there"},
      {"replaced",
       "files were mapped in the place of others, and nobody knows which of them ran. Shorter "
       "intervals (--interval) leave less in doubt"},
      {"kernel",
       "addresses of the kernel had no symbol, or its stack could not be read. A module that was "
       "unloaded does that"},
  };
  return kInfos[size_t(gap)];
}

Result<NameGaps> FindNameGaps(Database& database, int64_t capture_id) {
  return Finder(database, capture_id).Run();
}

}  // namespace twofold
