// Turns what the kernel added up into the intervals of a capture: thread numbers, stack hashes and
// addresses become definitions, differences become rows. The builder makes what is of all threads,
// their accounts; each source makes rows of its own, with the definitions that the builder has.
//
// Order of calls for an interval: Begin; the sources' BuildRows; Finish. Later, once no more rows
// of the time before can come, DefineProcessEnds.
#pragma once

#include <cstdint>

#include "format/capture.h"
#include "format/definitions_builder.h"
#include "recorder/capture/stack_definitions.h"
#include "recorder/capture/thread_definitions.h"
#include "recorder/host/cgroup.h"
#include "recorder/names/symbolizer.h"
#include "recorder/processes/process_table.h"
#include "recorder/tracer/tracer.h"

namespace twofold {

class CaptureBuilder {
 public:
  // Everything is borrowed and must outlive the builder.
  CaptureBuilder(const Recording& recording, const Tracer& tracer, ProcessTable& processes,
                 Symbolizer& symbolizer, const KernelSymbols& kernel_symbols,
                 CgroupPaths& cgroup_paths, DefinitionsBuilder& definitions);

  // The threads and losses of a reading. What it refers to is defined in the DefinitionsBuilder
  // afterwards. Times, cost and number of the interval are the caller's to fill in. `when`: what
  // the rows tell of happened in that time (CLOCK_MONOTONIC). All that was mapped until its end
  // must be in the process table.
  Interval Begin(const Reading& reading, const TimeRange& when);

  // The threads' accounts, if there are any, and what naming lost.
  void Finish(const Reading& reading, bool has_accounts, Interval& interval);

  // Tells the definitions which processes ended before a time (CLOCK_MONOTONIC), and lets go of
  // them: the process table may forget them afterwards. Rows of a process may still come for a
  // moment after its end.
  void DefineProcessEnds(uint64_t before_monotonic_ns);

  // For the sources.
  ThreadDefinitions& threads() { return threads_; }
  StackDefinitions& stacks() { return stacks_; }
  const StackDefinitions& stacks() const { return stacks_; }
  DefinitionsBuilder& definitions() { return definitions_; }
  uint64_t start_ns() const { return recording_.start_monotonic_ns; }  // CLOCK_MONOTONIC
  // Since then; what was before is 0.
  uint64_t SinceStart(uint64_t monotonic_ns) const {
    return monotonic_ns > start_ns() ? monotonic_ns - start_ns() : 0;
  }

  // Where something happened.
  struct Place {
    ThreadId thread;
    StackId kernel_stack;
    StackId user_stack;
  };
  // Of a key of the programs' that has thread, kernel_stack and user_stack.
  template <typename Key>
  Place PlaceOf(const StackTraits& traits, const Key& key) {
    const ThreadId thread = threads_.ThreadOf(key.thread);
    return {.thread = thread,
            .kernel_stack = stacks_.Kernel(traits, key.kernel_stack),
            .user_stack = stacks_.User(traits, key.user_stack, threads_.ProcessOf(key.thread)).id};
  }

  uint32_t stack_count() const { return stacks_.stack_count(); }
  size_t process_count() const { return threads_.process_count(); }

 private:
  void BuildAccounts(const Reading& reading, Interval& interval);

  const Recording& recording_;
  Symbolizer& symbolizer_;
  DefinitionsBuilder& definitions_;
  ThreadDefinitions threads_;
  StackDefinitions stacks_;
};

}  // namespace twofold
