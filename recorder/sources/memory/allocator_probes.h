// Probes (uprobes) in the allocator functions of processes: where each begins, and where those that
// allocate return. Every mapped file that defines such functions is probed, opened by what is
// mapped, so that deleted files and those of containers work; only inside of the processes that
// were asked for.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "format/base/ids.h"
#include "format/base/result.h"
#include "format/base/unique_fd.h"
#include "recorder/names/name_reader.h"
#include "recorder/parser/elf_allocators.h"

namespace twofold {

class AllocatorProbes {
 public:
  struct Programs {
    const bpf_program* begin = nullptr;  // cookies are the AllocatorFunction
    const bpf_program* end = nullptr;
    const bpf_program* session = nullptr;  // begin and end in one
    bool sessions =
        false;  // begin and session were loaded for recorder/sources/memory/uprobe_multi.h;
                // else begin and end for probes one by one
  };

  // `reader` is borrowed and must outlive this.
  AllocatorProbes(const Programs& programs, NameReader& reader)
      : programs_(programs), reader_(reader) {}
  ~AllocatorProbes() { Detach(); }
  AllocatorProbes(const AllocatorProbes&) = delete;
  AllocatorProbes& operator=(const AllocatorProbes&) = delete;

  // Probes what a process has mapped and was not looked at before. A process that is gone has
  // nothing. Error: a file could not be probed; none of its functions is then.
  Result<void> Follow(Pid pid);

  // Files whose operator new is left alone, because an exception could not pass the probe and
  // nothing tells in time that there will be one; they come once.
  std::vector<std::string> TakeFilesWithoutNew() { return std::exchange(without_new_, {}); }

  // Functions that are probed where they allocate, in all processes together.
  size_t allocating_functions() const { return allocating_functions_; }

  // Why there are none, as far as it is known; ends a sentence that begins with "because".
  std::string WhyNoFunctions() const;

  void Detach();

 private:
  struct Link {
    bpf_link* one = nullptr;  // of one probe
    UniqueFd many;            // or of all of a kind in a file
  };

  Result<void> ProbeFile(Pid pid, int fd, const std::string& name);
  // What is attached to a program.
  enum class Part { kBegin, kEnd, kSession };
  // An errno; 0: done.
  int Attach(Pid pid, const std::string& path, const std::vector<AllocatorPlace>& places, Part part,
             std::vector<Link>& links) const;
  static void Destroy(std::vector<Link>& links);

  const Programs programs_;
  NameReader& reader_;
  std::set<std::tuple<uint32_t, uint64_t, uint64_t>> met_;  // pid, device, inode
  std::vector<Link> links_;
  size_t allocating_functions_ = 0;
  size_t files_mapped_ = 0;
  size_t files_not_looked_at_ = 0;  // of them: could not be opened or read
  std::vector<std::string> without_new_;
};

}  // namespace twofold
