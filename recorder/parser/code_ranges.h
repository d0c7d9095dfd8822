// Which piece of a process's memory belongs to which entry of a perf map or jitdump: ranges without
// overlaps, in which the last writer of an address has won. Entries are known by their position in
// the file; their names stay there until an address is hit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace twofold {

struct CodeRange {
  uint64_t start = 0;
  uint32_t size_bytes = 0;  // never 0, and start + size_bytes is at most 2^64 - 1
  uint32_t position = 0;    // of the entry, in bytes from the file's start

  uint64_t end() const { return start + size_bytes; }
};

class CodeRanges {
 public:
  // Adds entries in the order in which they were written: later ones win over earlier ones, and all
  // of them over what is there already. `written` is used up. Takes time and memory in proportion
  // to the ranges there are and n log n for n new ones, however they overlap.
  void Overlay(std::vector<CodeRange>& written);

  std::optional<CodeRange> Find(uint64_t address) const;

  void Clear();
  size_t size() const { return ranges_.size(); }
  size_t memory_bytes() const { return ranges_.capacity() * sizeof(CodeRange); }

 private:
  std::vector<CodeRange> ranges_;  // by start
};

}  // namespace twofold
