// The recorder's end of the name reader: a process without rights that parses the files of other
// people, so that a crafted one costs its own names and nothing else. It is this very program,
// started anew (recorder/parser/name_reader_process.h); when it dies, or does not answer in time,
// the file that it was about is given up and a new one goes on.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "format/base/result.h"
#include "format/base/unique_fd.h"
#include "recorder/parser/name_reader_protocol.h"

namespace twofold {

struct NameReaderLimits {
  // For one answer. The largest browser's symbols take a third of a second of CPU time.
  uint64_t cpu_ns = 3'000'000'000;
  // However little of it the reader got: the file's disk or server may hang.
  uint64_t wall_ns = 6'000'000'000;
  // Files of one user that may cost a reader; that user's other files are left alone then.
  uint32_t readers_per_user = 3;
};

class NameReader {
 public:
  enum class Outcome {
    kOk,
    kNothing,   // the file is fine, and has no answer
    kError,     // the file is of no use
    kNoReader,  // nobody could be asked
    kLost,      // the reader died over this question, or did not answer in time
  };

  struct Reply {
    Outcome outcome = Outcome::kNoReader;
    uint64_t values[4] = {};
    std::string text;
  };

  struct Usage {
    uint64_t user_ns = 0;  // CPU time so far
    uint64_t system_ns = 0;
    uint64_t peak_resident_bytes = 0;
  };

  // `program`'s main() must run RunNameReader when it is called by that name.
  explicit NameReader(std::string program = "/proc/self/exe", NameReaderLimits limits = {});
  ~NameReader();
  NameReader(const NameReader&) = delete;
  NameReader& operator=(const NameReader&) = delete;

  // Starts the process if none runs. Error: why there is none; user files have no names then.
  Result<void> Start();

  // Asks; `fd` (or -1) travels along. A question without a descriptor is about a file that the
  // process of this generation has been given.
  Reply Ask(const NameRequest& request, int fd = -1);

  // A file of this user took a reader along. Root's files are no attack, and everybody needs them.
  void Blame(uid_t user);
  // Whether a user's files are left alone.
  bool IsBlamed(uid_t user) const;

  // Files that were given up since the last call, because a reader was lost over them.
  uint64_t TakeGivenUp() { return std::exchange(given_up_, 0); }

  // Drops what was not used since the last call, and lets the process run ahead of others for some
  // of its CPU time: the recorder waits for its answers.
  void EndInterval();

  Usage TakeUsage();

  // CPU time of the calling thread and of the process.
  uint64_t CpuNs() const;
  // The part of it, and of the caller's, that went to what ran before the recording (StartupWork).
  void AddStartupWork(uint64_t ns) { startup_work_ns_ += ns; }
  uint64_t startup_work_ns() const { return startup_work_ns_; }

  // A number for a file to be called by.
  uint32_t NewFile() { return ++last_file_; }
  // Another one for each process: files have to be given to it anew.
  uint64_t generation() const { return generation_; }
  // Of the process; 0: none runs.
  pid_t pid() const { return pid_; }

 private:
  bool Send(const NameRequest& request, int fd);
  Reply Receive();
  bool WaitForReply();
  void Kill();
  void Reap();
  void RunAheadForAWhile();
  void KeepToBudget();

  const std::string program_;
  const NameReaderLimits limits_;
  UniqueFd socket_;
  pid_t pid_ = 0;
  std::vector<pid_t> killed_;  // and not gone yet: a disk may hold them up
  uint64_t generation_ = 1;
  uint32_t failed_starts_ = 0;
  uint32_t last_file_ = 0;
  uint64_t given_up_ = 0;
  std::map<uid_t, uint32_t> taken_readers_;
  uint64_t ahead_until_cpu_ns_ = 0;  // CPU time of the process; 0: it runs as others do
  Usage of_the_dead_;
  Usage last_usage_;
  uint64_t startup_work_ns_ = 0;
};

}  // namespace twofold
