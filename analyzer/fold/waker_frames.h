// The frames that wakers add to folded stacks: behind a sleeper's stack (the views offwake and
// chain) or in its place (the view wakeup).
//
// Behind a sleeper's stack come a frame `--`, the waker's frames upside down (innermost first, so
// that its end lies at the sleeper's end), and the waker's name; in the view chain the same again
// for what had woken the waker, and so on.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "analyzer/data/database.h"
#include "analyzer/fold/forest.h"
#include "analyzer/fold/view.h"
#include "format/base/result.h"

namespace twofold {

class WakerFrames {
 public:
  // `names`: the first frames' names, by thread id less one; empty: stacks have no first frame.
  // `stacks`: nodes by stack id. All are borrowed.
  WakerFrames(Forest& forest, StackShape shape, const std::vector<uint32_t>& names,
              const std::vector<uint32_t>& stacks)
      : forest_(forest), shape_(shape), names_(names), stacks_(stacks) {}

  // Error: the database cannot be read, or its ids are not those of `twofold load`.
  Result<void> Read(Database& database);

  bool Has(int64_t chain) const { return chain >= 0 && size_t(chain) < chains_.size(); }

  // The node of the frames behind the sleeper's stack. `chain` is 0 (not known) or one that Has()
  // knows.
  uint32_t TailOf(uint32_t chain, bool still_blocked);

  // The stack of the first waker. False: there is none; `message` says why.
  bool StackOf(uint32_t chain, bool still_blocked, FoldedStack& stack, std::string_view& message);

 private:
  struct Waker {
    uint32_t name = 0;  // of the thread or kind of interrupt; kNoName: none is shown
    uint32_t user = 0;  // nodes
    uint32_t kernel = 0;
  };
  struct Link {
    uint32_t waker = 0;
    uint32_t next = 0;
  };

  Result<void> ReadWaker(const Statement& row);
  uint32_t Tail(uint32_t chain);
  uint32_t AddUpsideDown(uint32_t node, uint32_t stack);

  Forest& forest_;
  StackShape shape_;
  const std::vector<uint32_t>& names_;
  const std::vector<uint32_t>& stacks_;
  std::vector<Waker> wakers_;    // by waker id - 1
  std::vector<Link> chains_;     // by chain id; 0: none
  std::vector<uint32_t> tails_;  // by chain id; kUnknown: not made yet
  size_t frames_walked_ = 0;
  size_t nodes_made_ = 0;
};

}  // namespace twofold
