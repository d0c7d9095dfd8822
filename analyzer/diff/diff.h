// A diff: how the cost of each function changed between two sides, by self and in total, and of the
// stacks under functions whose own cost changed.
#pragma once

#include <cstdint>
#include <vector>

#include "analyzer/diff/family.h"
#include "analyzer/diff/sides.h"

namespace twofold {

struct FunctionChange {
  uint32_t name = 0;  // of StackTree
  Change change;
};

struct StackChange {
  uint32_t node = 0;
  uint32_t function = 0;  // the function whose own time it is
  Change change;
};

struct Diff {
  std::vector<FunctionChange> self;    // by name
  std::vector<FunctionChange> totals;  // by name
  std::vector<StackChange> stacks;     // under flagged functions, by node
  Family family;
  size_t self_tests = 0;  // how many functions were tested by self
  size_t total_tests = 0;
  bool flags = false;    // whether the denominator allows flags
  double length_ns = 0;  // of the shorter side
};

// Error: the stacks are too many and too deep.
Result<Diff> Compare(const DiffSides& sides);

// The changes of frames in their places, with what they call: of functions that are flagged, by
// self or in total, wherever they are. By node; judged together as stacks are.
std::vector<StackChange> MeasurePlaces(const DiffSides& sides, const Diff& diff);

}  // namespace twofold
