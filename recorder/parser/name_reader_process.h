// The name reader's own process: parses what other people wrote (ELF files, perf maps, jitdumps)
// without any right to do harm. It gets descriptors and answers with names
// (recorder/parser/name_reader_protocol.h); recorder/names/name_reader.h is its other end.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "recorder/parser/elf_symbols.h"
#include "recorder/parser/name_reader_protocol.h"
#include "recorder/parser/runtime_code_file.h"

namespace twofold {

// argv[0] of a program that is to be a name reader instead of what it is otherwise.
constexpr const char* kNameReaderProgram = "twofold-names";
// The descriptor at which it finds its socket.
constexpr int kNameReaderSocket = 3;

// What main() of such a program is: serves until the other end hangs up, and returns its status.
int RunNameReader();

// The answers, without the process around them.
class NameService {
 public:
  // All symbol tables together take at most this much, or as much as the one in use.
  static constexpr size_t kBudgetBytes = 16 << 20;

  struct Reply {
    NameReplyHeader header;
    std::string text;
  };

  // `fd` comes with requests that open or add a file.
  Reply Answer(const NameRequest& request, UniqueFd fd);

  // Of the symbol tables.
  size_t memory_bytes() const { return memory_bytes_; }

 private:
  struct ElfFile {
    UniqueFd fd;                        // to read the table again after it was dropped
    UniqueFd debug_fd;                  // of the separate debug file
    std::unique_ptr<ElfSymbols> table;  // nullptr: dropped
    uint64_t last_use = 0;              // of a counter
  };

  Reply OpenElf(uint32_t file, UniqueFd fd);
  Reply AddDebugFile(uint32_t file, UniqueFd fd);
  Reply FindFunction(uint32_t file, uint64_t file_offset);
  Reply Code(const NameRequest& request);
  bool Load(ElfFile& elf);
  void Drop(ElfFile& elf);
  void EnforceBudget(const ElfFile& in_use);

  std::map<uint32_t, ElfFile> elf_files_;
  std::map<uint32_t, RuntimeCodeFile> code_files_;
  size_t memory_bytes_ = 0;
  uint64_t use_counter_ = 0;
  uint64_t last_release_ = 0;  // use_counter_ at the last kEndInterval
};

}  // namespace twofold
