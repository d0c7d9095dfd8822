// The symbol tables of user modules: opened when the first address in a module is to be named,
// shared by all processes that map the same file, dropped again when they take too much memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "recorder/elf_symbols.h"
#include "recorder/process_image.h"

namespace twofold {

class SymbolTables {
 public:
  // All tables together take at most this much, or as much as the one in use.
  static constexpr size_t kBudgetBytes = 16 << 20;

  // One file's table, or the trace of the attempts to read it.
  struct Source {
    std::string build_id;               // of the file when it has been read; lower-case hexadecimal
    std::unique_ptr<ElfSymbols> table;  // nullptr: not read, or dropped
    UniqueFd parked_fd;                 // to read it again: the process may be gone by then
    uint64_t last_use = 0;              // of a counter
    uint32_t attempts = 0;              // failed
    Pid last_pid;                       // of the last attempt
    uint64_t last_start_ns = 0;
    bool was_read = false;
  };

  // The source for a file mapping or the vDSO, read now if it was not before. Of a process that is
  // gone, or whose files cannot be opened, was_read may be false; a later image may do better.
  std::shared_ptr<Source> Get(const ProcessImage& image, const Mapping& mapping);

  // The function at an offset of the source's file, as ElfSymbols::FindByFileOffset.
  std::optional<std::string> NameAt(Source& source, const ProcessImage& image,
                                    const Mapping& mapping, uint64_t file_offset);

  // Files that could not be opened or parsed since the last call; each is counted once.
  uint64_t TakeUnreadable();

  // Drops the tables that were not used since the last call.
  void ReleaseMemory();

  // Drops everything.
  void Clear();

  size_t memory_bytes() const { return memory_bytes_; }

 private:
  bool Load(Source& source, const ProcessImage& image, const Mapping& mapping);
  void Keep(Source& source, ElfSymbols table);
  void Drop(Source& source);
  void EnforceBudget(const Source& in_use);

  // Under its build id, and under its path, device and inode.
  std::unordered_map<std::string, std::shared_ptr<Source>> sources_;
  size_t memory_bytes_ = 0;
  size_t parked_fds_ = 0;
  uint64_t use_counter_ = 0;
  uint64_t last_release_ = 0;  // use_counter_ at the last ReleaseMemory
  uint64_t unreadable_ = 0;
};

// The vDSO of this process, which is that of every process of the same width; nullopt when there is
// none. Offsets in it are those from the mapping's start.
std::optional<ElfSymbols> ReadOwnVdso();

}  // namespace twofold
