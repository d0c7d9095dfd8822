#include "analyzer/diff/diff.h"

#include <algorithm>
#include <set>

namespace twofold {
namespace {

// Frames that the totals of all stacks may walk over: a minute of work at most.
constexpr uint64_t kMostFrames = uint64_t{1} << 32;

// Weights of many keys on one side, by key and then by interval.
using Keyed = std::vector<StackWeight>;  // with the key in place of the node

void SortByKey(Keyed& weights) {
  std::sort(weights.begin(), weights.end(), [](const StackWeight& a, const StackWeight& b) {
    return a.node != b.node ? a.node < b.node : a.interval < b.interval;
  });
}

Keyed SelfWeights(const std::vector<StackWeight>& weights, const StackTree& tree) {
  Keyed keyed;
  FlatMap places;
  for (StackWeight weight : weights) {
    uint32_t name = tree.SelfName(weight.node);
    if (!IsFunction(tree.names()[name])) continue;
    weight.node = name;
    bool inserted = false;
    uint32_t place = places.FindOrInsert(uint64_t(name) << 32 | weight.interval,
                                         uint32_t(keyed.size()), inserted);
    if (inserted) {
      keyed.push_back(weight);
      continue;
    }
    keyed[place].Add(weight);
  }
  SortByKey(keyed);
  return keyed;
}

// A function counts once for a stack, however often it is on it.
Result<Keyed> TotalWeights(const DiffSide& side, const StackTree& tree) {
  Keyed keyed;
  FlatMap places;
  std::vector<uint32_t> names;  // on the path of the current node, each once
  std::vector<uint32_t> last_seen(tree.names().size(), 0);
  uint32_t node = 0;
  uint64_t frames = 0;
  for (const StackWeight& weight : side.weights) {
    if (weight.node != node) {
      node = weight.node;
      names.clear();
      for (uint32_t at = node; at != 0; at = tree.nodes()[at].parent) {
        uint32_t name = tree.nodes()[at].name;
        const DiffName& shown = tree.names()[name];
        bool counts = IsFunction(shown) && !OnlySchedules(shown.text, shown.kind);
        if (last_seen[name] == node || !counts) continue;
        last_seen[name] = node;
        names.push_back(name);
      }
      frames += tree.nodes()[node].depth;
    }
    frames += names.size();
    if (frames > kMostFrames) {
      return Error{"the stacks are too many and too deep to be compared", "",
                   "Choose a part of them, such as --pid or --comm"};
    }
    for (uint32_t name : names) {
      bool inserted = false;
      uint32_t place = places.FindOrInsert(uint64_t(name) << 32 | weight.interval,
                                           uint32_t(keyed.size()), inserted);
      if (inserted) keyed.push_back({.node = name, .interval = weight.interval});
      keyed[place].Add(weight);
    }
  }
  SortByKey(keyed);
  return keyed;
}

Keyed StackWeightsOf(const DiffSide& side, const StackTree& tree,
                     const std::set<uint32_t>& functions) {
  Keyed keyed;
  for (const StackWeight& weight : side.weights) {
    if (functions.count(tree.SelfName(weight.node)) > 0) keyed.push_back(weight);
  }
  return keyed;
}

// Weights of nodes with all that is below them, of nodes with one of these names.
Keyed PlaceWeights(const DiffSide& side, const StackTree& tree, const std::set<uint32_t>& names) {
  std::vector<bool> wanted(tree.names().size(), false);
  for (uint32_t name : names) wanted[name] = true;
  Keyed keyed;
  FlatMap places;
  for (const StackWeight& weight : side.weights) {
    for (uint32_t at = weight.node; at != 0; at = tree.nodes()[at].parent) {
      if (!wanted[tree.nodes()[at].name]) continue;
      bool inserted = false;
      uint32_t place = places.FindOrInsert(uint64_t(at) << 32 | weight.interval,
                                           uint32_t(keyed.size()), inserted);
      if (inserted) keyed.push_back({.node = at, .interval = weight.interval});
      keyed[place].Add(weight);
    }
  }
  SortByKey(keyed);
  return keyed;
}

// Takes the weights of `key` off the front of `rest`. With `own_totals` they are divided by what
// the view's ratio divides them by.
Weights Take(std::span<const StackWeight>& rest, uint32_t key, const SideIntervals& side,
             bool own_totals) {
  Weights weights;
  weights.of_interval.resize(side.totals.size());
  if (own_totals) weights.own_totals.resize(side.totals.size());
  while (!rest.empty() && rest.front().node == key) {
    const StackWeight& weight = rest.front();
    if (own_totals) {
      weights.own_totals[weight.interval] += weight.divisor;
      weights.own_count += weight.divisor_count;
      weights.own_squares += weight.divisor_squares;
    }
    weights.of_interval[weight.interval] += weight.weight;
    weights.count += weight.count;
    weights.squares += weight.squares;
    rest = rest.subspan(1);
  }
  return weights;
}

struct Measured {
  std::vector<uint32_t> keys;
  std::vector<Change> changes;
};

Measured Measure(const Keyed& before, const Keyed& after, const DiffSides& sides) {
  Measured measured;
  std::span<const StackWeight> rest_before(before);
  std::span<const StackWeight> rest_after(after);
  while (!rest_before.empty() || !rest_after.empty()) {
    uint32_t key = UINT32_MAX;
    if (!rest_before.empty()) key = rest_before.front().node;
    if (!rest_after.empty()) key = std::min(key, rest_after.front().node);
    bool own_totals = sides.per == Per::kRatio;
    Weights of_before = Take(rest_before, key, sides.before.intervals, own_totals);
    Weights of_after = Take(rest_after, key, sides.after.intervals, own_totals);
    measured.keys.push_back(key);
    measured.changes.push_back(
        MeasureChange(sides.before.intervals, of_before, sides.after.intervals, of_after));
  }
  return measured;
}

std::vector<FunctionChange> Named(Measured measured) {
  std::vector<FunctionChange> functions;
  for (size_t i = 0; i < measured.keys.size(); ++i) {
    functions.push_back({measured.keys[i], std::move(measured.changes[i])});
  }
  return functions;
}

}  // namespace

Result<Diff> Compare(const DiffSides& sides) {
  Diff diff;
  const PerTraits& per = TraitsOf(sides.per);
  diff.flags = per.has_verdicts;
  const Judging judging = {.flags = per.has_verdicts, .removes_shift = per.removes_shift};
  diff.length_ns = std::min(sides.before.length_ns, sides.after.length_ns);
  const SideIntervals& before = sides.before.intervals;
  const SideIntervals& after = sides.after.intervals;

  Measured self = Measure(SelfWeights(sides.before.weights, sides.tree),
                          SelfWeights(sides.after.weights, sides.tree), sides);
  if (sides.before.all_weights.empty() && sides.after.all_weights.empty()) {
    diff.family = JudgeSelf(self.changes, before, after, judging);
  } else {
    // The shift and the noise that functions share do not depend on which of them are looked at:
    // of a single one that was chosen, the shift would be all of its change.
    Measured all = Measure(SelfWeights(sides.before.all_weights, sides.tree),
                           SelfWeights(sides.after.all_weights, sides.tree), sides);
    diff.family = JudgeSelf(all.changes, before, after, judging);
    JudgeStacks(self.changes, before, after, diff.family, diff.flags);
  }
  diff.self_tests = CountTested(self.changes);
  std::set<uint32_t> flagged;
  for (size_t i = 0; i < self.keys.size(); ++i) {
    if (self.changes[i].flagged) flagged.insert(self.keys[i]);
  }
  diff.self = Named(std::move(self));

  TWOFOLD_ASSIGN_OR_RETURN(Keyed totals_before, TotalWeights(sides.before, sides.tree));
  TWOFOLD_ASSIGN_OR_RETURN(Keyed totals_after, TotalWeights(sides.after, sides.tree));
  Measured totals = Measure(totals_before, totals_after, sides);
  JudgeTotals(totals.changes, before, after, diff.family, diff.flags);
  diff.total_tests = CountTested(totals.changes);
  diff.totals = Named(std::move(totals));

  Measured stacks = Measure(StackWeightsOf(sides.before, sides.tree, flagged),
                            StackWeightsOf(sides.after, sides.tree, flagged), sides);
  JudgeStacks(stacks.changes, before, after, diff.family, diff.flags);
  for (size_t i = 0; i < stacks.keys.size(); ++i) {
    uint32_t node = stacks.keys[i];
    diff.stacks.push_back({node, sides.tree.SelfName(node), std::move(stacks.changes[i])});
  }
  return diff;
}

std::vector<StackChange> MeasurePlaces(const DiffSides& sides, const Diff& diff) {
  std::set<uint32_t> names;
  for (const auto* functions : {&diff.self, &diff.totals}) {
    for (const FunctionChange& function : *functions) {
      if (function.change.flagged) names.insert(function.name);
    }
  }
  Measured places = Measure(PlaceWeights(sides.before, sides.tree, names),
                            PlaceWeights(sides.after, sides.tree, names), sides);
  JudgeStacks(places.changes, sides.before.intervals, sides.after.intervals, diff.family,
              diff.flags);
  std::vector<StackChange> changes;
  for (size_t i = 0; i < places.keys.size(); ++i) {
    uint32_t node = places.keys[i];
    changes.push_back({node, sides.tree.nodes()[node].name, std::move(places.changes[i])});
  }
  return changes;
}

}  // namespace twofold
