// Which places in code a capture's stacks are made of, and how each is used. The innermost frame of
// a stack is where the thread was; every other one is where a call returns to, so the call itself
// is just before it. One node of the forest of stacks can be both.
#pragma once

#include <compare>
#include <map>
#include <string>
#include <vector>

#include "format/capture.h"

namespace twofold {

// A place in a file of code.
struct CodePlace {
  uint64_t file_offset = 0;
  bool is_caller = false;  // it is a return address

  friend auto operator<=>(const CodePlace&, const CodePlace&) = default;
};

class StackUses {
 public:
  explicit StackUses(const Capture& capture);

  // Whether a row, a waker or an exemplar names the stack.
  bool IsNamed(StackId stack) const { return is_named_[stack.value]; }

  // Of files with a build id: by build id, in order, each once.
  const std::map<std::string, std::vector<CodePlace>>& places() const { return places_; }

 private:
  void NoteNamed(const Capture& capture);
  void NotePlaces(const Capture& capture);

  std::vector<bool> is_named_;  // by stack id
  std::map<std::string, std::vector<CodePlace>> places_;
};

// Whether a stack's innermost frame was inlined into the one of its parent.
bool IsInlinedIntoParent(const Capture& capture, StackId stack);

}  // namespace twofold
