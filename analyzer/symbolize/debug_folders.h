// Finds debug files by build id: never by name or path alone, because a file of the right name from
// another build gives wrong names without a word. Folders and files may be a stranger's: nothing
// is followed out of a folder, only regular files are opened, and the walk is bounded.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "analyzer/symbolize/elf_file.h"
#include "format/base/result.h"
#include "format/base/unique_fd.h"

namespace twofold {

struct DebugFile {
  std::string path;
  UniqueFd handle;
  ElfFile elf;
};

// All files of one build id that are of use.
struct DebugFiles {
  DebugFile debug;    // with lines, or at least with symbols
  CodeLayout layout;  // of the code itself where that was found, else of `debug`
  DebugFile shared;   // of elf.shared_build_id; without a handle: not found, or not needed
};

class DebugFolders {
 public:
  // Error: one of them is not there, or is no folder.
  static Result<DebugFolders> Open(const std::vector<std::string>& paths);

  // Below each folder, in their order: .build-id/ab/cdef.debug, ab/cdef.debug, abcdef/debuginfo and
  // abcdef/executable (as debuginfod keeps them); then any file at all. A file with lines is
  // preferred to one with symbols alone.
  std::optional<DebugFiles> Find(const std::string& build_id);

  // Sentences about what was not looked at.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  struct Folder {
    std::string path;
    UniqueFd handle;
  };
  struct Place {
    size_t folder;
    std::string path;  // below the folder
  };

  std::vector<DebugFile> FilesOf(const std::string& build_id, bool only_usual_places);
  void Add(const Place& place, const std::string& build_id, std::vector<DebugFile>& files) const;
  // Fills by_build_id_, once.
  void Index();
  void IndexBelow(size_t folder, UniqueFd at, const std::string& path, uint32_t depth,
                  uint64_t& entries);

  std::vector<Folder> folders_;
  bool is_indexed_ = false;
  std::map<std::string, std::vector<Place>> by_build_id_;
  std::vector<std::string> notes_;
};

// Whether it is one: an even number of lower-case hexadecimal digits.
bool IsBuildId(const std::string& text);

}  // namespace twofold
