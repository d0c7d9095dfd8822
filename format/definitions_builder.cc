#include "format/definitions_builder.h"

#include <string>
#include <unordered_map>
#include <utility>

#include "format/base/check.h"
#include "format/base/utf8.h"

namespace twofold {
namespace {

// Mixes a value into a hash; the constant is 2^64 divided by the golden ratio.
uint64_t Mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15;
  return hash ^ (hash >> 32);
}

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
struct ModuleHash {
  size_t operator()(const Module& module) const {
    uint64_t hash = Mix(static_cast<uint64_t>(module.kind), module.path.value);
    return Mix(hash, module.build_id.value);
  }
};
struct FrameHash {
  size_t operator()(const Frame& frame) const {
    return Mix(Mix(Mix(0, frame.module.value), frame.symbol.value), frame.offset);
  }
};
struct NodeHash {
  size_t operator()(const StackNode& node) const {
    return Mix(Mix(0, node.parent.value), node.frame.value);
  }
};

uint32_t NextId(size_t defined_so_far) {
  TWOFOLD_CHECK(defined_so_far < UINT32_MAX);
  return static_cast<uint32_t>(defined_so_far) + 1;
}

// The id of `key`, defined now when it is new.
template <typename Identifier, typename Key, typename Hash>
Identifier Intern(std::unordered_map<Key, Identifier, Hash>& ids, std::vector<Key>& fresh,
                  const Key& key) {
  auto found = ids.find(key);
  if (found != ids.end()) return found->second;
  Identifier id(NextId(ids.size()));
  ids.emplace(key, id);
  fresh.push_back(key);
  return id;
}

}  // namespace

struct DefinitionsBuilder::State {
  std::unordered_map<std::string, StringId, TextHash, std::equal_to<>> strings;
  std::unordered_map<Module, ModuleId, ModuleHash> modules;
  std::unordered_map<Frame, FrameId, FrameHash> frames;
  std::unordered_map<StackNode, StackId, NodeHash> stacks;
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
  return Intern(state_->modules, state_->fresh.modules, module);
}

FrameId DefinitionsBuilder::InternFrame(const Frame& frame) {
  return Intern(state_->frames, state_->fresh.frames, frame);
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
  return Intern(state_->stacks, state_->fresh.stacks, node);
}

StackId DefinitionsBuilder::InternStack(std::span<const FrameId> root_first) {
  StackId leaf;
  for (FrameId frame : root_first) leaf = InternStackNode(leaf, frame);
  return leaf;
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

uint32_t DefinitionsBuilder::stack_count() const {
  return static_cast<uint32_t>(state_->stacks.size());
}

Definitions DefinitionsBuilder::TakeNew() { return std::exchange(state_->fresh, {}); }

}  // namespace twofold
