// One program image of a process: who it is, and what it has mapped where. Images are owned by
// recorder/process_table.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/ids.h"
#include "format/capture.h"
#include "recorder/proc_process.h"

namespace twofold {

// What a mapping shows; shared by all mappings of all processes that show the same.
struct MappedFile {
  ModuleKind kind = ModuleKind::kUserFile;
  std::string path;      // as the process sees it, without " (deleted)"; "[vdso]"; empty for
                         // anonymous memory
  std::string build_id;  // lower-case hexadecimal; empty: not known yet
  uint64_t device = 0;   // as makedev(3) has it; 0: not known
  uint64_t inode = 0;    // 0: not known
  bool deleted = false;  // the path leads to no file, or to another one

  friend bool operator==(const MappedFile&, const MappedFile&) = default;
};

// What the kernel's text for a mapping means (the last column of /proc/PID/maps, or the name in
// perf's mmap record). Build id, device and inode are left empty.
MappedFile ClassifyMappingText(std::string_view text);

// An executable mapping.
struct Mapping {
  uint64_t start = 0;
  uint64_t end = 0;                        // first address behind it
  uint64_t file_offset = 0;                // of start, in bytes
  std::shared_ptr<const MappedFile> file;  // never null in an image

  ModuleKind kind() const { return file->kind; }
  const std::string& path() const { return file->path; }
  const std::string& build_id() const { return file->build_id; }
};

// One program image of a process: exec begins a new one with the same pid and start.
struct ProcessImage {
  Pid pid;
  Pid parent_pid;
  // Of the process, CLOCK_BOOTTIME: within a clock tick when read from /proc; from a fork event,
  // late by what was left of clone(2) to do, or 0 when nothing told of it.
  uint64_t start_boottime_ns = 0;
  uint64_t image_start_monotonic_ns = 0;  // fork, exec or (known from /proc) 0
  uint64_t end_monotonic_ns = 0;          // exit or the next exec; 0: still running
  bool ended_by_exec = false;
  bool mappings_known = true;  // false: the process was gone before its mappings could be read
  std::string name;            // comm of the main thread
  std::string executable;      // path; empty: unknown, or a kernel thread
  // When /proc was read; of a process that was gone by then nothing but its parent's place in
  // hierarchies of version 1 is known. The threads' own are in the thread table
  // (bpf/twofold_abi.h).
  ProcCgroups cgroups;

  // The mapping at an address, or nullptr.
  const Mapping* FindMapping(uint64_t address) const;

  // Adds a mapping; what it overlaps of older ones is cut off. One that repeats what is known
  // changes nothing but a build id that was missing.
  void AddMapping(const Mapping& mapping);

  std::vector<Mapping> mappings;  // by start, without overlaps

  // Bookkeeping of ProcessTable.
  uint64_t read_monotonic_ns = 0;   // events up to here were known when /proc was read; 0: not read
  bool from_event = false;          // what /proc could add was not asked for yet
  bool awaits_executable = false;   // the first file mapped after exec is the executable
  std::vector<uint32_t> live_tids;  // ascending
};

}  // namespace twofold
