// A condition on a diff for scripts: `regression > 5 %` holds if a function's own cost was found to
// have grown, by more than that; with `proved`, if the growth itself is proved to be larger.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analyzer/diff/diff.h"

namespace twofold {

struct Gate {
  double threshold = 0;  // 0.05: 5 %
  bool proved = false;
};

// "regression > 5 %", "regression > 5 % proved". Error (kUsage): something else.
Result<Gate> ParseGate(const std::string& text);

enum class GateVerdict : uint8_t { kPasses, kHolds, kUndecided };

struct GateResult {
  GateVerdict verdict = GateVerdict::kPasses;
  std::vector<std::string> reasons;  // sentences, not yet escaped
};

// It is undecided where it does not hold and a function with at least `min_share` of a side's time
// or cycles could have grown by more than the threshold unseen.
GateResult CheckGate(const Gate& gate, const Diff& diff, const DiffSides& sides, const View& view,
                     double min_share);

// A function's part of all of its side, the larger of both.
double ShareOf(const Change& change, const DiffSides& sides);

// "+12.3 %", "x 3.4" from a tripling on, "new" for infinity.
std::string FormatChange(double change);

}  // namespace twofold
