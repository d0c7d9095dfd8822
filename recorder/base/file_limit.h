// The limit on open files: hosts with many CPUs take two descriptors for each of them, and files of
// other processes stay open.
#pragma once

#include <sys/resource.h>

namespace twofold {

// As high as this process may have it; programs that it starts afterwards inherit that.
inline void RaiseFileLimit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  // What cannot be raised stays, and says so when it is reached.
  static_cast<void>(setrlimit(RLIMIT_NOFILE, &limit));
}

}  // namespace twofold
