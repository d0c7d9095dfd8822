// What /proc tells about one process. The parsers take text, so that tests can feed them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/ids.h"
#include "format/base/unique_fd.h"

namespace twofold {

struct ProcStat {
  std::string name;  // comm
  char state = '?';
  // The thread that the text is about has ended; of a main thread: others may still run.
  bool has_ended() const { return state == 'Z' || state == 'X'; }
  Pid parent_pid;
  bool is_kernel_thread = false;
  bool is_exiting = false;
  uint32_t threads = 0;
  uint64_t start_boottime_ns = 0;  // rounded down to a clock tick
};

// /proc/PID/stat; nullopt when it is not of that form. The name may hold spaces and parentheses. A
// kernel worker's name is cut where the work it does begins ("kworker/0:1-events"), as the kernel's
// own comm has it.
std::optional<ProcStat> ParseProcStat(std::string_view text, uint64_t ticks_per_second);

// /proc/PID/cgroup.
struct ProcCgroups {
  std::string version_2;  // in the unified hierarchy ("0::/..."); empty: not there
  // In hierarchies of version 1: in that of "name=systemd"; where that is the root, the first that
  // is not the root; empty: there are none.
  std::string version_1;

  friend bool operator==(const ProcCgroups&, const ProcCgroups&) = default;
};
ProcCgroups ParseProcCgroups(std::string_view text);

// An executable line of /proc/PID/maps.
struct MapsLine {
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t file_offset = 0;
  uint64_t device = 0;
  uint64_t inode = 0;
  std::string text;  // last column
};

// nullopt: not executable, or not of that form.
std::optional<MapsLine> ParseMapsLine(std::string_view line);

// One process in /proc. The descriptors stand for the process, not for its pid: once the process is
// gone, every read fails, even if another one has the same pid by then.
//
// A process outlives its main thread (pthread_exit in main). From then on /proc/PID has neither
// mappings nor an executable, a root or namespaces, as these belonged to the thread that is gone;
// /proc/TID of any other thread still has them all. So all that is read or opened of a process goes
// through this class.
class ProcProcess {
 public:
  // nullopt: no such process.
  static std::optional<ProcProcess> Open(Pid pid);

  // Where maps, map_files, root, ns, status and the like can be read: /proc/PID, or /proc/TID of a
  // thread that lives where the main thread does not.
  int directory_fd() const { return living_ ? living_.get() : main_.get(); }

  // As it was when the process was opened.
  const ProcStat& stat() const { return stat_; }
  // The kernel says "/" for hierarchies of version 1 where a process is exiting (cgroup.c:
  // proc_cgroup_show): version_1 is empty then.
  std::optional<ProcCgroups> Cgroups() const;
  // Path of the executable without " (deleted)"; nullopt for kernel threads.
  std::optional<std::string> Executable() const;
  // Of those threads that have not ended; ascending.
  std::vector<uint32_t> Tids() const;
  // Hands over every executable mapping; false when the mappings cannot be read.
  bool ForEachExecutableMapping(const std::function<void(const MapsLine&)>& take) const;

 private:
  ProcProcess(Pid pid, UniqueFd main, ProcStat stat)
      : pid_(pid), main_(std::move(main)), stat_(std::move(stat)) {}
  // Opens /proc/TID of a thread that has not ended, if there is one.
  void FindLivingThread();

  Pid pid_;
  UniqueFd main_;    // /proc/PID
  UniqueFd living_;  // of another thread; invalid while the main thread lives
  ProcStat stat_;
};

// The processes that /proc lists, ascending.
std::vector<Pid> ListProcesses();

}  // namespace twofold
