#define XXH_INLINE_ALL
#include "format/definitions_builder.h"

#include <xxhash.h>

#include <array>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>

#include "format/base/bytes.h"
#include "format/base/check.h"
#include "format/base/utf8.h"
#include "format/intern_table.h"

namespace twofold {
namespace {

// What processes are called and where their code lies is up to them: without a seed of our own they
// could make all their names and frames collide.
class SeededHash {
 public:
  explicit SeededHash(uint64_t seed) : seed_(seed) {}

  size_t operator()(const Module& module) const {
    std::array<uint32_t, 3> key = {uint32_t(module.kind), module.path.value, module.build_id.value};
    return HashOf(BytesOf(key));
  }
  size_t operator()(const Frame& frame) const {
    std::array<uint64_t, 4> key = {uint64_t{frame.module.value} << 32 | frame.symbol.value,
                                   frame.offset, uint64_t{frame.file.value} << 32 | frame.line,
                                   uint64_t{frame.inlined}};
    return HashOf(BytesOf(key));
  }
  size_t operator()(const StackNode& node) const { return HashOf(BytesOf(node)); }
  size_t operator()(const Waker& waker) const {
    std::array<uint32_t, 4> key = {uint32_t(waker.kind), waker.thread.value,
                                   waker.kernel_stack.value, waker.user_stack.value};
    return HashOf(BytesOf(key));
  }
  size_t operator()(const Chain& chain) const { return HashOf(BytesOf(chain)); }

  using is_transparent = void;
  size_t operator()(std::string_view text) const { return HashOf(AsBytes(text)); }

 private:
  size_t HashOf(std::span<const uint8_t> bytes) const {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed_);
  }

  uint64_t seed_;
};

uint64_t RandomSeed() {
  std::random_device random;
  return uint64_t(random()) << 32 | random();
}

uint32_t NextId(size_t defined_so_far) {
  TWOFOLD_CHECK(defined_so_far < UINT32_MAX);
  return uint32_t(defined_so_far) + 1;
}

// The id of `value`, which is added to `fresh` when it is new.
template <typename Identifier, typename Value, typename Hash>
Identifier Intern(InternTable<Value, Hash>& table, std::vector<Value>& fresh, const Value& value) {
  auto [id, is_new] = table.Intern(value);
  if (is_new) fresh.push_back(value);
  return Identifier(id);
}

}  // namespace

struct DefinitionsBuilder::State {
  SeededHash hash{RandomSeed()};
  std::unordered_map<std::string, StringId, SeededHash, std::equal_to<>> strings{16, hash};
  InternTable<Module, SeededHash> modules{hash};
  InternTable<Frame, SeededHash> frames{hash};
  InternTable<StackNode, SeededHash> stacks{hash};
  InternTable<Waker, SeededHash> wakers{hash};
  InternTable<Chain, SeededHash> chains{hash};
  uint32_t processes = 0;
  uint32_t threads = 0;
  Definitions fresh;
};

DefinitionsBuilder::DefinitionsBuilder() : state_(std::make_unique<State>()) {}
DefinitionsBuilder::~DefinitionsBuilder() = default;

StringId DefinitionsBuilder::InternString(std::string_view text) {
  if (text.empty()) return {};
  auto found = state_->strings.find(text);
  if (found != state_->strings.end()) return found->second;
  // Two names that differ only in how a bad byte was written become one here.
  if (!IsUtf8(text)) return InternString(EscapeNonUtf8(text));
  StringId id(NextId(state_->strings.size()));
  state_->strings.emplace(text, id);
  state_->fresh.strings.emplace_back(text);
  return id;
}

ModuleId DefinitionsBuilder::InternModule(const Module& module) {
  return Intern<ModuleId>(state_->modules, state_->fresh.modules, module);
}

FrameId DefinitionsBuilder::InternFrame(const Frame& frame) {
  return Intern<FrameId>(state_->frames, state_->fresh.frames, frame);
}

FrameId DefinitionsBuilder::InternSpecialFrame(std::string_view text) {
  Module messages;
  messages.kind = ModuleKind::kSpecial;
  Frame frame;
  frame.module = InternModule(messages);
  frame.symbol = InternString(text);
  return InternFrame(frame);
}

StackId DefinitionsBuilder::InternStackNode(StackId parent, FrameId frame) {
  TWOFOLD_CHECK(parent.value <= state_->stacks.size());
  TWOFOLD_CHECK(frame.value != 0 && frame.value <= state_->frames.size());
  StackNode node;
  node.parent = parent;
  node.frame = frame;
  return Intern<StackId>(state_->stacks, state_->fresh.stacks, node);
}

StackId DefinitionsBuilder::InternStack(std::span<const FrameId> root_first) {
  StackId leaf;
  for (FrameId frame : root_first) leaf = InternStackNode(leaf, frame);
  return leaf;
}

WakerId DefinitionsBuilder::InternWaker(const Waker& waker) {
  TWOFOLD_CHECK(waker.thread.value <= state_->threads);
  TWOFOLD_CHECK(waker.kernel_stack.value <= state_->stacks.size());
  TWOFOLD_CHECK(waker.user_stack.value <= state_->stacks.size());
  return Intern<WakerId>(state_->wakers, state_->fresh.wakers, waker);
}

ChainId DefinitionsBuilder::InternChain(ChainId next, WakerId waker) {
  TWOFOLD_CHECK(next.value <= state_->chains.size());
  TWOFOLD_CHECK(waker.value != 0 && waker.value <= state_->wakers.size());
  Chain chain;
  chain.waker = waker;
  chain.next = next;
  return Intern<ChainId>(state_->chains, state_->fresh.chains, chain);
}

ProcessId DefinitionsBuilder::AddProcess(const Process& process) {
  ProcessId id(NextId(state_->processes++));
  state_->fresh.processes.push_back(process);
  return id;
}

ThreadId DefinitionsBuilder::AddThread(const Thread& thread) {
  TWOFOLD_CHECK(thread.process.value != 0 && thread.process.value <= state_->processes);
  ThreadId id(NextId(state_->threads++));
  state_->fresh.threads.push_back(thread);
  return id;
}

void DefinitionsBuilder::AddProcessEnd(const ProcessEnd& process_end) {
  TWOFOLD_CHECK(process_end.process.value != 0 && process_end.process.value <= state_->processes);
  state_->fresh.process_ends.push_back(process_end);
}

uint32_t DefinitionsBuilder::stack_count() const { return uint32_t(state_->stacks.size()); }

Definitions DefinitionsBuilder::TakeNew() { return std::exchange(state_->fresh, {}); }

}  // namespace twofold
