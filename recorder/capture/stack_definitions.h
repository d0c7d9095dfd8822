// The stacks of a capture: addresses that the programs kept under a hash become named frames.
//
// What the programs keep are addresses only, so a stack of a process is made again when the same
// addresses may mean something else: code was made there at run time, something else was mapped
// there, or the file was written into.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bpf/abi/map_sets_abi.h"
#include "bpf/abi/stacks_abi.h"
#include "format/capture.h"
#include "format/definitions_builder.h"
#include "recorder/capture/thread_definitions.h"
#include "recorder/names/kernel_symbols.h"
#include "recorder/names/stack_beginnings.h"
#include "recorder/names/symbolizer.h"
#include "recorder/processes/process_table.h"
#include "recorder/tracer/tracer.h"

namespace twofold {

// What is particular about the stacks of a source. Lives as long as the capture is made: stacks are
// remembered by its address.
struct StackTraits {
  twofold_map_set map;               // that holds them
  bool kernel_leaf_returns = false;  // a kernel stack's leaf is a place that is returned to, as in
                                     // a thread that sleeps; else it is where the thread was
  bool is_traced = false;  // kernel stacks begin with the frames of the tracepoint that walked them
  bool user_leaf_returns = false;  // as kernel_leaf_returns
  bool any_time = false;           // what they belong to may have happened before the interval
  bool outlives_process = false;   // they are asked for after their process ended
};

// Something that was made of what the programs kept, and how long that holds.
template <typename Id>
struct Made {
  Id id;
  uint64_t version = 0;      // of the names of code made at run time; 0: has no such frame
  uint64_t made_in = 0;      // the interval that it holds for; 0: others, too
  uint64_t places = 0;       // PlacesVersion of its process; of wakers and chains: of all
  bool is_unmapped = false;  // it has an address where nothing was mapped
};

// Frames of a kernel stack, leaf first: from `first` up to below `end`.
struct KernelFrames {
  uint32_t first = 0;
  uint32_t end = 0;
};

class StackDefinitions {
 public:
  // Everything is borrowed and must outlive this.
  StackDefinitions(const Tracer& tracer, ProcessTable& processes, Symbolizer& symbolizer,
                   const KernelSymbols& kernel_symbols, DefinitionsBuilder& definitions)
      : tracer_(tracer),
        processes_(processes),
        symbolizer_(symbolizer),
        kernel_symbols_(kernel_symbols),
        definitions_(definitions) {}

  // A new interval, whose rows tell of what happened in that time (CLOCK_MONOTONIC).
  void BeginInterval(const TimeRange& rows_when) {
    ++builds_;
    rows_when_ = rows_when;
  }
  uint64_t intervals() const { return builds_; }

  // By hash, or by the number that says why there is none.
  StackId Kernel(const StackTraits& traits, uint64_t hash);
  // Only a part of it: part_of(stack) gives the KernelFrames, always the same of the same stack.
  template <typename PartOf>
  StackId KernelPart(const StackTraits& traits, uint64_t hash, PartOf part_of);
  // Made anew with each call.
  template <typename PartOf>
  StackId MakeKernelPart(const StackTraits& traits, uint64_t hash, PartOf part_of);
  Made<StackId> User(const StackTraits& traits, uint64_t hash, const DefinedProcess& process);

  // Another one when something may be elsewhere than before, in any process.
  uint64_t PlacesVersion() const { return processes_.replacements() + symbolizer_.overwritings(); }

  // Lets go of what belongs to processes that ended.
  void Forget(const std::vector<ProcessId>& processes);

  // Of a frame's return address.
  std::optional<KernelSymbols::Hit> FunctionBefore(uint64_t return_address) const {
    return kernel_symbols_.Find(return_address - 1);
  }
  // Functions in which the handling of an interrupt begins: their callers were interrupted.
  static bool IsInterruptEntry(std::string_view name);
  // Frames of the programs themselves, and of what called them, come first in a stack that was
  // walked where something happened: so many at most.
  static constexpr uint32_t kMostTracingFrames = 16;

  uint32_t stack_count() const { return stacks_made_; }

 private:
  StackId Special(uint64_t hash, bool user);
  StackId MakeKernel(const StackTraits& traits, const twofold_stack& stack,
                     const KernelFrames& part);
  Made<StackId> MakeUser(const StackTraits& traits, twofold_stack stack,
                         const DefinedProcess& process);
  void AppendUserFrames(const StackTraits& traits, const twofold_stack& stack, ProcessImage& image,
                        Made<StackId>& made, std::vector<FrameId>& root_first);
  // How many frames of a kernel stack, from its leaf, are those of tracing it.
  uint32_t TracingFrames(const twofold_stack& stack) const;
  // How far a user stack that was walked goes, by its frames' names.
  StackEnd EndOfUserStack(const ProcessImage& image, const twofold_stack& stack,
                          const std::vector<FrameId>& leaf_first) const;
  // Another one when something may be elsewhere than before. `with_new`: also where nothing was.
  uint64_t PlacesVersion(const ProcessImage& image, bool with_new) const;
  bool StillHolds(const Made<StackId>& made, const ProcessImage* image) const;

  const Tracer& tracer_;
  ProcessTable& processes_;
  Symbolizer& symbolizer_;
  const KernelSymbols& kernel_symbols_;
  DefinitionsBuilder& definitions_;

  struct Known {
    std::unordered_map<uint64_t, StackId> kernel;                                    // by hash
    std::unordered_map<uint32_t, std::unordered_map<uint64_t, Made<StackId>>> user;  // by process
  };
  std::unordered_map<const StackTraits*, Known> known_;
  uint64_t builds_ = 0;
  TimeRange rows_when_;
  uint32_t stacks_made_ = 0;
};

template <typename PartOf>
StackId StackDefinitions::MakeKernelPart(const StackTraits& traits, uint64_t hash, PartOf part_of) {
  if (hash < TWOFOLD_FIRST_STACK_HASH) return Special(hash, false);
  const std::optional<twofold_stack> stack = tracer_.FindStack(traits.map, hash);
  if (!stack) return Special(TWOFOLD_STACK_UNREADABLE, false);
  return MakeKernel(traits, *stack, part_of(*stack));
}

template <typename PartOf>
StackId StackDefinitions::KernelPart(const StackTraits& traits, uint64_t hash, PartOf part_of) {
  if (hash < TWOFOLD_FIRST_STACK_HASH) return Special(hash, false);
  auto& stacks = known_[&traits].kernel;
  const auto known = stacks.find(hash);
  if (known != stacks.end()) return known->second;
  const std::optional<twofold_stack> stack = tracer_.FindStack(traits.map, hash);
  if (!stack) return Special(TWOFOLD_STACK_UNREADABLE, false);
  ++stacks_made_;
  return stacks.emplace(hash, MakeKernel(traits, *stack, part_of(*stack))).first->second;
}

}  // namespace twofold
