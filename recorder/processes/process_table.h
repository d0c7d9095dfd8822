// Which processes lived when, under which name, and what was mapped where: what it takes to name a
// user address. Fed by the scan of /proc at the start and by perf's sideband from then on
// (recorder/processes/sideband.h). Only processes in scope are kept.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "format/base/ids.h"
#include "recorder/processes/proc_process.h"
#include "recorder/processes/process_image.h"
#include "recorder/processes/sideband.h"

namespace twofold {

class ProcessTable {
 public:
  struct Scope {
    bool all = true;               // every process of the host
    std::vector<Pid> pids;         // else: these
    bool follow_children = false;  // and the descendants that they fork from now on
  };

  explicit ProcessTable(Scope scope);

  // Adds the processes in scope that run now, with their mappings. Call after the sideband was
  // opened and before its first events are applied; events that repeat what the scan saw change
  // nothing. May be called again after events were lost: processes that are gone by then end now,
  // those that are new are added, and what the others have mapped is read again.
  void ScanProc();

  // Events must come in order of time. A few that come late do no harm beyond a name that is a bit
  // old.
  void Apply(const SidebandEvent& event);

  // The image that `pid` ran at a time (CLOCK_MONOTONIC), or nullptr when no event or scan told of
  // it. A time after the process's end gives its last image: a thread still runs a little after the
  // kernel told of its exit. The pointer stays valid until Forget removes the image. The first call
  // for an image that only events told of reads the rest (cgroup) from /proc if it still runs.
  ProcessImage* Find(Pid pid, uint64_t monotonic_ns);

  // Reads a live process that no event told of, in scope or not; nullptr when it is gone. One that
  // is known already is returned as it is.
  ProcessImage* ReadFromProc(Pid pid);

  // Removes images that ended before a time (CLOCK_MONOTONIC).
  void Forget(uint64_t before_monotonic_ns);

  // Images, those that ended included.
  size_t size() const;

  // How often something was mapped in the place of something else, in all processes.
  uint64_t replacements() const { return replacements_; }

 private:
  using Images = std::vector<std::unique_ptr<ProcessImage>>;  // of one pid, oldest first

  bool InScope(Pid pid) const;
  ProcessImage* Latest(Pid pid) const;
  ProcessImage* At(Pid pid, uint64_t monotonic_ns) const;
  // The image that an event belongs to, made up if need be; nullptr: out of scope, or older than
  // what was read from /proc.
  ProcessImage* ImageOf(const SidebandEvent& event);
  ProcessImage& Add(std::unique_ptr<ProcessImage> image);
  void ApplyFork(const SidebandEvent& event);
  void ApplyExec(const SidebandEvent& event);
  void ApplyExit(const SidebandEvent& event);
  void ApplyMap(const SidebandEvent& event);
  // False: they cannot be read, or there are none.
  bool ReadMappings(const ProcProcess& process, ProcessImage& image);
  void AddMapping(ProcessImage& image, const Mapping& mapping, uint64_t seen_ns);
  void CompleteFromProc(ProcessImage& image);
  std::shared_ptr<const MappedFile> Intern(MappedFile file);

  struct FileHash {
    size_t operator()(const std::shared_ptr<const MappedFile>& file) const;
  };
  struct FileEqual {
    bool operator()(const std::shared_ptr<const MappedFile>& a,
                    const std::shared_ptr<const MappedFile>& b) const {
      return *a == *b;
    }
  };

  Scope scope_;
  std::unordered_set<uint32_t> tracked_;  // where the scope is not all: pids in scope
  std::unordered_map<uint32_t, Images> images_;
  std::unordered_set<std::shared_ptr<const MappedFile>, FileHash, FileEqual> files_;
  size_t files_worth_a_sweep_ = 1024;
  uint64_t replacements_ = 0;
};

}  // namespace twofold
