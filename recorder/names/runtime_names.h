// Names of code that was made at run time (by a JVM, Node, CPython, .NET ...), from the perf maps
// and jitdumps of the processes that run it. Both are files that anybody may have written: they are
// opened inside of the process's own root (recorder/processes/careful_open.h), must belong to the
// process's user or to root, are read a piece at a time, and whatever is wrong with one costs its
// names alone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "recorder/names/name_reader.h"
#include "recorder/names/remote_files.h"
#include "recorder/processes/process_image.h"

namespace twofold {

// /proc/PID/status, as far as it matters here.
struct ProcIdentity {
  uint32_t pid_inside = 0;         // in the process's own, innermost pid namespace
  std::vector<uint32_t> user_ids;  // real, effective, saved, of the file system
};
std::optional<ProcIdentity> ParseProcStatus(std::string_view text);

class RuntimeNames {
 public:
  // For all files together.
  static constexpr size_t kBudgetBytes = 24 << 20;
  // What may be read at once, and what is added to it per interval. A million lines take about a
  // quarter of a second.
  static constexpr uint64_t kMostReadBytes = 64 << 20;
  static constexpr uint64_t kReadBytesPerInterval = 2 << 20;

  // `reader` is borrowed and must outlive the names.
  explicit RuntimeNames(NameReader& reader);
  ~RuntimeNames();
  RuntimeNames(const RuntimeNames&) = delete;
  RuntimeNames& operator=(const RuntimeNames&) = delete;

  // Whether the mapping may hold code made at run time: memory without a file, or with one that
  // only ever lived in memory.
  static bool MayHoldCode(const Mapping& mapping);

  // Whether the mapping's file is a jitdump that the process announces by mapping it.
  static bool IsJitDump(const Mapping& mapping);

  // The function at an address, as the process's files told at the first call for the process in
  // this interval.
  std::optional<CodeEntry> Find(const ProcessImage& image, uint64_t address);

  // Other than the last time when Find may give other names than then; never 0.
  uint64_t Version(const ProcessImage& image);

  // Opens the files of a process that may be gone when its addresses are to be named. Cheap when
  // called often.
  void Prepare(const ProcessImage& image);

  // An address of code made at run time has no name: the process is counted, once, if it has no
  // file that tells names.
  void CountUnnamed(const ProcessImage& image);

  // Begins a new interval; lets go of processes that nobody asks for any longer.
  void EndInterval();

  // Processes without names of run-time code, and files that were of no use in part or as a whole,
  // since the last call; each is counted once.
  uint64_t TakeUnnamedProcesses() { return std::exchange(unnamed_processes_, 0); }
  uint64_t TakeUnusableFiles() { return std::exchange(unusable_files_, 0); }

  size_t memory_bytes() const;

 private:
  struct Process;

  Process& ProcessOf(const ProcessImage& image);
  Process& UpToDate(const ProcessImage& image);
  void Open(Process& process, const ProcessImage& image);
  void OpenPerfMap(Process& process, const UniqueFd& place, int64_t start_realtime_ns);
  void OpenJitDump(Process& process, const ProcessImage& image);
  void Read(Process& process);
  void CountUnusable(bool& counted);
  void EnforceBudget(Process& in_use);

  NameReader& reader_;
  // By pid and the begin of the image.
  std::map<std::pair<uint32_t, uint64_t>, std::unique_ptr<Process>> processes_;
  uint64_t interval_ = 1;
  uint64_t last_version_ = 0;
  uint64_t may_read_bytes_ = kMostReadBytes;
  uint64_t unnamed_processes_ = 0;
  uint64_t unusable_files_ = 0;
};

}  // namespace twofold
