// Packets that TCP sent again, as the BPF programs tell of them one by one, until the reading that
// has their row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bpf/abi/tcp_abi.h"
#include "format/capture.h"

namespace twofold {

// What was added to a row of packets that TCP sent again.
struct RetransmitDifference {
  twofold_retransmit_key key;
  twofold_holder owner;  // of the socket; tgid 0: none
  twofold_retransmit_value added;
};

// One packet that TCP sent again.
struct RetransmitEventReading {
  size_t row = 0;        // index of a RetransmitDifference
  uint64_t time_ns = 0;  // CLOCK_MONOTONIC
  uint32_t segments = 0;
  uint32_t bytes = 0;
};

class RetransmitEvents {
 public:
  // Takes an event out of the buffer that the programs share with the recorder, if it is one of
  // these.
  void Add(const void* event, size_t bytes);

  // The events of packets that the rows' differences hold, in order of time: of each row as many as
  // it has packets. What was added after the rows were read stays for the next interval. `last`:
  // there is none. Appends what found no room here.
  std::vector<RetransmitEventReading> Take(const std::vector<RetransmitDifference>& rows, bool last,
                                           std::vector<Loss>& losses);

 private:
  // What an interval's events may take.
  static constexpr size_t kMostBytes = 8 << 20;

  std::vector<twofold_retransmit> retransmits_;
  uint64_t lost_ = 0;
};

}  // namespace twofold
