// Both sides of a diff with their stacks aligned by names: one tree of frames, and for each side
// the weights of its stacks in each interval.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analyzer/data/flat_map.h"
#include "analyzer/diff/captures.h"
#include "analyzer/diff/change.h"
#include "analyzer/diff/name_folding.h"

namespace twofold {

struct DiffName {
  std::string text;  // escaped
  FrameKind kind = FrameKind::kUser;
};

// Whether a name is a function or a process, not a message about missing stacks.
bool IsFunction(const DiffName& name);

// Names and stacks of all captures, each once. A node is a stack: a frame and its callers.
class StackTree {
 public:
  struct Node {
    uint32_t parent = 0;
    uint32_t name = 0;  // of node 0: none
    uint32_t depth = 0;
  };

  StackTree() : nodes_(1) {}

  // `text` as in FoldName's results.
  uint32_t Name(const std::string& text, FrameKind kind);
  uint32_t Child(uint32_t parent, uint32_t name);

  const std::vector<DiffName>& names() const { return names_; }
  const std::vector<Node>& nodes() const { return nodes_; }

  // The name whose own time a stack's is: the innermost frame of the sleeper, or of what runs, that
  // does more than schedule.
  uint32_t SelfName(uint32_t node) const;

  // "root;caller;callee" of a stack.
  std::string PathText(uint32_t node) const;

 private:
  std::vector<DiffName> names_;
  std::vector<Node> nodes_;
  std::map<std::pair<std::string, FrameKind>, uint32_t> name_ids_;
  FlatMap child_ids_;
};

// The view's value of a stack in an interval.
struct StackWeight {
  uint32_t node = 0;
  uint32_t interval = 0;  // counted through the side
  double weight = 0;
  double count = 0;
  double squares = 0;
  // The same of what the view's ratio divides it by; without a ratio 0.
  double divisor = 0;
  double divisor_count = 0;
  double divisor_squares = 0;

  // Adds the numbers of another one.
  void Add(const StackWeight& other);
};

struct DiffSide {
  std::vector<CaptureFacts> captures;
  SideIntervals intervals;
  // By node, then by interval; no two with the same. What filters of stacks left out is not among
  // them, but in everything that they are compared with: in all_weights, intervals, and sums.
  std::vector<StackWeight> weights;
  std::vector<StackWeight> all_weights;  // empty without filters of stacks: the same
  double length_ns = 0;
  double total = 0;          // in the view's unit
  double without_stack = 0;  // the part of it of which no stack is known
};

struct DiffSides {
  StackTree tree;
  DiffSide before;
  DiffSide after;
  Per per = Per::kCpuSecond;  // what the denominators are
  std::vector<std::string> notes;
};

// Longer recordings have neighbouring intervals joined until there are at most so many.
constexpr size_t kMostIntervals = 512;

// Reads the files of both sides. Error: one cannot be read, or there is nothing to divide by.
Result<DiffSides> ReadDiffSides(const std::vector<std::string>& before,
                                const std::vector<std::string>& after, const DiffRequest& request);

}  // namespace twofold
