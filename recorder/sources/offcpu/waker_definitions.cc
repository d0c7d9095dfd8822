#include "recorder/sources/offcpu/waker_definitions.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace twofold {
namespace {

// Of wakers. A thread carries those that woke it, so they may be of before the interval.
constexpr StackTraits kStacks = {
    .map = TWOFOLD_SET_OFFCPU_STACKS, .kernel_leaf_returns = true, .any_time = true};

// Functions that run the handlers of timers, hard or soft
// (kernel/time/{hrtimer,timer,tick-sched}.c).
bool RunsTimers(std::string_view name) {
  static constexpr std::array<std::string_view, 10> kNames = {
      "__hrtimer_run_queues", "hrtimer_interrupt",  "hrtimer_run_softirq", "run_timer_softirq",
      "__run_timers",         "__run_timer_base",   "run_timer_base",      "call_timer_fn",
      "tick_nohz_handler",    "timer_expire_remote"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

}  // namespace

template <typename Id>
bool WakerDefinitions::StillHolds(const CaptureBuilder& builder, const Made<Id>& made) {
  const StackDefinitions& stacks = builder.stacks();
  return (made.made_in == 0 || made.made_in == stacks.intervals()) &&
         made.places == stacks.PlacesVersion();
}

StackId WakerDefinitions::StackOf(CaptureBuilder& builder, uint64_t hash, WakerKind& kind) {
  StackDefinitions& stacks = builder.stacks();
  const bool interrupt = kind == WakerKind::kHardIrq || kind == WakerKind::kSoftIrq;
  return stacks.MakeKernelPart(kStacks, hash, [&](const twofold_stack& stack) {
    KernelFrames part{.first = 0, .end = stack.nframes};
    for (uint32_t i = 0; i < part.end; ++i) {
      const std::optional<KernelSymbols::Hit> hit = stacks.FunctionBefore(stack.frames[i]);
      if (!hit) continue;
      const bool is_near = i < StackDefinitions::kMostTracingFrames;
      if (part.first == 0 && is_near && hit->name == "try_to_wake_up") part.first = i;
      if (!interrupt) continue;
      if (RunsTimers(hit->name)) kind = WakerKind::kTimer;
      if (StackDefinitions::IsInterruptEntry(hit->name)) part.end = i + 1;
    }
    return part;
  });
}

DefinedThread WakerDefinitions::ThreadOf(CaptureBuilder& builder, const twofold_thread& who) {
  if (who.thread == 0) return builder.threads().OutOfScope(who);
  const ThreadId id = builder.threads().ThreadOf(who.thread);
  return {.id = id, .process = builder.threads().ProcessOf(who.thread)};
}

Made<WakerId> WakerDefinitions::WakerOf(CaptureBuilder& builder, uint64_t key) {
  if (key == 0) return {};
  const auto known = wakers_.find(key);
  const bool is_known = known != wakers_.end();
  if (is_known && StillHolds(builder, known->second)) return known->second;
  twofold_waker found;
  if (!tracer_.map(TWOFOLD_SET_WAKERS).Find(&key, &found)) {
    return is_known ? known->second : Made<WakerId>();
  }
  Waker waker{.kind = WakerKind(found.kind)};
  Made<WakerId> made{.places = builder.stacks().PlacesVersion()};
  waker.kernel_stack = StackOf(builder, found.kernel_stack, waker.kind);
  if (waker.kind == WakerKind::kTask) {
    const DefinedThread thread = ThreadOf(builder, found.who);
    waker.thread = thread.id;
    if (is_known && thread.process.image == nullptr) {
      // Its process is gone, and what was known of it by then is all there is.
      known->second.made_in = 0;
      known->second.places = builder.stacks().PlacesVersion();
      return known->second;
    }
    const Made<StackId> user_stack =
        builder.stacks().User(kStacks, found.user_stack, thread.process);
    waker.user_stack = user_stack.id;
    if (user_stack.version != 0 || user_stack.made_in != 0) {
      made.made_in = builder.stacks().intervals();
    }
  }
  made.id = builder.definitions().InternWaker(waker);
  return wakers_.insert_or_assign(key, made).first->second;
}

ChainId WakerDefinitions::ChainOf(CaptureBuilder& builder, uint64_t key) {
  if (key == 0) return ChainId();
  const auto known = chains_.find(key);
  const bool is_known = known != chains_.end();
  if (is_known && StillHolds(builder, known->second)) return known->second.id;
  twofold_chain found;
  if (!tracer_.map(TWOFOLD_SET_CHAINS).Find(&key, &found)) {
    return is_known ? known->second.id : ChainId();
  }
  Made<ChainId> chain{.places = builder.stacks().PlacesVersion()};
  for (uint64_t i = std::min<uint64_t>(found.length, TWOFOLD_MAX_WAKERS); i-- > 0;) {
    const Made<WakerId> waker = WakerOf(builder, found.wakers[i]);
    // What is beyond a waker that was lost is not known to belong here.
    chain.id =
        waker.id == WakerId() ? ChainId() : builder.definitions().InternChain(chain.id, waker.id);
    if (waker.made_in != 0) chain.made_in = builder.stacks().intervals();
  }
  return chains_.insert_or_assign(key, chain).first->second.id;
}

static_assert(uint8_t(WakerKind::kTask) == TWOFOLD_WAKER_TASK);
static_assert(uint8_t(WakerKind::kHardIrq) == TWOFOLD_WAKER_HARDIRQ);
static_assert(uint8_t(WakerKind::kSoftIrq) == TWOFOLD_WAKER_SOFTIRQ);

}  // namespace twofold
