// A file in which a runtime tells which functions it made at run time: a perf map or a jitdump. It
// grows while it is read, may be written anew at any time, and nothing in it can be trusted.
//
//   perf map  /tmp/perf-PID.map: lines "START SIZE NAME", numbers in hexadecimal
//             (tools/perf/Documentation/jit-interface.txt of the kernel's source)
//   jitdump   jit-PID.dump: binary records in the host's byte order
//             (tools/perf/Documentation/jitdump-specification.txt); the processor's kind is not
//             looked at
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "format/base/unique_fd.h"
#include "recorder/parser/code_ranges.h"

namespace twofold {

// A function that an entry tells of.
struct CodeEntry {
  uint64_t start = 0;
  uint64_t size_bytes = 0;
  std::string name;  // any bytes but zero and newline; cut at RuntimeCodeFile::kMaxNameBytes
};

// A line of a perf map without its newline; nullopt: it is not of that form, or covers nothing.
std::optional<CodeEntry> ParsePerfMapLine(std::string_view line);

class RuntimeCodeFile {
 public:
  enum class Format { kPerfMap, kJitDump };

  // What lies behind it in a file is not read.
  static constexpr uint64_t kMaxFileBytes = 256 << 20;
  // A file with more ranges gives no names. About three times what the largest programs have.
  static constexpr size_t kMaxRanges = 512 * 1024;
  static constexpr size_t kMaxNameBytes = 1024;

  // `fd` is a regular file, opened for reading.
  RuntimeCodeFile(UniqueFd fd, Format format);

  // Reads what was appended since the last time, at most about `max_bytes`, the rest the next time;
  // a file that was written anew is read from its beginning. Returns how many bytes it read.
  uint64_t Refresh(uint64_t max_bytes);

  // The function at an address, as of the last Refresh. The name is read now; an entry that is not
  // there any longer gives nullopt.
  std::optional<CodeEntry> Find(uint64_t address);

  // Forgets what was read; the next Refresh begins anew.
  void Drop();

  // Grows whenever addresses may have other names than before.
  uint64_t changes() const { return changes_; }

  // Whether some of it was of no form, or too much; stays true.
  bool damaged() const { return damaged_; }

  // Whether the file is that of another descriptor.
  bool IsSameFile(uint64_t device, uint64_t inode) const {
    return device == device_ && inode == inode_;
  }

  size_t memory_bytes() const;

 private:
  bool WasRewritten(uint64_t size_bytes, int64_t modified_ns) const;
  void RememberTail();
  void Flush();
  uint64_t ReadPerfMap(std::span<const uint8_t> bytes);
  uint64_t ReadJitDump(std::span<const uint8_t> bytes);
  void Add(uint64_t start, uint64_t size_bytes, uint64_t position);
  std::optional<CodeEntry> ReadEntry(uint32_t position) const;
  std::optional<CodeEntry> ReadDumpEntry(uint32_t position) const;

  UniqueFd fd_;
  Format format_;
  uint64_t device_ = 0;
  uint64_t inode_ = 0;

  uint64_t read_to_ = 0;     // what lies before was taken in
  std::string tail_;         // the last bytes before it
  uint64_t size_bytes_ = 0;  // of the file at the last Refresh
  int64_t modified_ns_ = 0;  // likewise, CLOCK_REALTIME
  bool in_long_line_ = false;
  bool hopeless_ = false;  // until it is written anew
  bool damaged_ = false;
  uint64_t changes_ = 0;
  std::vector<CodeRange> written_;  // not in ranges_ yet, in the order of the file
  CodeRanges ranges_;
  std::unordered_map<uint64_t, uint32_t> position_of_index_;  // jitdump: by code index, for moves
  std::unordered_map<uint32_t, CodeEntry> entries_;           // that were hit, by position
  size_t entries_bytes_ = 0;
};

}  // namespace twofold
