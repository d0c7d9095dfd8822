// Files and directories that live as long as a test needs them.
#pragma once

#include <string>
#include <string_view>

#include "format/base/unique_fd.h"
#include "recorder/processes/process_image.h"

namespace twofold {

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  // Without symbolic links in it.
  const std::string& path() const { return path_; }

  // Writes a file and returns its path.
  std::string Write(const std::string& name, std::string_view bytes) const;

 private:
  std::string path_;
};

std::string ReadWholeFile(const std::string& path);

// A file in memory that holds these bytes.
UniqueFd MemoryFile(std::string_view bytes);

// What a mapping of a file shows.
MappedFile MappedFileAt(const std::string& path);

}  // namespace twofold
