// Which processes lived when, under which name, and what was mapped where: what it takes to name a
// user address. Fed by the scan of /proc at the start and by perf's sideband from then on
// (recorder/sideband.h). Only processes in scope are kept.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "format/base/ids.h"
#include "format/capture.h"
#include "recorder/sideband.h"

namespace twofold {

// An executable mapping.
struct Mapping {
  uint64_t start = 0;
  uint64_t end = 0;          // first address behind it
  uint64_t file_offset = 0;  // of start, in bytes
  ModuleKind kind = ModuleKind::kUserFile;
  std::string
      path;  // as the process sees it, without " (deleted)"; "[vdso]"; empty for anonymous memory
  std::string build_id;  // lower-case hexadecimal; empty: not known yet
};

// One program image of a process: exec begins a new one with the same pid and start.
struct ProcessImage {
  Pid pid;
  Pid parent_pid;
  uint64_t start_boottime_ns =
      0;  // of the process, CLOCK_BOOTTIME; within a clock tick when read from /proc
  uint64_t image_start_monotonic_ns = 0;  // fork, exec or (known from /proc) 0
  uint64_t end_monotonic_ns = 0;          // exit or the next exec; 0: still running
  bool ended_by_exec = false;
  bool mappings_known = true;  // false: the process was gone before its mappings could be read
  std::string name;            // comm of the main thread
  std::string executable;      // path; empty: unknown, or a kernel thread
  std::string cgroup;          // path; empty: unknown

  // The mapping at an address, or nullptr.
  const Mapping* FindMapping(uint64_t address) const;

  // Keyed by start; a later mapping replaces what it overlaps.
  std::map<uint64_t, Mapping> mappings;
};

class ProcessTable {
 public:
  struct Scope {
    bool all = true;               // every process of the host
    std::vector<Pid> pids;         // else: these
    bool follow_children = false;  // and their descendants
  };

  explicit ProcessTable(Scope scope);

  // Adds the processes in scope that run now, with their mappings. Call after the sideband was
  // opened and before its first events are applied; events that repeat what the scan saw change
  // nothing.
  void ScanProc();

  // Events must come in order of time.
  void Apply(const SidebandEvent& event);

  // The image that `pid` ran at a time (CLOCK_MONOTONIC), or nullptr when no event or scan told of
  // it. The pointer stays valid until Forget removes the image.
  ProcessImage* Find(Pid pid, uint64_t monotonic_ns);

  // Reads a live process that no event told of; nullptr when it is gone.
  ProcessImage* ReadFromProc(Pid pid);

  // Removes images that ended before a time (CLOCK_MONOTONIC).
  void Forget(uint64_t before_monotonic_ns);

  size_t size() const;

 private:
  bool InScope(Pid pid) const;
  Scope scope_;
  std::unordered_map<uint32_t, bool> tracked_;
  std::unordered_map<uint32_t, std::deque<std::unique_ptr<ProcessImage>>> images_;  // oldest first
};

}  // namespace twofold
