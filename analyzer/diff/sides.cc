#include "analyzer/diff/sides.h"

#include <algorithm>
#include <unordered_map>

#include "format/base/escape_text.h"

namespace twofold {
namespace {

// Modules whose frames show the same name and that have one and the same build on all sides.
SameModules FindSameModules(const std::vector<DiffFile>& files) {
  struct Builds {
    std::set<std::string> ids;
    size_t captures = 0;
  };
  std::map<std::string, Builds> builds;
  size_t captures = 0;
  for (const DiffFile& file : files) {
    for (const CaptureFacts& facts : file.captures) {
      ++captures;
      std::set<std::string> seen;
      for (const auto& [path, build_id] : facts.build_ids) {
        std::string name = EscapeText(path.substr(path.rfind('/') + 1));
        builds[name].ids.insert(build_id);
        if (seen.insert(name).second) ++builds[name].captures;
      }
    }
  }
  SameModules same;
  for (const auto& [name, of_name] : builds) {
    if (of_name.ids.size() == 1 && of_name.captures == captures) same.insert(name);
  }
  return same;
}

// Copies the stacks of a file into the tree. Returns the node of each.
std::vector<uint32_t> AddStacks(const Folded& folded, const SameModules& same, StackTree& tree) {
  std::vector<uint32_t> names;
  for (const FrameName& name : folded.names) {
    names.push_back(tree.Name(FoldName(folded.texts[name.text], name.kind, same), name.kind));
  }
  std::vector<uint32_t> nodes;
  nodes.reserve(folded.stacks.size());
  PathWalker walker(folded);
  std::vector<uint32_t> path;  // nodes of the walker's path
  for (const FoldedStack& stack : folded.stacks) {
    path.resize(walker.MoveTo(stack));
    for (size_t depth = path.size(); depth < walker.path().size(); ++depth) {
      path.push_back(tree.Child(path.empty() ? 0 : path.back(), names[walker.path()[depth]]));
    }
    nodes.push_back(path.back());
  }
  return nodes;
}

// Sorts weights by node and interval, and adds up those of the same ones.
void MergeWeights(std::vector<StackWeight>& weights) {
  std::stable_sort(weights.begin(), weights.end(), [](const auto& a, const auto& b) {
    return a.node != b.node ? a.node < b.node : a.interval < b.interval;
  });
  size_t kept = 0;
  for (const StackWeight& weight : weights) {
    StackWeight* last = kept > 0 ? &weights[kept - 1] : nullptr;
    if (last != nullptr && last->node == weight.node && last->interval == weight.interval) {
      last->Add(weight);
    } else {
      weights[kept++] = weight;
    }
  }
  weights.resize(kept);
}

// Adds what the intervals of a file are divided by, and where each went in the side.
class SideBuilder {
 public:
  // `by_stacks`: by what has a stack, time or the ratio's divisor, so that what was not sampled
  // never looks like functions that are gone.
  SideBuilder(const std::vector<DiffFile>& files, Per per, bool by_accounts, bool by_stacks)
      : files_(files), per_(per), by_accounts_(by_accounts), by_stacks_(by_stacks) {}

  // `is_chosen`: there are filters of stacks.
  DiffSide Build(const SameModules& same, bool is_chosen, StackTree& tree) {
    JoinIntervals();
    side_.weights = WeightsOf(&DiffFile::folded, same, tree);
    for (const StackWeight& weight : side_.weights) side_.total += weight.weight;
    if (by_stacks_) totals_.assign(totals_.size(), 0);
    double scale = per_ == Per::kCpuSecond ? 1e-9 : 1;
    double count = 0;
    double squares = 0;
    for (const StackWeight& weight : side_.weights) {
      bool has_stack = IsFunction(tree.names()[tree.SelfName(weight.node)]);
      double part = per_ == Per::kRatio ? weight.divisor : weight.weight;
      if (by_stacks_ && has_stack) totals_[weight.interval] += part * scale;
      if (!has_stack) side_.without_stack += weight.weight;
      count += has_stack ? weight.count : 0;
      squares += has_stack ? weight.squares : 0;
    }
    side_.intervals = MakeSide(std::move(totals_), std::move(runs_));
    side_.intervals.sample_square = count > 0 ? squares / count : 0;
    if (is_chosen) {
      side_.all_weights = std::move(side_.weights);
      side_.weights = WeightsOf(&DiffFile::chosen, same, tree);
    }
    return std::move(side_);
  }

 private:
  std::vector<StackWeight> WeightsOf(Folded DiffFile::*stacks, const SameModules& same,
                                     StackTree& tree) {
    std::vector<StackWeight> weights;
    for (size_t i = 0; i < files_.size(); ++i) {
      const Folded& folded = files_[i].*stacks;
      AddRows(folded, AddStacks(folded, same, tree), i, weights);
    }
    MergeWeights(weights);
    return weights;
  }

  void JoinIntervals() {
    size_t count = 0;
    size_t captures = 0;
    for (const DiffFile& file : files_) {
      for (const auto& intervals : file.intervals) {
        count += intervals.size();
        captures += intervals.empty() ? 0 : 1;
      }
    }
    size_t joined = (count + kMostIntervals - 1) / kMostIntervals;
    for (size_t i = 0; i < files_.size(); ++i) {
      const DiffFile& file = files_[i];
      place_of_.emplace_back();
      for (size_t capture = 0; capture < file.captures.size(); ++capture) {
        side_.captures.push_back(file.captures[capture]);
        const std::vector<IntervalTimes>& intervals = file.intervals[capture];
        size_t first = totals_.size();
        for (size_t t = 0; t < intervals.size(); ++t) {
          if (t % joined == 0) totals_.push_back(0);
          side_.length_ns += double(intervals[t].length_ns);
          totals_.back() += Denominator(intervals[t], count, captures);
          place_of_[i][intervals[t].interval_id] = uint32_t(totals_.size() - 1);
        }
        if (totals_.size() > first) runs_.push_back(totals_.size() - first);
      }
    }
  }

  double Denominator(const IntervalTimes& times, size_t intervals, size_t captures) const {
    constexpr double kSecond = 1e9;
    switch (per_) {
      case Per::kCpuSecond:
        return double(by_accounts_ ? times.exact_cpu_ns : times.sampled_cpu_ns) / kSecond;
      case Per::kThreadSecond:
        return double(times.existed_ns) / kSecond;
      case Per::kSecond:
        return double(times.length_ns) / kSecond;
      case Per::kTotal:
        return double(captures) / double(intervals);
      case Per::kShare:
      case Per::kRatio:
        break;
    }
    return 0;
  }

  // What there is comes from at least one sample or block.
  static double UnitsOf(uint64_t value, uint64_t units) {
    return double(value > 0 ? std::max<uint64_t>(units, 1) : units);
  }

  void AddRows(const Folded& folded, const std::vector<uint32_t>& nodes, size_t file,
               std::vector<StackWeight>& weights) {
    // How long the block of each thread is that went on when the interval before ended: its parts
    // are one block, not as many as there are intervals.
    struct OpenBlock {
      int64_t interval_id = 0;
      double before = 0;  // of the block that was open when the interval began
      double after = 0;   // of the one that is open when it ends
    };
    std::unordered_map<int64_t, OpenBlock> open_blocks;
    for (const FoldedRow& row : folded.rows) {
      auto place = place_of_[file].find(row.interval_id);
      if (row.is_lost || place == place_of_[file].end()) continue;
      double value = double(row.value);
      double units = UnitsOf(row.value, row.units);
      double part = units > 0 ? value / units : 0;
      StackWeight weight{nodes[row.stack], place->second, value, units, value * part};
      weight.divisor = double(row.divisor);
      weight.divisor_count = UnitsOf(row.divisor, row.divisor_units);
      if (row.divisor > 0) {
        weight.divisor_squares = weight.divisor * weight.divisor / weight.divisor_count;
      }
      if (row.goes_on || row.stays_open) {
        OpenBlock& open = open_blocks[row.thread_id];
        if (open.interval_id != row.interval_id) {
          open = {row.interval_id, open.after, 0};
        }
        bool continues = row.goes_on && open.before > 0;
        if (continues) {
          weight.squares += 2 * open.before * part;
          weight.count -= 1;
        }
        bool same_block = continues && units < 2;
        if (row.stays_open) open.after = part + (same_block ? open.before : 0);
      }
      weights.push_back(weight);
    }
  }

  const std::vector<DiffFile>& files_;
  Per per_;
  bool by_accounts_;
  bool by_stacks_;
  DiffSide side_;
  std::vector<double> totals_;
  std::vector<size_t> runs_;
  std::vector<std::unordered_map<int64_t, uint32_t>> place_of_;  // by SQL's ids, of each file
};

// The value of each node with all that is below it.
std::vector<double> ValuesWithCallees(const DiffSide& side, const StackTree& tree) {
  std::vector<double> values(tree.nodes().size(), 0);
  for (const StackWeight& weight : side.weights) values[weight.node] += weight.weight;
  for (size_t i = values.size() - 1; i > 0; --i) values[tree.nodes()[i].parent] += values[i];
  return values;
}

// Gives the time of frames that are too small on both sides to a remainder below their callers.
// Shares are those of the time that the filters before left.
void PutAway(const Prune& prune, DiffSides& sides) {
  StackTree& tree = sides.tree;
  std::vector<double> before = ValuesWithCallees(sides.before, tree);
  std::vector<double> after = ValuesWithCallees(sides.after, tree);
  uint32_t remainder = tree.Name(EscapeText(prune.remainder), FrameKind::kSpecial);
  std::vector<uint32_t> places(before.size(), 0);
  std::vector<bool> stays(before.size(), true);
  for (uint32_t i = 1; i < places.size(); ++i) {
    uint32_t parent = tree.nodes()[i].parent;
    bool has_time = before[i] > 0 || after[i] > 0;
    bool is_large = (before[i] > 0 && before[i] >= before[0] * prune.least_share) ||
                    (after[i] > 0 && after[i] >= after[0] * prune.least_share);
    stays[i] = stays[parent] && is_large;
    if (stays[i] || !has_time) {
      places[i] = i;
    } else {
      places[i] = stays[parent] ? tree.Child(parent, remainder) : places[parent];
    }
  }
  for (DiffSide* side : {&sides.before, &sides.after}) {
    for (StackWeight& weight : side->weights) weight.node = places[weight.node];
    MergeWeights(side->weights);
  }
}

Result<void> ReadFiles(const char* side, const std::vector<std::string>& paths,
                       const DiffRequest& request, std::vector<DiffFile>& files,
                       std::vector<std::string>& notes) {
  for (const std::string& path : paths) {
    std::vector<std::string> of_file;
    TWOFOLD_ASSIGN_OR_RETURN(DiffFile file, ReadDiffFile(path, request, of_file));
    files.push_back(std::move(file));
    const std::vector<std::string>& more = files.back().folded.notes;
    of_file.insert(of_file.end(), more.begin(), more.end());
    for (const std::string& note : of_file) notes.push_back(std::string(side) + ": " + note);
  }
  return {};
}

}  // namespace

void StackWeight::Add(const StackWeight& other) {
  weight += other.weight;
  count += other.count;
  squares += other.squares;
  divisor += other.divisor;
  divisor_count += other.divisor_count;
  divisor_squares += other.divisor_squares;
}

bool IsFunction(const DiffName& name) {
  if (name.kind == FrameKind::kSeparator) return false;
  if (name.kind != FrameKind::kSpecial) return true;
  return name.text == "[woken]" || name.text == "[preempted]";
}

uint32_t StackTree::Name(const std::string& text, FrameKind kind) {
  auto [entry, fresh] = name_ids_.try_emplace({text, kind}, uint32_t(names_.size()));
  if (fresh) names_.push_back({text, kind});
  return entry->second;
}

uint32_t StackTree::Child(uint32_t parent, uint32_t name) {
  bool inserted = false;
  uint32_t node =
      child_ids_.FindOrInsert(uint64_t(parent) << 32 | name, uint32_t(nodes_.size()), inserted);
  if (inserted) nodes_.push_back({parent, name, nodes_[parent].depth + 1});
  return node;
}

uint32_t StackTree::SelfName(uint32_t node) const {
  constexpr uint32_t kNone = UINT32_MAX;
  uint32_t found = kNone;
  for (uint32_t at = node; at != 0; at = nodes_[at].parent) {
    const DiffName& name = names_[nodes_[at].name];
    // Behind a separator are the wakers: the time is the sleeper's, before it.
    if (name.kind == FrameKind::kSeparator) found = kNone;
    bool names_it = name.kind != FrameKind::kSeparator && !OnlySchedules(name.text, name.kind);
    if (found == kNone && names_it) found = nodes_[at].name;
  }
  return found != kNone ? found : nodes_[node].name;
}

std::string StackTree::PathText(uint32_t node) const {
  std::vector<uint32_t> path;
  for (; node != 0; node = nodes_[node].parent) path.push_back(nodes_[node].name);
  std::string text;
  for (size_t i = path.size(); i-- > 0;) {
    for (char c : names_[path[i]].text) text += c == ';' ? "\\x3b" : std::string(1, c);
    if (i > 0) text += ';';
  }
  return text;
}

Result<DiffSides> ReadDiffSides(const std::vector<std::string>& before,
                                const std::vector<std::string>& after, const DiffRequest& request) {
  DiffSides sides;
  sides.per = request.per;
  std::vector<std::string> paths = before;
  paths.insert(paths.end(), after.begin(), after.end());
  std::vector<DiffFile> read;
  TWOFOLD_RETURN_IF_ERROR(ReadFiles("before", before, request, read, sides.notes));
  TWOFOLD_RETURN_IF_ERROR(ReadFiles("after", after, request, read, sides.notes));
  bool by_accounts = true;
  for (size_t i = 0; i < read.size(); ++i) by_accounts = by_accounts && read[i].has_accounts;
  for (size_t i = 0; i < read.size() && request.per == Per::kCpuSecond && !by_accounts; ++i) {
    if (read[i].has_samples) continue;
    return Error{"the capture does not tell CPU time, so nothing can be told per CPU-second",
                 paths[i], "Compare with --per second or --per share"};
  }
  for (size_t i = 0; i < read.size() && request.per == Per::kThreadSecond; ++i) {
    if (read[i].has_accounts) continue;
    return Error{
        "the capture does not tell how long threads existed, so nothing can be told per "
        "thread-second",
        paths[i], "Compare with --per cpu-second, --per share or --per second"};
  }
  bool of_cpu = request.view->sql_view == "cpu" && request.per == Per::kCpuSecond;
  bool by_stacks = of_cpu || request.per == Per::kShare || request.per == Per::kRatio;
  SameModules same = FindSameModules(read);
  std::vector<DiffFile> of_after(
      std::make_move_iterator(read.begin() + static_cast<std::ptrdiff_t>(before.size())),
      std::make_move_iterator(read.end()));
  read.resize(before.size());
  bool is_chosen = !request.steps.empty();
  sides.before =
      SideBuilder(read, request.per, by_accounts, by_stacks).Build(same, is_chosen, sides.tree);
  read.clear();
  sides.after =
      SideBuilder(of_after, request.per, by_accounts, by_stacks).Build(same, is_chosen, sides.tree);
  for (const StackStep& step : request.steps) {
    if (step.prune) PutAway(*step.prune, sides);
  }
  return sides;
}

}  // namespace twofold
