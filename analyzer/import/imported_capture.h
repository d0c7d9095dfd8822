// Makes a capture of samples that another tool took: what the readers of foreign text in this
// folder fill, sample by sample.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "format/base/byte_sink.h"
#include "format/base/result.h"
#include "format/capture.h"
#include "format/definitions_builder.h"

namespace twofold {

struct ImportedFrame {
  std::string_view name;    // empty: unknown
  std::string_view module;  // empty: unknown
  uint64_t offset = 0;      // in the module; kept where it is needed to tell frames apart: of
                            // frames without a name, and of what has a build id
  ModuleKind kind = ModuleKind::kOther;
  bool inlined = false;
  std::string_view build_id;  // of the module; empty: unknown
  std::string_view file;      // of the source; empty: unknown
  uint32_t line = 0;          // in it; 0: unknown

  bool IsKernel() const { return kind == ModuleKind::kKernel || kind == ModuleKind::kKernelModule; }
};

struct ImportedThread {
  std::string_view name;
  uint32_t pid = 0;  // 0: unknown
  uint32_t tid = 0;
  std::string_view process;  // name; empty: that of the process's first thread
};

class ImportedCapture {
 public:
  // Adds samples of one stack, root first: the user stack up to the first frame of the kernel, and
  // from there on the kernel stack. `time_ns`: of the sample, on any clock that only goes forward;
  // nullopt: the text has no times.
  void Add(const ImportedThread& thread, std::optional<int64_t> time_ns,
           std::span<const ImportedFrame> root_first, uint64_t samples);

  uint64_t samples() const { return samples_; }
  // Stacks that had more frames than a capture keeps; their outermost callers are left out.
  uint64_t cut_stacks() const { return cut_stacks_; }

  // Of a recording without times of samples: when it began (CLOCK_REALTIME; 0: unknown) and how
  // long it was (0: as long as its samples).
  void SetWindow(int64_t start_realtime_ns, uint64_t duration_ns) {
    start_realtime_ns_ = start_realtime_ns;
    duration_ns_ = duration_ns;
  }

  // Writes it all: one interval for each second of the times, or one for all samples where there
  // are no times. Error: the sink cannot be written, or it is more than a capture can hold.
  Result<void> Write(uint64_t period_ns, const std::string& what, ByteSink& sink);

 private:
  using Key = std::tuple<uint32_t, uint32_t, uint32_t>;  // thread, kernel stack, user stack

  ThreadId ThreadOf(const ImportedThread& thread);
  FrameId FrameOf(const ImportedFrame& frame);

  DefinitionsBuilder builder_;
  std::map<std::tuple<uint32_t, uint32_t, std::string, std::string>, ThreadId> threads_;
  std::map<std::tuple<uint32_t, std::string>, ProcessId> processes_;
  std::optional<int64_t> first_ns_;
  int64_t last_ns_ = 0;
  std::map<int64_t, std::map<Key, uint64_t>> rows_;  // by second; may begin below 0
  uint64_t samples_ = 0;
  uint64_t cut_stacks_ = 0;
  int64_t start_realtime_ns_ = 0;
  uint64_t duration_ns_ = 0;
};

// What a reader found that is no part of the capture.
struct ImportNotes {
  uint64_t lines = 0;
  uint64_t unreadable_lines = 0;
  std::string first_unreadable;  // "line 12: ..."
  std::map<std::string, uint64_t> other_events;
  // What a sample stands for, as far as the text itself tells; 0: it does not.
  uint64_t period_ns = 0;
};

// Folded stacks: "FRAME;FRAME;FRAME VALUE" lines, root first, the first frame being the process
// (https://github.com/brendangregg/FlameGraph). Suffixes _[k] (kernel), _[j] (made at run time) and
// _[i] (inlined) are understood, and the escapes that 'twofold fold' writes.
ImportNotes ReadFoldedText(std::string_view text, ImportedCapture& capture);

// What 'perf script' prints, in any form of its header lines. `event`: only samples of this event;
// empty: of the first one that comes.
ImportNotes ReadPerfScript(std::string_view text, const std::string& event,
                           ImportedCapture& capture);

// What a pprof profile tells beside its stacks.
struct PprofNotes {
  std::string sample_type;  // whose values were taken: "cpu"
  std::string unit;         // of them: "nanoseconds"
  bool is_time = false;     // the unit is one of time
  // What a sample stands for. Of values that are no time, the profile's period, where that is a
  // time; 0: it does not tell.
  uint64_t period_ns = 0;
  uint64_t negative_samples = 0;          // left out, as in differences of profiles
  std::vector<std::string> other_labels;  // keys of labels for which a capture has no place
};

// Whether bytes look like a profile, gzipped or not, rather than like text.
bool LooksLikePprof(std::string_view bytes);

// A pprof profile, gzipped or plain. `sample_type`: whose values count; empty: the profile's
// default, or its last one. Error: it is malformed, or has no such type (kUsage).
Result<PprofNotes> ReadPprof(std::string_view bytes, const std::string& sample_type,
                             ImportedCapture& capture);

}  // namespace twofold
