// What the tracer asks of a source: of what is recorded by BPF programs of its own. The tracer
// knows no source by name; it calls each that is recorded at the same points.
//
// Order of calls: Maps, Prepare, Open, AttachBeforeWindow, Attach; for each interval Read and
// FinishReading; before those of the last one EndLast and Detach.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bpf/abi/map_sets_abi.h"
#include "format/base/result.h"
#include "format/capture.h"
#include "recorder/tracer/map_plan.h"

struct bpf_program;
struct twofold_bpf;

namespace twofold {

class Tracer;

// The end of an interval, as readings need it.
struct IntervalEnd {
  uint64_t boundary_ns = 0;  // CLOCK_MONOTONIC
  size_t sum = 0;            // which of a row's sums (TWOFOLD_SUMS) is the interval's
  bool is_last = false;      // the programs are detached
};

class TracedSource {
 public:
  virtual ~TracedSource() = default;

  // Whether it is recorded: it was asked for, and can be had.
  bool is_recorded() const { return is_recorded_; }
  void Record() { is_recorded_ = true; }
  void LeaveOut() { is_recorded_ = false; }

  // The maps whose size it says.
  virtual std::vector<MapNeed> Maps() const = 0;
  // Whether its programs tell of single events (AddEvent).
  virtual bool HasEvents() const { return false; }
  // Whether its programs ask what is interrupted (InterruptPlaces).
  virtual bool AsksForInterrupts() const { return false; }

  // The programs that it is recorded by, as it is asked for.
  virtual std::vector<bpf_program*> Programs(const twofold_bpf& skeleton) const = 0;
  // Before the programs are loaded: their constants. Also of a source that is not recorded, which
  // leaves out maps that not every kernel has.
  virtual void Prepare(twofold_bpf& skeleton, const MapSizes& sizes) = 0;
  // After they were loaded.
  virtual Result<void> Open(Tracer& tracer) = 0;

  // Attaches what tells of moments, before the window begins.
  virtual Result<void> AttachBeforeWindow() { return {}; }
  // Attaches the rest. The tracer has taken the threads in scope by now. Error: the source cannot
  // be had.
  virtual Result<void> Attach() { return {}; }
  // Harmless when called again, or after an Attach that failed.
  virtual void Detach() {}

  // The last interval has just ended; the programs are still attached.
  virtual void EndLast() {}
  // Keeps what was added to rows in the interval, until it is told to a capture.
  virtual Result<void> Read(const IntervalEnd& end) = 0;
  // After the rows of all sources were read. Appends losses of its own.
  virtual Result<void> FinishReading(const IntervalEnd& end, std::vector<Loss>& losses) {
    static_cast<void>(end);
    static_cast<void>(losses);
    return {};
  }

  // A single event, of any source; its first member is a twofold_event_kind.
  virtual void AddEvent(const void* event, size_t bytes) {
    static_cast<void>(event);
    static_cast<void>(bytes);
  }
  // A map was replaced by a fresh one. It can be read from `fd` until the call returns, and found
  // in by its MapSet until the next reading but one.
  virtual void OnRetired(twofold_map_set set, int fd) {
    static_cast<void>(set);
    static_cast<void>(fd);
  }

 private:
  bool is_recorded_ = false;
};

}  // namespace twofold
