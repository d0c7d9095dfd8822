// Interns what rows refer to and hands out dense ids; TakeNew gives what was added since the last
// call, in the order in which the writer must see it. One builder serves one capture.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "format/capture.h"

namespace twofold {

class DefinitionsBuilder {
 public:
  DefinitionsBuilder();
  ~DefinitionsBuilder();
  DefinitionsBuilder(const DefinitionsBuilder&) = delete;
  DefinitionsBuilder& operator=(const DefinitionsBuilder&) = delete;

  // Bytes that are not UTF-8 are escaped as \xHH. The empty string is id 0.
  StringId InternString(std::string_view text);
  ModuleId InternModule(const Module& module);
  FrameId InternFrame(const Frame& frame);

  // A frame that is a message, such as "[stack lost: map full]".
  FrameId InternSpecialFrame(std::string_view text);

  // Adds frame under parent (0: as a root) and returns the node; the same pair gives the same node.
  StackId InternStackNode(StackId parent, FrameId frame);

  // Frames root first (outermost caller first). An empty stack is id 0.
  StackId InternStack(std::span<const FrameId> root_first);

  // The same waker gives the same id.
  WakerId InternWaker(const Waker& waker);

  // The chain of `waker` and, by `next` (0: it ends there), what had woken it; the same pair gives
  // the same chain.
  ChainId InternChain(ChainId next, WakerId waker);

  // Not interned: every call defines a new one.
  ProcessId AddProcess(const Process& process);
  ThreadId AddThread(const Thread& thread);
  void AddProcessEnd(const ProcessEnd& process_end);

  // How many stack nodes, processes and threads were defined so far.
  uint32_t stack_count() const;

  Definitions TakeNew();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace twofold
