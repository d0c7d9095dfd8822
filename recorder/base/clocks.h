// Times as plain numbers of nanoseconds.
#pragma once

#include <sys/time.h>
#include <time.h>

#include <cstdint>

namespace twofold {

// 0 where there is no such clock, as that of a process which is gone.
inline uint64_t ClockNs(clockid_t clock) {
  timespec now{};
  if (clock_gettime(clock, &now) != 0) return 0;
  return uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
}

// CLOCK_MONOTONIC.
inline uint64_t MonotonicNowNs() { return ClockNs(CLOCK_MONOTONIC); }

// Of what getrusage tells.
inline uint64_t TimevalNs(const timeval& time) {
  return uint64_t(time.tv_sec) * 1'000'000'000 + uint64_t(time.tv_usec) * 1000;
}

}  // namespace twofold
