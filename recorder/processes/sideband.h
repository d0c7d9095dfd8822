// perf's sideband: the kernel's own account of forks, execs, names, executable mappings, BPF
// programs and new cgroups, one ring per CPU, fed by a dummy software event. Times are
// CLOCK_MONOTONIC.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "format/base/ids.h"
#include "format/base/result.h"

namespace twofold {

struct SidebandEvent {
  enum class Kind { kFork, kExit, kExec, kComm, kMap, kBpfProgram, kBpfProgramGone, kCgroup };

  Kind kind = Kind::kFork;
  uint64_t time_ns = 0;  // CLOCK_MONOTONIC
  Pid pid;
  Tid tid;
  Pid parent_pid;        // kFork
  std::string text;      // kExec, kComm, kBpfProgram*: the name; kMap, kCgroup: the path
  uint64_t address = 0;  // kMap; kBpfProgram*: of the kernel
  uint64_t size_bytes = 0;
  uint64_t file_offset = 0;
  // kMap: of the file; 0: memory without one.
  uint64_t device = 0;  // as makedev(3) has it
  uint64_t inode = 0;
  uint64_t cgroup_id = 0;         // kCgroup: in the hierarchy of version 2
  uint64_t inode_generation = 0;  // file systems give an inode's number to another file later
};

class Sideband {
 public:
  // Opens one ring per online CPU; CPUs that come online later are not followed. Error: names the
  // missing privilege or the sysctl in the way.
  static Result<std::unique_ptr<Sideband>> Open();
  ~Sideband();
  Sideband(const Sideband&) = delete;
  Sideband& operator=(const Sideband&) = delete;

  // Readable when a ring is half full; for epoll.
  const std::vector<int>& fds() const;

  // Appends all events that are complete, ordered by time over all CPUs. Rings are read one after
  // the other, so a ring read late may hold events later than some that an earlier one got
  // meanwhile: events newer than the begin of this call are kept back for the next one. Across
  // calls times go backwards only when a CPU was held up between stamping an event and writing it.
  void Drain(std::vector<SidebandEvent>& events);

  // Events that the rings had no room for, so far.
  uint64_t lost() const;

 private:
  Sideband();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace twofold
