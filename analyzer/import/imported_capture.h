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
  // Name of the process. Empty: that of its main thread, whose tid is the pid, at the time; where
  // that thread has no sample, of the first one that has.
  std::string_view process;
};

// What the numbers of a recording mean.
struct ImportedValues {
  // What each sample stands for; 0: samples count by their weights.
  uint64_t period_ns = 0;
  // Of weights: what they count, which is no time, such as "cycles"; empty: nanoseconds.
  std::string event;
  // Of weights that are no time: the CPU time that they are shares of; 0: they stand for
  // themselves.
  uint64_t total_ns = 0;
};

class ImportedCapture {
 public:
  // Adds samples of one stack, root first: the user stack up to the first frame of the kernel, and
  // from there on the kernel stack. `time_ns`: of the sample, on any clock that only goes forward;
  // nullopt: the text has no times. `weight`: what they count all together.
  void Add(const ImportedThread& thread, std::optional<int64_t> time_ns,
           std::span<const ImportedFrame> root_first, uint64_t samples, uint64_t weight);

  uint64_t samples() const { return all_.samples; }
  uint64_t weight() const { return all_.weight; }
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
  Result<void> Write(const ImportedValues& values, const std::string& what, ByteSink& sink);

 private:
  using Key = std::tuple<uint32_t, uint32_t, uint32_t>;  // thread, kernel stack, user stack
  struct Amount {
    uint64_t samples = 0;
    uint64_t weight = 0;
  };
  // A program that a process ran: exec begins another one. Its name is not known before its main
  // thread has a sample.
  struct Image {
    uint32_t pid = 0;
    std::string name;          // empty: not known yet
    std::string first_thread;  // name of the first thread with a sample
  };
  struct NamedThread {
    uint32_t image = 0;
    uint32_t tid = 0;
    std::string name;
  };

  uint32_t ImageOf(const ImportedThread& thread);
  ThreadId ThreadOf(const ImportedThread& thread);
  FrameId FrameOf(const ImportedFrame& frame);
  void DefineThreads();
  CpuRows RowsOf(int64_t second, const ImportedValues& values, Amount& before) const;

  DefinitionsBuilder builder_;
  std::vector<Image> images_;
  std::map<uint32_t, uint32_t> image_of_pid_;  // the one at the time
  std::map<std::tuple<uint32_t, std::string>, uint32_t> image_of_name_;
  std::vector<NamedThread> threads_;
  std::map<std::tuple<uint32_t, uint32_t, std::string>, uint32_t> thread_of_;  // image, tid, name
  std::optional<int64_t> first_ns_;
  std::map<int64_t, std::map<Key, Amount>> rows_;  // by second; may begin below 0
  Amount all_;
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
  bool has_fractions = false;  // of folded stacks: values are no whole numbers
  // The rest is of perf. Of the event whose samples were taken:
  std::string event;      // empty: the text does not name it
  bool is_clock = false;  // its periods are nanoseconds of CPU time
  uint64_t samples = 0;
  uint64_t samples_with_period = 0;
  uint64_t period = 0;     // of the first sample
  bool one_period = true;  // all samples have it
  uint64_t period_ns = 0;  // CPU time of a sample by the text's header; 0: it does not tell
};

// Folded stacks: "FRAME;FRAME;FRAME VALUE" lines, root first, the first frame being the process
// (https://github.com/brendangregg/FlameGraph). Suffixes _[k] (kernel), _[j] (made at run time) and
// _[i] (inlined) are understood, and the escapes that 'twofold fold' writes.
// `unit_ns`: what a value of 1 stands for; where values have fractions, weights become nanoseconds.
// Error: it is something else.
Result<ImportNotes> ReadFoldedText(std::string_view text, double unit_ns, ImportedCapture& capture);

// Whether nearly all of the first lines are folded stacks.
bool LooksLikeFoldedText(std::string_view text);

// What 'perf script' prints, with any fields. `event`: only samples of this event; empty: of the
// first one that comes. Error: it is something else.
Result<ImportNotes> ReadPerfScript(std::string_view text, const std::string& event,
                                   ImportedCapture& capture);

bool LooksLikePerfScript(std::string_view text);

// What a pprof profile tells beside its stacks.
struct PprofNotes {
  std::string sample_type;  // whose values were taken: "cpu"
  std::string unit;         // of them: "nanoseconds"
  std::string unused_type;  // would have been taken, but all of its values are 0; empty: none
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
