// How the kernel schedules this program: ahead of others for a part of a CPU's time, which the
// kernel itself enforces (SCHED_DEADLINE), where niceness would not do: it counts only within a
// cgroup or a session, and a host is full of those.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace twofold {

// A part of the time of one CPU.
struct CpuBudget {
  uint64_t runtime_ns;
  uint64_t period_ns;
};

// From now on the thread has that much of each period before all threads that are not real-time,
// and no more. What it forks has none of it. False: the kernel refuses (errno), as where the thread
// may not run on all CPUs, or without privilege; everything is as before then. 0: the calling
// thread.
bool RunAhead(pid_t thread, const CpuBudget& budget);

// As any other thread, with a niceness.
void RunAsOthers(pid_t thread, int niceness);

// The calling thread gets the niceness of the main thread, which RunAhead kept from it.
void RunAsMainThread();

}  // namespace twofold
