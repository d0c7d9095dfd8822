// The part of the capture builder that makes stacks, wakers and chains of what the programs kept.
#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "recorder/base/clocks.h"
#include "recorder/capture/capture_builder.h"

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

template <size_t size>
bool IsOneOf(std::string_view name, const std::array<std::string_view, size>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Functions that run the handlers of timers, hard or soft
// (kernel/time/{hrtimer,timer,tick-sched}.c).
bool RunsTimers(std::string_view name) {
  static constexpr std::array<std::string_view, 10> kNames = {
      "__hrtimer_run_queues", "hrtimer_interrupt",  "hrtimer_run_softirq", "run_timer_softirq",
      "__run_timers",         "__run_timer_base",   "run_timer_base",      "call_timer_fn",
      "tick_nohz_handler",    "timer_expire_remote"};
  return IsOneOf(name, kNames);
}

}  // namespace

bool CaptureBuilder::IsInterruptEntry(std::string_view name) {
  static constexpr std::array<std::string_view, 9> kNames = {
      "handle_softirqs", "__do_softirq",  "do_softirq",    "irq_exit_rcu",     "__irq_exit_rcu",
      "gic_handle_irq",  "el1_interrupt", "el0_interrupt", "call_on_irq_stack"};
  return name.starts_with("asm_sysvec_") || name == "asm_common_interrupt" || IsOneOf(name, kNames);
}

StackId CaptureBuilder::SpecialStack(std::string_view text) {
  return definitions_.InternStackNode(StackId(), definitions_.InternSpecialFrame(text));
}

StackId CaptureBuilder::KernelStack(Tracer::StackClass stack_class, uint64_t hash) {
  if (hash == TWOFOLD_STACK_NONE) return StackId();
  if (hash < TWOFOLD_FIRST_STACK_HASH) return SpecialStack(SpecialText(hash, false));
  auto& stacks = kernel_stacks_[size_t(stack_class)];
  const auto known = stacks.find(hash);
  if (known != stacks.end()) return known->second;
  const std::optional<twofold_stack> stack = tracer_.FindStack(stack_class, hash);
  if (!stack) return SpecialStack(SpecialText(TWOFOLD_STACK_UNREADABLE, false));

  const bool is_memory = stack_class == Tracer::StackClass::kMemory;
  const bool asleep = stack_class == Tracer::StackClass::kOffCpu || is_memory;
  const uint32_t first = is_memory ? TracingFrames(*stack) : 0;
  std::vector<FrameId> root_first;
  if (stack->nframes == TWOFOLD_MAX_FRAMES) {
    root_first.push_back(definitions_.InternSpecialFrame("[truncated stack]"));
  }
  for (uint32_t i = stack->nframes; i-- > first;) {
    root_first.push_back(symbolizer_.KernelFrame(stack->frames[i], asleep || i > 0));
  }
  if (stack->called != 0) {
    const uint64_t called = stack->frames[0] + uint64_t(int64_t(stack->called));
    const std::optional<KernelSymbols::Hit> hit = kernel_symbols_.Find(called);
    // A call through a pointer goes by way of a thunk, which says nothing about where it went.
    if (hit && hit->offset == 0 && !hit->name.starts_with("__x86_indirect_")) {
      root_first.push_back(symbolizer_.KernelFrame(called, false));
    }
  }
  ++stacks_made_;
  return stacks.emplace(hash, definitions_.InternStack(root_first)).first->second;
}

uint64_t CaptureBuilder::PlacesVersion(const ProcessImage& image, bool with_new) const {
  return (with_new ? image.mapping_changes : image.last_replacement) + symbolizer_.overwritings();
}

bool CaptureBuilder::StillHolds(const Made<StackId>& made, const ProcessImage* image) {
  if (image == nullptr) return true;
  if (made.made_in != 0 && made.made_in != builds_) return false;
  if (made.places != PlacesVersion(*image, made.is_unmapped)) return false;
  return made.version == 0 || made.version == symbolizer_.VersionOfRuntimeNames(*image);
}

CaptureBuilder::Made<StackId> CaptureBuilder::MakeUserStack(Tracer::StackClass stack_class,
                                                            uint64_t hash,
                                                            const DefinedProcess& process,
                                                            UserStackUse use) {
  if (hash == TWOFOLD_STACK_NONE) return {};
  if (hash < TWOFOLD_FIRST_STACK_HASH) return {.id = SpecialStack(SpecialText(hash, true))};
  const bool is_waker = use == UserStackUse::kWaker;
  auto& by_process = is_waker ? waker_stacks_ : user_stacks_[size_t(stack_class)];
  auto& stacks = by_process[process.id.value];
  const auto known = stacks.find(hash);
  if (known != stacks.end() && StillHolds(known->second, process.image)) return known->second;
  std::optional<twofold_stack> stack = tracer_.FindStack(stack_class, hash);
  if (!stack) {
    if (known != stacks.end()) return known->second;
    return {.id = SpecialStack(SpecialText(TWOFOLD_STACK_UNREADABLE, true))};
  }
  const bool cut = (stack->nframes & TWOFOLD_FRAMES_CUT) != 0;
  stack->nframes &= ~TWOFOLD_FRAMES_CUT;

  // Memory that is freed, or not, was allocated at any time.
  const bool is_old = is_waker || stack_class == Tracer::StackClass::kMemory;
  const TimeRange when = {.from_ns = is_old ? 0 : rows_when_.from_ns, .to_ns = rows_when_.to_ns};
  NameValidity validity;
  Made<StackId> made;
  std::vector<FrameId> root_first;
  if (stack->nframes == TWOFOLD_MAX_FRAMES) {
    root_first.push_back(definitions_.InternSpecialFrame("[truncated stack]"));
  } else if (cut) {
    root_first.push_back(definitions_.InternSpecialFrame("[stack ends: memory not readable]"));
  }
  if (process.image == nullptr) {
    root_first.push_back(definitions_.InternSpecialFrame("[process gone before it was read]"));
  } else {
    // A return address that nothing is mapped at is no return address: the program keeps something
    // else where a frame pointer is expected, and what the walk found behind it is noise.
    const auto is_mapped = [&](uint64_t address) {
      return !process.image->FindMappings(address, when).empty();
    };
    uint32_t walked = 1;
    while (walked < stack->nframes &&
           (!process.image->mappings_known || is_mapped(stack->frames[walked]))) {
      ++walked;
    }
    made.is_unmapped = walked < stack->nframes || !is_mapped(stack->frames[0]);
    if (walked < stack->nframes) {
      root_first = {definitions_.InternSpecialFrame("[stack ends: no frame pointer]")};
    }
    // Who called an allocator function is told by the address that it returns to.
    const bool has_returned =
        stack_class == Tracer::StackClass::kMemory && recording_.settings.leak_scope == "user";
    std::vector<FrameId> leaf_first;
    for (uint32_t i = 0; i < walked; ++i) {
      const bool is_return = i > 0 || has_returned;
      leaf_first.push_back(
          symbolizer_.UserFrame(*process.image, stack->frames[i], is_return, when, validity));
    }
    made.places = PlacesVersion(*process.image, made.is_unmapped);
    if (validity.runtime_code) made.version = symbolizer_.VersionOfRuntimeNames(*process.image);
    if (validity.this_interval_only) made.made_in = builds_;
    const StackEnd end = EndOfUserStack(*process.image, *stack, leaf_first);
    if (end.begins) {
      root_first.clear();  // whatever the walk met outside of it
    } else if (end.ends_early && root_first.empty()) {
      root_first = {definitions_.InternSpecialFrame("[stack ends: beginning not reached]")};
    }
    root_first.insert(root_first.end(), leaf_first.rend() - ptrdiff_t(end.frames),
                      leaf_first.rend());
  }
  if (known == stacks.end()) ++stacks_made_;
  made.id = definitions_.InternStack(root_first);
  return stacks.insert_or_assign(hash, made).first->second;
}

StackEnd CaptureBuilder::EndOfUserStack(const ProcessImage& image, const twofold_stack& stack,
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

StackId CaptureBuilder::CallersStack(const twofold_stack& stack, uint32_t first, uint32_t end) {
  std::vector<FrameId> root_first;
  if (stack.nframes == TWOFOLD_MAX_FRAMES && end == stack.nframes) {
    root_first.push_back(definitions_.InternSpecialFrame("[truncated stack]"));
  }
  for (uint32_t i = end; i-- > first;) {
    root_first.push_back(symbolizer_.KernelFrame(stack.frames[i], true));
  }
  return definitions_.InternStack(root_first);
}

StackId CaptureBuilder::WakerStack(uint64_t hash, WakerKind& kind) {
  if (hash < TWOFOLD_FIRST_STACK_HASH) {
    return hash == TWOFOLD_STACK_NONE ? StackId() : SpecialStack(SpecialText(hash, false));
  }
  const std::optional<twofold_stack> stack = tracer_.FindStack(Tracer::StackClass::kOffCpu, hash);
  if (!stack) return SpecialStack(SpecialText(TWOFOLD_STACK_UNREADABLE, false));
  const bool interrupt = kind == WakerKind::kHardIrq || kind == WakerKind::kSoftIrq;
  uint32_t first = 0;
  uint32_t end = stack->nframes;
  for (uint32_t i = 0; i < end; ++i) {
    const std::optional<KernelSymbols::Hit> hit = kernel_symbols_.Find(stack->frames[i] - 1);
    if (!hit) continue;
    if (first == 0 && i < kMostTracingFrames && hit->name == "try_to_wake_up") first = i;
    if (!interrupt) continue;
    if (RunsTimers(hit->name)) kind = WakerKind::kTimer;
    if (IsInterruptEntry(hit->name)) end = i + 1;
  }
  return CallersStack(*stack, first, end);
}

CaptureBuilder::DefinedThread CaptureBuilder::ThreadOutOfScope(const twofold_thread& thread) {
  const std::string key(reinterpret_cast<const char*>(&thread), sizeof(thread));
  const auto known = threads_out_of_scope_.find(key);
  if (known != threads_out_of_scope_.end()) return known->second;
  const std::string_view name(thread.comm, strnlen(thread.comm, sizeof(thread.comm)));
  DefinedThread defined;
  if (thread.tgid == 0) {
    // The idle thread of a CPU, or somebody of whom only this much is known.
    const StringId text = definitions_.InternString(name.empty() ? "[not in scope]" : name);
    defined.process = {.id = definitions_.AddProcess(Process{.name = text}), .image = nullptr};
    defined.id = definitions_.AddThread(Thread{.process = defined.process.id, .name = text});
  } else {
    twofold_thread now = thread;
    now.created_ns = MonotonicNowNs();
    defined.process = DefineProcess(now);
    defined.id = definitions_.AddThread(Thread{.process = defined.process.id,
                                               .tid = Tid(thread.tid),
                                               .start_ns = SinceStart(thread.start_boottime_ns),
                                               .name = definitions_.InternString(name),
                                               .cgroup = CgroupOf(thread, defined.process.image)});
  }
  return threads_out_of_scope_.emplace(key, defined).first->second;
}

CaptureBuilder::Made<WakerId> CaptureBuilder::WakerOf(uint64_t key) {
  if (key == 0) return {};
  const auto known = wakers_.find(key);
  const bool is_known = known != wakers_.end();
  if (is_known && StillHolds(known->second)) return known->second;
  const std::optional<twofold_waker> found = tracer_.FindWaker(key);
  if (!found) return is_known ? known->second : Made<WakerId>();
  Waker waker{.kind = WakerKind(found->kind)};
  Made<WakerId> made{.places = PlacesVersion()};
  waker.kernel_stack = WakerStack(found->kernel_stack, waker.kind);
  if (waker.kind == WakerKind::kTask) {
    DefinedThread thread;
    if (found->who.thread != 0) {
      thread.id = ThreadOf(found->who.thread);
      thread.process = thread_process_.at(found->who.thread);
    } else {
      thread = ThreadOutOfScope(found->who);
    }
    waker.thread = thread.id;
    if (is_known && thread.process.image == nullptr) {
      // Its process is gone, and what was known of it by then is all there is.
      known->second.made_in = 0;
      known->second.places = PlacesVersion();
      return known->second;
    }
    const Made<StackId> user_stack = MakeUserStack(Tracer::StackClass::kOffCpu, found->user_stack,
                                                   thread.process, UserStackUse::kWaker);
    waker.user_stack = user_stack.id;
    if (user_stack.version != 0 || user_stack.made_in != 0) made.made_in = builds_;
  }
  made.id = definitions_.InternWaker(waker);
  return wakers_.insert_or_assign(key, made).first->second;
}

ChainId CaptureBuilder::ChainOf(uint64_t key) {
  if (key == 0) return ChainId();
  const auto known = chains_.find(key);
  const bool is_known = known != chains_.end();
  if (is_known && StillHolds(known->second)) return known->second.id;
  const std::optional<twofold_chain> found = tracer_.FindChain(key);
  if (!found) return is_known ? known->second.id : ChainId();
  Made<ChainId> chain{.places = PlacesVersion()};
  for (uint64_t i = found->length; i-- > 0;) {
    const Made<WakerId> waker = WakerOf(found->wakers[i]);
    // What is beyond a waker that was lost is not known to belong here.
    chain.id = waker.id == WakerId() ? ChainId() : definitions_.InternChain(chain.id, waker.id);
    if (waker.made_in != 0) chain.made_in = builds_;
  }
  return chains_.insert_or_assign(key, chain).first->second.id;
}

}  // namespace twofold
