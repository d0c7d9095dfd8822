#include "tests/live/record_harness.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "format/capture_reader.h"

namespace twofold::live {
namespace {

constexpr auto kLongestRun = std::chrono::seconds(60);

bool Selected(const Capture& capture, const Rows& rows, ThreadId thread_id, StackId user_stack,
              StackId kernel_stack) {
  const Thread& thread = capture.GetThread(thread_id);
  if (rows.pid != 0 && capture.GetProcess(thread.process).pid.value != rows.pid) return false;
  if (rows.tid != 0 && thread.tid.value != rows.tid) return false;
  return rows.function.empty() || StackHas(capture, user_stack, rows.function) ||
         StackHas(capture, kernel_stack, rows.function);
}

}  // namespace

Workplace::Workplace() {
  std::string pattern = (std::filesystem::temp_directory_path() / "twofold-live-XXXXXX").string();
  const char* made = mkdtemp(pattern.data());
  EXPECT_NE(made, nullptr);
  path_ = pattern;
}

Workplace::~Workplace() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Workplace::Path(const std::string& name) const { return path_ + "/" + name; }

std::set<std::string> Workplace::Files() const {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

Program::Program(const std::vector<std::string>& words, const std::string& output_path,
                 const std::string& error_path) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    const int input = open("/dev/null", O_RDONLY);
    const int output = open(output_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int errors = open(error_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0) _exit(126);
    execvp(pointers[0], pointers.data());
    _exit(127);
  }
  EXPECT_GT(pid_, 0);
}

Program::~Program() {
  if (pid_ > 0 && status_ < 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
}

void Program::Signal(int number) const { EXPECT_EQ(kill(pid_, number), 0); }

void WaitForRecordingTo(const std::string& path) {
  for (int tries = 0; tries < 6000; ++tries) {
    std::error_code failure;
    const uintmax_t bytes = std::filesystem::file_size(path + ".partial", failure);
    if (!failure && bytes > 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ADD_FAILURE() << "no recording to " << path << " began";
}

int Program::Wait() {
  const auto give_up = std::chrono::steady_clock::now() + kLongestRun;
  while (status_ < 0) {
    int wait_status = 0;
    if (waitpid(pid_, &wait_status, WNOHANG) == pid_) {
      status_ = WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
      break;
    }
    if (std::chrono::steady_clock::now() > give_up) {
      ADD_FAILURE() << "the program did not end within a minute";
      kill(pid_, SIGKILL);
      waitpid(pid_, &wait_status, 0);
      status_ = 128 + SIGKILL;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return status_;
}

Outcome RunToEnd(const Workplace& workplace, const std::vector<std::string>& words) {
  // Next to the workplace's own files, but gone before anybody counts them.
  const std::string output_path = workplace.Path(".output");
  const std::string error_path = workplace.Path(".errors");
  Outcome outcome;
  {
    Program program(words, output_path, error_path);
    outcome.status = program.Wait();
  }
  outcome.output = ReadWhole(output_path);
  outcome.errors = ReadWhole(error_path);
  std::filesystem::remove(output_path);
  std::filesystem::remove(error_path);
  return outcome;
}

std::string RecorderPath() { return std::string(TWOFOLD_BIN_DIR) + "/twofold-record"; }

std::string WorkloadPath(const std::string& name) {
  return std::string(TWOFOLD_BIN_DIR) + "/../tests/workloads/" + name;
}

bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

Truth::Truth(const std::string& line) {
  std::istringstream words(line);
  std::string word;
  while (words >> word) {
    const size_t equals = word.find('=');
    if (equals != std::string::npos) values_[word.substr(0, equals)] = word.substr(equals + 1);
  }
}

uint64_t Truth::operator[](const std::string& key) const {
  const auto found = values_.find(key);
  if (found == values_.end()) {
    ADD_FAILURE() << "the workload did not tell " << key;
    return 0;
  }
  return std::stoull(found->second);
}

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Capture LoadCapture(const std::string& path) {
  Result<Capture> capture = ReadCaptureFile(path);
  if (!capture) {
    ADD_FAILURE() << capture.error().Message();
    return {};
  }
  return std::move(capture).value();
}

Recorded RecordCommand(const std::vector<std::string>& options,
                       const std::vector<std::string>& command) {
  const Workplace workplace;
  std::vector<std::string> words = {RecorderPath(), "-o", workplace.Path("capture.twofold")};
  words.insert(words.end(), options.begin(), options.end());
  words.push_back("--");
  words.insert(words.end(), command.begin(), command.end());
  const Outcome outcome = RunToEnd(workplace, words);
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_EQ(workplace.Files(), std::set<std::string>{"capture.twofold"});
  return {LoadCapture(workplace.Path("capture.twofold")), Truth(outcome.output)};
}

std::vector<std::string> StackNames(const Capture& capture, StackId stack) {
  std::vector<std::string> names;
  for (; stack.value != 0; stack = capture.GetStack(stack).parent) {
    names.push_back(capture.String(capture.GetFrame(capture.GetStack(stack).frame).symbol));
  }
  std::reverse(names.begin(), names.end());
  return names;
}

bool StackHas(const Capture& capture, StackId stack, const std::string& function) {
  const std::vector<std::string> names = StackNames(capture, stack);
  return std::find(names.begin(), names.end(), function) != names.end();
}

uint64_t BlockedNs(const Capture& capture, const Rows& rows) {
  uint64_t sum_ns = 0;
  for (const Interval& interval : capture.intervals) {
    for (const BlockedRow& row : interval.blocked.value_or(std::vector<BlockedRow>())) {
      if (Selected(capture, rows, row.thread, row.user_stack, row.kernel_stack)) {
        sum_ns += row.time_ns;
      }
    }
  }
  return sum_ns;
}

uint64_t BlockCount(const Capture& capture, const Rows& rows) {
  uint64_t count = 0;
  for (const Interval& interval : capture.intervals) {
    for (const BlockedRow& row : interval.blocked.value_or(std::vector<BlockedRow>())) {
      if (Selected(capture, rows, row.thread, row.user_stack, row.kernel_stack)) count += row.count;
    }
  }
  return count;
}

uint64_t CpuNs(const Capture& capture, const Rows& rows) {
  uint64_t sum_ns = 0;
  for (const Interval& interval : capture.intervals) {
    const CpuRows cpu = interval.cpu.value_or(CpuRows());
    for (const CpuRow& row : cpu.rows) {
      if (Selected(capture, rows, row.thread, row.user_stack, row.kernel_stack)) {
        sum_ns += row.samples * cpu.period_ns;
      }
    }
  }
  return sum_ns;
}

uint64_t LossCount(const Capture& capture) {
  uint64_t count = 0;
  for (const Interval& interval : capture.intervals) {
    for (const Loss& loss : interval.losses) {
      if (GetLossInfo(loss.cause).severity != LossSeverity::kNotice) count += loss.count;
    }
  }
  return count;
}

uint64_t LossCountOf(const Capture& capture, LossCause cause) {
  uint64_t count = 0;
  for (const Interval& interval : capture.intervals) {
    for (const Loss& loss : interval.losses) {
      if (loss.cause == cause) count += loss.count;
    }
  }
  return count;
}

uint64_t WindowNs(const Capture& capture) {
  return capture.intervals.empty() ? 0 : capture.intervals.back().end_ns;
}

}  // namespace twofold::live
