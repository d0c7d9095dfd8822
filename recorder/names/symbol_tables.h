// The files of user modules: opened when the first address in a module is to be named, shared by
// all processes that map the same file, kept open as long as there is room: the process that showed
// them may be gone soon. Their symbols are read by another process (recorder/names/name_reader.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "recorder/names/name_reader.h"
#include "recorder/names/remote_files.h"
#include "recorder/processes/process_image.h"

namespace twofold {

class SymbolTables {
 public:
  // Well below the usual limit of 1024 open files.
  static constexpr size_t kMaxOpenFiles = 256;

  // One file, or the trace of the attempts to read it.
  struct Source {
    std::string build_id;             // of the file when it has been read; lower-case hexadecimal
    std::unique_ptr<RemoteElf> file;  // nullptr: not read, or closed
    UniqueFd prepared;                // likely the file, opened before anybody asked for a name
    uint64_t last_use = 0;            // of a counter
    uint32_t attempts = 0;            // failed
    Pid last_pid;                     // of the last attempt
    uint64_t last_start_ns = 0;
    bool was_read = false;
    uint64_t generation = 0;     // of the inode; 0: not known
    uint64_t last_interval = 0;  // of the last attempt
    bool overwritten_counted = false;
  };

  // `reader` is borrowed and must outlive the tables.
  explicit SymbolTables(NameReader& reader) : reader_(reader) {}

  // Begins an interval whose code ran from this moment on (CLOCK_MONOTONIC). A file that was
  // written into since its symbols were read is to be read anew: true if there was one, so that no
  // name that came from here may be used any longer.
  bool BeginInterval(uint64_t from_ns);

  // Whether the source has no names now, and may have some in the next interval: the file was
  // written into after its code may have run, or it could not be read, once.
  static bool MayBeReadLater(const Source& source);

  // The source for a file mapping or the vDSO, read now if it was not before. Of a process that is
  // gone, or whose files cannot be opened, was_read may be false; a later image may do better.
  std::shared_ptr<Source> Get(const ProcessImage& image, const Mapping& mapping);

  // Opens a mapped file that was not met before: when its first address is to be named, the process
  // may be gone, and with it the way to a file that was deleted, replaced or only seen in a
  // container. Cheap when called often.
  void Prepare(const ProcessImage& image, const Mapping& mapping);

  // The function at an offset of the source's file, as ElfSymbols::FindByFileOffset.
  std::optional<std::string> NameAt(Source& source, const ProcessImage& image,
                                    const Mapping& mapping, uint64_t file_offset);

  // Files that could not be opened or parsed since the last call; each is counted once. Those over
  // which a reader was lost are told of by the reader.
  uint64_t TakeUnreadable();

  // Closes everything.
  void Clear();

  size_t open_files() const { return open_files_; }

 private:
  std::shared_ptr<Source> SourceOf(const MappedFile& file);
  bool Load(Source& source, const ProcessImage& image, const Mapping& mapping);
  static void AddDebugFile(RemoteElf& file, const ProcessImage& image, const Mapping& mapping);
  void Close(Source& source);
  void EnforceLimit(const Source& in_use);

  NameReader& reader_;
  bool WasWrittenTooLate(const RemoteElf& file, const Mapping& mapping) const;

  // Under path, device and inode.
  std::unordered_map<std::string, std::shared_ptr<Source>> sources_;
  std::unordered_set<std::shared_ptr<const MappedFile>> met_;  // by Prepare
  size_t open_files_ = 0;
  uint64_t use_counter_ = 0;
  uint64_t unreadable_ = 0;
  uint64_t interval_ = 1;
  uint64_t from_ns_ = 0;  // of the interval, CLOCK_MONOTONIC; 0: not known
};

// The vDSO of this process, which is that of every process of the same width, as a file; invalid
// when there is none. Offsets in it are those from the mapping's start.
UniqueFd CopyOwnVdso();

}  // namespace twofold
