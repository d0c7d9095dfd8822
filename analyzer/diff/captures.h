// Reads the captures of one side of a diff: what was recorded, of what, and the rows of a view with
// the interval that each belongs to.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "analyzer/diff/per.h"
#include "analyzer/fold/folded.h"
#include "format/base/result.h"

namespace twofold {

struct DiffRequest {
  const View* view = nullptr;
  RootFrame root = RootFrame::kProcess;
  bool demangle = true;
  Per per = Per::kCpuSecond;
  std::vector<Condition> conditions;         // all must hold
  std::vector<StackStep> steps;              // filters of stacks, in the order of StackFilters()
  std::vector<Condition> thread_conditions;  // those that choose threads and times, not states
};

// What two captures are compared by before anything else.
struct CaptureFacts {
  std::string file_name;
  std::string kernel;   // release and version
  std::string machine;  // architecture and model of the CPU
  int64_t cpus_online = 0;
  std::string sources;
  std::string scope;
  int64_t frequency_hz = 0;
  int64_t quantum_ns = 0;  // the largest of all intervals
  int64_t wakers = 0;
  int64_t max_frames = 0;
  std::string block_limits;  // --min-block and --max-block
  std::string recorder_version;
  int64_t window_ns = 0;  // of the chosen intervals
  int64_t intervals = 0;
  int64_t busy_ns = 0;      // of all CPUs, or of all threads where CPUs were not counted
  int64_t lost_ns = 0;      // of the view's source
  bool has_losses = false;  // anything worse than a notice, in any capture of the file
  bool is_partial = false;
  std::map<std::string, std::string> build_ids;  // by path
};

// One capture's intervals, in their order.
struct IntervalTimes {
  int64_t interval_id = 0;
  int64_t length_ns = 0;
  int64_t exact_cpu_ns = 0;    // of the chosen threads, from accounts
  int64_t sampled_cpu_ns = 0;  // the same from samples
  int64_t existed_ns = 0;      // how long the chosen threads existed, all together
};

// A file of one side. A database may hold several captures.
struct DiffFile {
  std::vector<CaptureFacts> captures;
  std::vector<std::vector<IntervalTimes>> intervals;  // of each capture
  Folded folded;                                      // with rows, of all captures
  Folded chosen;              // what the filters of stacks leave of it; empty without any
  bool has_accounts = false;  // in every chosen interval
  bool has_samples = false;   // of CPU time
};

// Whether there are rows to compare intervals by.
bool CanCompare(const View& view);

// Reads a capture or a database, for a view that can be compared. Adds sentences for the user to
// `notes`. Error: it cannot be read, or did not record the view.
Result<DiffFile> ReadDiffFile(const std::string& path, const DiffRequest& request,
                              std::vector<std::string>& notes);

}  // namespace twofold
