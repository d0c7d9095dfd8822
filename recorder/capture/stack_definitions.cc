#include "recorder/capture/stack_definitions.h"

#include <algorithm>
#include <array>
#include <string>

namespace twofold {
namespace {

std::string_view SpecialText(uint64_t stack, bool user) {
  switch (stack) {
    case TWOFOLD_STACK_MAP_FULL:
      return "[stack lost: map full]";
    case TWOFOLD_STACK_MAP_BUSY:
      return "[stack lost: map busy]";
    case TWOFOLD_STACK_NOT_TAKEN:
      return "[user stack not taken: blocked before the recording]";
    case TWOFOLD_STACK_CAPPED:
      return "[stack lost: too many at once]";
    case TWOFOLD_STACK_RAN_UNSEEN:
      return "[stack lost: ran unseen]";
    case TWOFOLD_STACK_NOT_SAMPLED:
      return "[stack not sampled]";
    default:
      return user ? "[user stack unreadable]" : "[kernel stack unreadable]";
  }
}

bool IsTracing(std::string_view name) {
  return name.starts_with("bpf_prog_") || name.starts_with("bpf_trace_run") ||
         name.starts_with("__bpf_trace_") || name.starts_with("__traceiter_");
}

}  // namespace

bool StackDefinitions::IsInterruptEntry(std::string_view name) {
  static constexpr std::array<std::string_view, 9> kNames = {
      "handle_softirqs", "__do_softirq",  "do_softirq",    "irq_exit_rcu",     "__irq_exit_rcu",
      "gic_handle_irq",  "el1_interrupt", "el0_interrupt", "call_on_irq_stack"};
  return name.starts_with("asm_sysvec_") || name == "asm_common_interrupt" ||
         std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

StackId StackDefinitions::Special(uint64_t hash, bool user) {
  if (hash == TWOFOLD_STACK_NONE) return StackId();
  return definitions_.InternStackNode(StackId(),
                                      definitions_.InternSpecialFrame(SpecialText(hash, user)));
}

// The first ones only: what allocates may be tracing, too.
uint32_t StackDefinitions::TracingFrames(const twofold_stack& stack) const {
  uint32_t first = 0;
  while (first < std::min(stack.nframes, kMostTracingFrames)) {
    const std::optional<KernelSymbols::Hit> hit = kernel_symbols_.Find(stack.frames[first] - 1);
    if (!hit || !IsTracing(hit->name)) break;
    ++first;
  }
  return first < stack.nframes ? first : 0;
}

StackId StackDefinitions::Kernel(const StackTraits& traits, uint64_t hash) {
  return KernelPart(traits, hash, [this, &traits](const twofold_stack& stack) {
    return KernelFrames{.first = traits.is_traced ? TracingFrames(stack) : 0, .end = stack.nframes};
  });
}

StackId StackDefinitions::MakeKernel(const StackTraits& traits, const twofold_stack& stack,
                                     const KernelFrames& part) {
  std::vector<FrameId> root_first;
  if (stack.nframes == TWOFOLD_MAX_FRAMES && part.end == stack.nframes) {
    root_first.push_back(definitions_.InternSpecialFrame("[truncated stack]"));
  }
  for (uint32_t i = part.end; i-- > part.first;) {
    root_first.push_back(
        symbolizer_.KernelFrame(stack.frames[i], traits.kernel_leaf_returns || i > 0));
  }
  if (stack.called != 0 && part.first == 0) {
    const uint64_t called = stack.frames[0] + uint64_t(int64_t(stack.called));
    const std::optional<KernelSymbols::Hit> hit = kernel_symbols_.Find(called);
    // A call through a pointer goes by way of a thunk, which says nothing about where it went.
    if (hit && hit->offset == 0 && !hit->name.starts_with("__x86_indirect_")) {
      root_first.push_back(symbolizer_.KernelFrame(called, false));
    }
  }
  return definitions_.InternStack(root_first);
}

uint64_t StackDefinitions::PlacesVersion(const ProcessImage& image, bool with_new) const {
  return (with_new ? image.mapping_changes : image.last_replacement) + symbolizer_.overwritings();
}

bool StackDefinitions::StillHolds(const Made<StackId>& made, const ProcessImage* image) const {
  if (image == nullptr) return true;
  if (made.made_in != 0 && made.made_in != builds_) return false;
  if (made.places != PlacesVersion(*image, made.is_unmapped)) return false;
  return made.version == 0 || made.version == symbolizer_.VersionOfRuntimeNames(*image);
}

Made<StackId> StackDefinitions::User(const StackTraits& traits, uint64_t hash,
                                     const DefinedProcess& process) {
  if (hash < TWOFOLD_FIRST_STACK_HASH) return {.id = Special(hash, true)};
  auto& stacks = known_[&traits].user[process.id.value];
  const auto known = stacks.find(hash);
  if (known != stacks.end() && StillHolds(known->second, process.image)) return known->second;
  const std::optional<twofold_stack> stack = tracer_.FindStack(traits.map, hash);
  if (!stack) {
    if (known != stacks.end()) return known->second;
    return {.id = Special(TWOFOLD_STACK_UNREADABLE, true)};
  }
  if (known == stacks.end()) ++stacks_made_;
  return stacks.insert_or_assign(hash, MakeUser(traits, *stack, process)).first->second;
}

Made<StackId> StackDefinitions::MakeUser(const StackTraits& traits, twofold_stack stack,
                                         const DefinedProcess& process) {
  const bool cut = (stack.nframes & TWOFOLD_FRAMES_CUT) != 0;
  stack.nframes &= ~TWOFOLD_FRAMES_CUT;
  Made<StackId> made;
  std::vector<FrameId> root_first;
  if (stack.nframes == TWOFOLD_MAX_FRAMES) {
    root_first.push_back(definitions_.InternSpecialFrame("[truncated stack]"));
  } else if (cut) {
    root_first.push_back(definitions_.InternSpecialFrame("[stack ends: memory not readable]"));
  }
  if (process.image == nullptr) {
    root_first.push_back(definitions_.InternSpecialFrame("[process gone before it was read]"));
  } else {
    AppendUserFrames(traits, stack, *process.image, made, root_first);
  }
  made.id = definitions_.InternStack(root_first);
  return made;
}

void StackDefinitions::AppendUserFrames(const StackTraits& traits, const twofold_stack& stack,
                                        ProcessImage& image, Made<StackId>& made,
                                        std::vector<FrameId>& root_first) {
  const TimeRange when = {.from_ns = traits.any_time ? 0 : rows_when_.from_ns,
                          .to_ns = rows_when_.to_ns};
  // A return address that nothing is mapped at is no return address: the program keeps something
  // else where a frame pointer is expected, and what the walk found behind it is noise.
  const auto is_mapped = [&](uint64_t address) {
    return !image.FindMappings(address, when).empty();
  };
  uint32_t walked = 1;
  while (walked < stack.nframes && (!image.mappings_known || is_mapped(stack.frames[walked]))) {
    ++walked;
  }
  made.is_unmapped = walked < stack.nframes || !is_mapped(stack.frames[0]);
  if (walked < stack.nframes) {
    root_first = {definitions_.InternSpecialFrame("[stack ends: no frame pointer]")};
  }
  NameValidity validity;
  std::vector<FrameId> leaf_first;
  for (uint32_t i = 0; i < walked; ++i) {
    const bool is_return = i > 0 || traits.user_leaf_returns;
    leaf_first.push_back(symbolizer_.UserFrame(image, stack.frames[i], is_return, when, validity));
  }
  made.places = PlacesVersion(image, made.is_unmapped);
  if (validity.runtime_code) made.version = symbolizer_.VersionOfRuntimeNames(image);
  // What was mapped since then is in the versions already, and will be in the next interval's
  // stacks.
  if (validity.this_interval_only || image.last_mapped_ns > when.to_ns) made.made_in = builds_;
  const StackEnd end = EndOfUserStack(image, stack, leaf_first);
  if (end.begins) {
    root_first.clear();  // whatever the walk met outside of it
  } else if (end.ends_early && root_first.empty()) {
    root_first = {definitions_.InternSpecialFrame("[stack ends: beginning not reached]")};
  }
  root_first.insert(root_first.end(), leaf_first.rend() - ptrdiff_t(end.frames), leaf_first.rend());
}

StackEnd StackDefinitions::EndOfUserStack(const ProcessImage& image, const twofold_stack& stack,
                                          const std::vector<FrameId>& leaf_first) const {
  if (!image.mappings_known) return {.frames = leaf_first.size()};
  const bool has_c_library =
      std::any_of(image.mappings.begin(), image.mappings.end(),
                  [](const Mapping& mapping) { return IsCLibrary(mapping.path()); });
  std::vector<FrameOfStack> frames;
  for (size_t i = 0; i < leaf_first.size(); ++i) {
    const Mapping* mapping = image.FindMapping(stack.frames[i]);
    const std::string_view path = mapping != nullptr ? mapping->path() : std::string_view();
    frames.push_back({.beginning = symbolizer_.BeginningOfFrame(leaf_first[i]),
                      .in_c_library = IsCLibrary(path),
                      .in_program = !path.empty() && path == image.executable});
  }
  return FindStackEnd(frames, has_c_library);
}

void StackDefinitions::Forget(const std::vector<ProcessId>& processes) {
  for (auto& [traits, stacks] : known_) {
    if (traits->outlives_process) continue;
    for (const ProcessId process : processes) stacks.user.erase(process.value);
  }
}

}  // namespace twofold
