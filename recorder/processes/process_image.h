// One program image of a process: who it is, and what it has mapped where. Images are owned by
// recorder/processes/process_table.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/ids.h"
#include "format/capture.h"
#include "recorder/processes/proc_process.h"

namespace twofold {

// What a mapping shows; shared by all mappings of all processes that show the same.
struct MappedFile {
  ModuleKind kind = ModuleKind::kUserFile;
  std::string path;     // as the process sees it, without " (deleted)"; "[vdso]"; empty for
                        // anonymous memory
  uint64_t device = 0;  // as makedev(3) has it; 0: not known
  uint64_t inode = 0;   // 0: not known
  uint64_t inode_generation = 0;  // tells files apart that had the same inode; 0: not known
  bool deleted = false;           // the path leads to no file, or to another one

  friend bool operator==(const MappedFile&, const MappedFile&) = default;
};

// What the kernel's text for a mapping means (the last column of /proc/PID/maps, or the name in
// perf's mmap record). Device and inode are left empty.
MappedFile ClassifyMappingText(std::string_view text);

// An executable mapping.
struct Mapping {
  uint64_t start = 0;
  uint64_t end = 0;                        // first address behind it
  uint64_t file_offset = 0;                // of start, in bytes
  std::shared_ptr<const MappedFile> file;  // never null in an image
  uint64_t since_ns = 0;                   // CLOCK_MONOTONIC; 0: before anybody looked

  ModuleKind kind() const { return file->kind; }
  const std::string& path() const { return file->path; }
};

// From one moment of CLOCK_MONOTONIC to another.
struct TimeRange {
  uint64_t from_ns = 0;
  uint64_t to_ns = UINT64_MAX;
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
  // (bpf/abi/threads_abi.h).
  ProcCgroups cgroups;

  // The mapping at an address now, or nullptr.
  const Mapping* FindMapping(uint64_t address) const;

  // What may have been at an address within a time, oldest first; mappings that show the same there
  // are told once. More than one: nobody knows which of them a stack of that time went through. The
  // kernel tells when something is mapped, not when it is unmapped, so a mapping counts until
  // another one takes its place. A nullptr stands for others that are not known any longer.
  std::vector<const Mapping*> FindMappings(uint64_t address, const TimeRange& when) const;

  // Adds a mapping; what it overlaps of older ones was there until `seen_ns` (0: until the
  // mapping's own begin). One that repeats what is known changes nothing but an inode's generation
  // that was missing. True: something else was in its place, so that what an address meant before
  // may not be what it means now.
  bool AddMapping(const Mapping& mapping, uint64_t seen_ns = 0);

  std::vector<Mapping> mappings;  // by start, without overlaps

  // A mapping, or a part of one, in whose place another one is.
  struct Replaced {
    Mapping mapping;
    uint64_t until_ns = 0;  // CLOCK_MONOTONIC
  };
  static constexpr size_t kMaxReplaced = 1024;
  std::vector<Replaced> replaced;    // in no order
  uint64_t replaced_unknown_ns = 0;  // what was replaced up to here is not known any longer
  uint64_t last_mapped_ns = 0;       // when the newest mapping came; 0: before anybody looked
  uint32_t mapping_changes = 0;      // so many times was anything added
  uint32_t last_replacement = 0;     // mapping_changes by then; 0: there was none

  // Bookkeeping of ProcessTable.
  uint64_t read_monotonic_ns = 0;   // events up to here were known when /proc was read; 0: not read
  bool from_event = false;          // what /proc could add was not asked for yet
  bool awaits_executable = false;   // the first file mapped after exec is the executable
  std::vector<uint32_t> live_tids;  // ascending
};

}  // namespace twofold
