// The kernel's own record of a tracepoint, beside what BPF programs see of it.
//
// Some hosts keep BPF programs from running while certain threads are on the CPU, interrupts
// included that have nothing to do with them: what happens then no recorder can see, and it is in
// no counter of the kernel. Its own trace buffer still has it, with the thread that was current.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace twofold::live {

// Records events such as "tcp/tcp_retransmit_skb" from here on, in a buffer of its own.
class KernelTrace {
 public:
  explicit KernelTrace(const std::vector<std::string>& events);
  ~KernelTrace();
  KernelTrace(const KernelTrace&) = delete;
  KernelTrace& operator=(const KernelTrace&) = delete;

  // How many of the events came while a thread was current that BPF programs are kept from seeing;
  // 0 where the kernel has no trace buffer to tell.
  uint64_t UnseenByBpf() const;

 private:
  std::string folder_;
};

// Calls `record`, which records something, until a recording comes of which no event was hidden
// from BPF programs: of others no sum can be expected to be exact.
template <typename Record>
auto RecordAllSeen(const std::vector<std::string>& events, const Record& record) {
  constexpr int kMostRuns = 6;
  for (int run = 1;; ++run) {
    const KernelTrace trace(events);
    auto recorded = record();
    const uint64_t unseen = trace.UnseenByBpf();
    if (unseen == 0 || run == kMostRuns) return recorded;
    std::printf("%lu events came while a thread ran that this kernel hides: recorded again\n",
                static_cast<unsigned long>(unseen));
  }
}

}  // namespace twofold::live
