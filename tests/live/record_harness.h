// What the live tests share: running the recorder on a workload, reading the capture, and adding up
// its rows.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "format/capture.h"

namespace twofold::live {

// A folder of its own for one test, removed with everything in it.
class Workplace {
 public:
  Workplace();
  ~Workplace();
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  std::string Path(const std::string& name) const;

  // Names of everything inside.
  std::set<std::string> Files() const;

 private:
  std::string path_;
};

// A program that was started with its output going to files.
class Program {
 public:
  Program(const std::vector<std::string>& words, const std::string& output_path,
          const std::string& error_path);
  ~Program();  // kills what still runs
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int number) const;

  // Waits for the end; the status as a shell gives it. Fails the test after a minute.
  int Wait();

 private:
  pid_t pid_ = -1;
  int status_ = -1;
};

// Returns when a recorder has begun to write to a path: loading and attaching, which take as long
// as the host is busy, are over. Fails the test after a minute.
void WaitForRecordingTo(const std::string& path);

struct Outcome {
  int status = -1;
  std::string output;
  std::string errors;
};

// Runs a program to its end.
Outcome RunToEnd(const Workplace& workplace, const std::vector<std::string>& words);

std::string RecorderPath();
std::string WorkloadPath(const std::string& name);

// Waits until a condition holds, ten seconds at most; says whether it did.
bool Eventually(const std::function<bool()>& condition);

// The key=value pairs that a workload prints about itself.
class Truth {
 public:
  explicit Truth(const std::string& line);
  uint64_t operator[](const std::string& key) const;

 private:
  std::map<std::string, std::string> values_;
};

std::string ReadWhole(const std::string& path);

// Reads a capture; the test fails if it cannot be read.
Capture LoadCapture(const std::string& path);

struct Recorded {
  Capture capture;
  Truth truth;  // what the command printed about itself
};

// Records a command to its end in a workplace of its own; the test fails if the recorder does, or
// leaves anything but the capture behind.
Recorded RecordCommand(const std::vector<std::string>& options,
                       const std::vector<std::string>& command);

// Names of a stack's frames, root first; frames without a name are "".
std::vector<std::string> StackNames(const Capture& capture, StackId stack);

// True if a function of that name is anywhere in the stack.
bool StackHas(const Capture& capture, StackId stack, const std::string& function);

// Which rows to add up; what is empty or 0 does not restrict.
struct Rows {
  uint32_t pid = 0;
  uint32_t tid = 0;
  std::string function;  // anywhere in the user or the kernel stack
};

uint64_t BlockedNs(const Capture& capture, const Rows& rows);
uint64_t BlockCount(const Capture& capture, const Rows& rows);
uint64_t CpuNs(const Capture& capture, const Rows& rows);

// Losses that are more than a notice.
uint64_t LossCount(const Capture& capture);
uint64_t LossCountOf(const Capture& capture, LossCause cause);

uint64_t WindowNs(const Capture& capture);

}  // namespace twofold::live
