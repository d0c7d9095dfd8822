// Stacks by their ids, as names: for tables that look at single stacks. (Views of stacks merge them
// all; that is fold/.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/data/database.h"
#include "analyzer/names/frame_names.h"
#include "analyzer/waits/wait_kinds.h"
#include "format/base/result.h"

namespace twofold {

struct StackFrame {
  // Texts are not yet escaped, and live as long as the reader.
  std::string_view name;   // as recorded
  std::string_view shown;  // the same, demangled where that was asked for
  bool is_kernel = false;
  bool is_special = false;  // a message, such as [stack lost: map full]
  bool has_symbol = false;  // the name is a function's, not [module+0xoffset]
};

class StackReader {
 public:
  // Reads all frames and stacks; `demangle` is for StackFrame::shown. Error: the database cannot be
  // read, or its ids are not those of `twofold load`.
  static Result<StackReader> Read(Database& database, bool demangle = false);

  // Innermost first; empty for id 0. Error: there is no such stack.
  Result<std::vector<StackFrame>> Frames(int64_t stack_id) const;

  const FrameNames& names() const { return names_; }

 private:
  struct Frame {
    std::string name;
    bool is_kernel;
    bool is_special;
    bool has_symbol;
  };
  struct Node {
    uint32_t parent;  // 0: none
    uint32_t frame;
  };
  FrameNames names_;
  std::vector<Frame> frames_;
  std::vector<Node> nodes_;  // node of stack i at i; 0 is none
};

// What a block with this kernel stack waited for; `state` as in the table blocked.
Result<WaitKind> KindOf(const StackReader& stacks, int64_t kernel_stack_id, char state,
                        WaitKinds& wait_kinds);

}  // namespace twofold
