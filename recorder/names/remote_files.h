// Files whose names the name reader tells (recorder/names/name_reader.h). Each keeps its
// descriptor, so that a new reader can be given it when one was lost; the last word about a file
// over which a reader was lost is that it has no names.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "format/base/unique_fd.h"
#include "recorder/names/name_reader.h"
#include "recorder/parser/elf_debug_link.h"
#include "recorder/parser/runtime_code_file.h"

namespace twofold {

class RemoteFile {
 public:
  RemoteFile(const RemoteFile&) = delete;
  RemoteFile& operator=(const RemoteFile&) = delete;

  // A reader was lost over it, or over others of its owner's.
  bool given_up() const { return given_up_; }

  // When it was last written before it came here, CLOCK_REALTIME; and whether it was since then.
  int64_t written_realtime_ns() const { return written_realtime_ns_; }
  bool WasWrittenSince() const;

 protected:
  // `reader` is borrowed and must outlive the file.
  RemoteFile(NameReader& reader, UniqueFd fd, NameRequestKind open);
  ~RemoteFile();

  // Gives the file to the reader if it does not have it.
  NameReader::Reply Open();
  // Asks about the file, which the reader has; Outcome::kNoReader also when it has it no longer.
  NameReader::Reply Ask(NameRequestKind kind, uint64_t a = 0);
  // Asks about another file that belongs to this one, and is given up instead of it.
  NameReader::Reply AskAbout(const UniqueFd& other, NameRequestKind kind);
  bool IsOpen() const { return generation_ != 0 && generation_ == reader_.generation(); }

  const UniqueFd& fd() const { return fd_; }

 private:
  NameReader::Reply Settle(NameReader::Reply reply);

  NameReader& reader_;
  UniqueFd fd_;
  const NameRequestKind open_;
  const uint32_t number_;
  uint64_t generation_ = 0;  // of the reader that has it; 0: none
  uid_t owner_ = 0;
  int64_t written_realtime_ns_ = 0;
  int64_t size_bytes_ = 0;
  bool given_up_ = false;
};

// An executable, a library or the vDSO.
class RemoteElf : public RemoteFile {
 public:
  RemoteElf(NameReader& reader, UniqueFd fd) : RemoteFile(reader, std::move(fd), kOpen) {}

  // Reads it. False: no ELF file, or none that can be read.
  bool Read();

  // As ElfSymbols has them; after Read.
  const std::string& build_id() const { return build_id_; }
  uint64_t functions() const { return functions_; }
  bool has_symtab() const { return has_symtab_; }
  const std::optional<DebugLink>& debug_link() const { return debug_link_; }

  // As ElfSymbols::AddDebugFile. False: the file does not belong to this one.
  bool AddDebugFile(UniqueFd fd);

  std::optional<std::string> FindByFileOffset(uint64_t file_offset);

 private:
  static constexpr NameRequestKind kOpen = NameRequestKind::kOpenElf;

  UniqueFd debug_fd_;
  std::string build_id_;
  uint64_t functions_ = 0;
  bool has_symtab_ = false;
  std::optional<DebugLink> debug_link_;
};

// A perf map or a jitdump: what RuntimeCodeFile does, over there.
class RemoteCode : public RemoteFile {
 public:
  RemoteCode(NameReader& reader, UniqueFd fd, RuntimeCodeFile::Format format);

  uint64_t Refresh(uint64_t max_bytes);
  std::optional<CodeEntry> Find(uint64_t address);
  void Drop();
  uint64_t changes() const { return changes_; }
  bool damaged() const { return damaged_ || given_up(); }
  size_t memory_bytes() const { return memory_bytes_; }
  bool IsSameFile(uint64_t device, uint64_t inode) const {
    return device == device_ && inode == inode_;
  }

 private:
  void Take(const NameReader::Reply& reply);

  uint64_t device_ = 0;
  uint64_t inode_ = 0;
  uint64_t changes_ = 0;       // over all readers
  uint64_t changes_seen_ = 0;  // of the present one's
  bool damaged_ = false;
  size_t memory_bytes_ = 0;
};

}  // namespace twofold
