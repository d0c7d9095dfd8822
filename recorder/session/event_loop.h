// What a recording waits for: signals, the ends of processes, events of the kernel, a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/base/ids.h"
#include "format/base/result.h"
#include "format/base/unique_fd.h"

namespace twofold {

enum class Wake { kTime, kSignal, kCommand, kTarget, kSideband, kAccounts };

class EventLoop {
 public:
  // From now on the signals that stop a program (SIGINT, SIGTERM, SIGHUP) are events, and a closed
  // pipe and a file size limit come back as errors of write.
  Result<void> Open();

  // Waits for a descriptor to become readable, too. It is borrowed.
  Result<void> Watch(int fd, Wake wake);

  // Waits for the ends of processes, too. `option` names them, for errors.
  Result<void> WatchTargets(const std::vector<Pid>& pids, const std::string& option);
  // Stops watching those that ended. True: all of them have.
  bool HaveTargetsEnded();

  // Waits for a time (CLOCK_MONOTONIC), too; 0: for none.
  Result<void> WakeAt(uint64_t monotonic_ns);

  // Returns what happened; empty: the call was interrupted.
  Result<std::vector<Wake>> Wait();

 private:
  UniqueFd epoll_;
  UniqueFd signals_;
  UniqueFd timer_;
  std::vector<UniqueFd> targets_;  // pidfds
};

}  // namespace twofold
