// Output files that are either whole or not there. Bytes go to "PATH.partial" (O_EXCL, O_NOFOLLOW,
// mode 0600, owned by the invoking user under sudo); Commit renames it to PATH without replacing
// anything; a file that is dropped before Commit is removed. What has no content of its own is
// written to directly: "-" and /dev/stdout (standard output), /dev/fd/N, character devices such as
// /dev/null, FIFOs.
//
// A program that writes files ignores SIGPIPE and SIGXFSZ; the errors then come back from Append.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "format/base/byte_sink.h"
#include "format/base/result.h"

namespace twofold {

class OutputFile : public ByteSink {
 public:
  // Error: the path exists, its directory is missing or cannot be written, a planted link, an empty
  // path. When `replace` is set an existing regular file is replaced at Commit instead (for
  // pictures and text).
  static Result<OutputFile> Create(const std::string& path, bool replace = false);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  ~OutputFile() override;

  // Writes all bytes, going on after short writes and EINTR. Error: names the path and the reason
  // (disk full, file size limit); Error::Kind::kBrokenPipe when the reader of a pipe went away.
  Result<void> Append(std::span<const uint8_t> bytes) override;
  Result<void> Append(const std::string& text);

  // fsync, then rename. Nothing may be appended after it.
  Result<void> Commit();

  // Leaves the partial file in place (it is a readable capture) instead of removing it; returns its
  // path.
  std::string KeepPartial();

  // Whether what is written to a descriptor comes out where this file's bytes do: the same pipe,
  // socket or file. Devices do not count, as /dev/null mixes nothing up.
  bool SharesPlaceWith(int descriptor) const;

  const std::string& path() const { return path_; }

 private:
  OutputFile() = default;
  static Result<OutputFile> OpenDirectly(const std::string& path);
  static Result<OutputFile> AdoptDescriptor(const std::string& path, int descriptor);
  Error CannotWrite(int error_number) const;
  Result<void> Rename();
  bool PartialIsOurs() const;
  void Discard();

  std::string path_;
  std::string partial_path_;  // empty when PATH is written to directly
  int fd_ = -1;
  bool replace_ = false;
  uint64_t device_ = 0;  // of the partial file, to know it again
  uint64_t inode_ = 0;
};

}  // namespace twofold
