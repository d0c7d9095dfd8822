#include "analyzer/diff/comparability.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "format/base/units.h"

namespace twofold {
namespace {

using Texts = std::set<std::string>;

template <typename Get>
Texts Collect(const DiffSide& side, Get get) {
  Texts texts;
  for (const CaptureFacts& facts : side.captures) texts.insert(get(facts));
  return texts;
}

std::string Join(const Texts& texts) {
  std::string joined;
  for (const std::string& text : texts) joined += (joined.empty() ? "" : " and ") + text;
  return joined.empty() ? "nothing" : joined;
}

std::string Duration(double ns) { return FormatDuration(int64_t(std::min(ns, 9e18))); }

std::string Load(const DiffSide& side) {
  double busy = 0;
  for (const CaptureFacts& facts : side.captures) busy += double(facts.busy_ns);
  char text[32];
  snprintf(text, sizeof(text), "%.2f", side.length_ns > 0 ? busy / side.length_ns : 0);
  return text;
}

double LoadNumber(const DiffSide& side) {
  double busy = 0;
  for (const CaptureFacts& facts : side.captures) busy += double(facts.busy_ns);
  return side.length_ns > 0 ? busy / side.length_ns : 0;
}

double LostShare(const DiffSide& side) {
  double lost = 0;
  for (const CaptureFacts& facts : side.captures) lost += double(facts.lost_ns);
  return side.total > 0 ? lost / (lost + side.total) : 0;
}

// Paths of files whose builds differ.
std::vector<std::string> DifferingFiles(const DiffSides& sides) {
  std::map<std::string, std::pair<Texts, Texts>> builds;
  for (const CaptureFacts& facts : sides.before.captures) {
    for (const auto& [path, id] : facts.build_ids) builds[path].first.insert(id);
  }
  for (const CaptureFacts& facts : sides.after.captures) {
    for (const auto& [path, id] : facts.build_ids) builds[path].second.insert(id);
  }
  std::vector<std::string> paths;
  for (const auto& [path, of_sides] : builds) {
    const auto& [before, after] = of_sides;
    if (!before.empty() && !after.empty() && before != after) paths.push_back(path);
  }
  return paths;
}

class Comparison {
 public:
  explicit Comparison(const DiffSides& sides) : before_(sides.before), after_(sides.after) {}

  template <typename Get>
  void Text(const char* what, Get get, const char* meaning) {
    Texts before = Collect(before_, get);
    Texts after = Collect(after_, get);
    if (before == after && before.size() < 2) return;
    lines.push_back(std::string(what) + " differs: before " + Join(before) + ", after " +
                    Join(after) + ": " + meaning);
  }

  std::vector<std::string> lines;

 private:
  const DiffSide& before_;
  const DiffSide& after_;
};

const char* MeaningOfLoad(Per per) {
  if (per == Per::kRatio) return ": it is no part of a ratio, but takes caches and memory";
  return TraitsOf(per).has_verdicts ? ": costs are divided by it, but may themselves depend on it"
                                    : ": it changes these costs, whatever the code does";
}

std::string Hertz(int64_t value) { return std::to_string(value) + " Hz"; }

}  // namespace

std::vector<std::string> CompareCaptures(const DiffSides& sides, const View& view) {
  using Facts = CaptureFacts;
  bool blocked = view.sql_view == "offcpu";
  Comparison comparison(sides);
  comparison.Text(
      "the machine", [](const Facts& f) { return f.machine; },
      "another processor makes all code faster or slower, not all of it alike");
  comparison.Text(
      "the number of CPUs", [](const Facts& f) { return std::to_string(f.cpus_online); },
      "waits for CPUs and locks change with it");
  comparison.Text(
      "the kernel", [](const Facts& f) { return f.kernel; },
      "changes of kernel functions may come from it");
  comparison.Text(
      "what was recorded", [](const Facts& f) { return f.scope; },
      "costs are compared all the same, of other threads");
  comparison.Text(
      "the recorder's version", [](const Facts& f) { return f.recorder_version; },
      "it may see more or less");
  if (!blocked) {
    comparison.Text(
        "the sampling frequency", [](const Facts& f) { return Hertz(f.frequency_hz); },
        "costs stay comparable, the slower side is known less well");
  } else {
    comparison.Text(
        "the quantum", [](const Facts& f) { return FormatDuration(f.quantum_ns); },
        "costs stay comparable, short blocks are known less well with the longer one");
    comparison.Text(
        "the limit of blocks", [](const Facts& f) { return f.block_limits; },
        "blocks that one side left out look new or gone");
  }
  const char* of_wakers =
      view.source == kWakersSource
          ? "stacks with longer chains look new"
          : "recording walks more stacks on the side with longer ones, and takes "
            "time for it";
  comparison.Text(
      "the length of chains of wakers (--wakers)",
      [](const Facts& f) { return std::to_string(f.wakers); }, of_wakers);
  comparison.Text(
      "the depth of stacks", [](const Facts& f) { return std::to_string(f.max_frames); },
      "stacks that were cut look new or gone");
  std::vector<std::string> lines = std::move(comparison.lines);

  std::vector<std::string> files = DifferingFiles(sides);
  if (!files.empty()) {
    std::string line = files.size() == 1
                           ? "1 file has another build: "
                           : FormatCount(int64_t(files.size())) + " files have another build: ";
    for (size_t i = 0; i < std::min<size_t>(files.size(), 3); ++i) {
      line += (i > 0 ? ", " : "") + files[i];
    }
    if (files.size() > 3) line += " ...";
    lines.push_back(line + (files.size() == 1 ? ": its" : ": their") +
                    " functions are compared by name");
  }
  std::string of_all = " of the " + std::string(QuantityName(view.unit));
  double load_before = LoadNumber(sides.before);
  double load_after = LoadNumber(sides.after);
  double larger = std::max(load_before, load_after);
  double smaller = std::min(load_before, load_after);
  // 0: not recorded.
  if (smaller > 0 && smaller < 0.8 * larger) {
    lines.push_back("the load differs: before " + Load(sides.before) + " CPU-seconds per second, " +
                    "after " + Load(sides.after) + MeaningOfLoad(sides.per));
  }
  double longer = std::max(sides.before.length_ns, sides.after.length_ns);
  if (std::min(sides.before.length_ns, sides.after.length_ns) < 0.5 * longer) {
    lines.push_back("the length differs: before " + Duration(sides.before.length_ns) + ", after " +
                    Duration(sides.after.length_ns) +
                    ": the shorter side decides what can be seen");
  }
  for (auto [name, side] : {std::pair("before", &sides.before), std::pair("after", &sides.after)}) {
    double share = LostShare(*side);
    if (share >= 0.001) {
      lines.push_back(std::string(name) + ": " + FormatShare(share, 1) +
                      " of the time was lost while recording and takes no part");
    }
    if (side->total > 0 && side->without_stack >= 0.05 * side->total) {
      lines.push_back(std::string(name) + ": " + FormatShare(side->without_stack, side->total) +
                      of_all +
                      (view.unit == Unit::kNanoseconds
                           ? " has no stack, was not sampled or not kept, and takes no part"
                           : " have no stack and take no part"));
    }
    size_t n = side->intervals.totals.size();
    if (n < kLeastIntervals) {
      lines.push_back(std::string(name) + ": " + std::to_string(n) +
                      (n == 1 ? " interval" : " intervals") + ", and at least " +
                      std::to_string(kLeastIntervals) +
                      " are needed to tell change from noise: nothing is flagged");
    }
  }
  size_t runs_before = sides.before.intervals.runs.size();
  size_t runs_after = sides.after.intervals.runs.size();
  if (runs_before + runs_after > 2 &&
      !ComparesRuns(sides.before.intervals, sides.after.intervals)) {
    lines.push_back(
        "with at least 3 captures on both sides, what runs differ by would be measured; with "
        "fewer, "
        "their intervals are compared as if of one recording");
  }
  return lines;
}

std::string DescribeSides(const DiffSides& sides) {
  std::string text;
  for (auto [name, side] : {std::pair("before", &sides.before), std::pair("after", &sides.after)}) {
    size_t runs = side->captures.size();
    if (!text.empty()) text += ", ";
    text += std::string(name) + " ";
    if (runs > 1) text += std::to_string(runs) + " captures, ";
    int64_t intervals = 0;
    for (const CaptureFacts& facts : side->captures) intervals += facts.intervals;
    text += FormatCount(intervals) + (intervals == 1 ? " interval in " : " intervals in ") +
            Duration(side->length_ns);
  }
  return text;
}

}  // namespace twofold
