// Single events that the programs tell of (bpf/store/events.bpf.h), until the reading of the
// interval that they belong to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bpf/twofold_abi.h"
#include "format/capture.h"

namespace twofold {

// A program that was executed, or could not be.
struct ExecReading {
  uint32_t thread = 0;   // number in the thread table
  uint64_t time_ns = 0;  // CLOCK_MONOTONIC
  uint16_t error = 0;    // errno; 0: it succeeded
  uint32_t parent_tgid = 0;
  std::string parent_name;  // as the kernel has it, like the following: any bytes
  std::string file;
  std::string arguments;  // each with a byte 0 behind it
  bool arguments_cut = false;
};

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

class EventBook {
 public:
  // Takes an event out of the buffer that the programs share with the recorder.
  void Add(const void* event, size_t bytes);

  // The events before a time (CLOCK_MONOTONIC), in order of time; later ones stay for the next
  // interval. Appends what found no room here.
  std::vector<ExecReading> TakeExecs(uint64_t before_ns, std::vector<Loss>& losses);

  // The events of packets that the rows' differences hold, in order of time: of each row as many as
  // it has packets. What was added after the rows were read stays for the next interval. `last`:
  // there is none.
  std::vector<RetransmitEventReading> TakeRetransmits(const std::vector<RetransmitDifference>& rows,
                                                      bool last, std::vector<Loss>& losses);

 private:
  void AddExec(const void* event, size_t bytes);
  void AddRetransmit(const void* event, size_t bytes);

  // What an interval's events may take, so that a fork bomb with long arguments does not make the
  // recorder large.
  static constexpr size_t kMostBytes = 8 << 20;

  std::vector<ExecReading> execs_;
  size_t exec_bytes_ = 0;
  uint64_t execs_lost_ = 0;
  std::vector<twofold_retransmit> retransmits_;
  uint64_t retransmits_lost_ = 0;
};

}  // namespace twofold
