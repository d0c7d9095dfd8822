#include "tests/analyzer/capture_maker.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace twofold::testing {

CaptureMaker::CaptureMaker() : CaptureMaker({"cpu", "offcpu"}) {}

CaptureMaker::CaptureMaker(std::vector<std::string> sources) : writer_(sink_) {
  Host& host = recording_.host;
  host.hostname = "web-7";
  host.kernel_release = "6.1.0-21-amd64";
  host.kernel_version = "#1 SMP Debian 6.1.90-1";
  host.machine = "x86_64";
  host.distribution = "Debian GNU/Linux 12 (bookworm)";
  host.cpu_model = "Example CPU 3.0 GHz";
  host.cpus_online = 4;
  host.memory_bytes = 16ULL << 30;
  host.page_bytes = 4096;
  Settings& settings = recording_.settings;
  settings.recorder_version = "0.1.0";
  settings.sources = std::move(sources);
  settings.frequency_hz = 100;
  settings.interval_ns = kSecondNs;
  settings.memory_bytes = 64ULL << 20;
  settings.max_frames = 127;
  settings.scope = "system";
  settings.user_stack_method = "switch-out";
  recording_.start_realtime_ns = 1700000000 * int64_t(kSecondNs);
  recording_.start_monotonic_ns = 5000 * kSecondNs;
  recording_.start_boottime_ns = 5000 * kSecondNs;
  BeginInterval();
}

void CaptureMaker::BeginInterval() {
  interval_ = Interval{};
  interval_.number = intervals_;
  interval_.start_ns = intervals_ * kSecondNs;
  interval_.end_ns = (intervals_ + 1) * kSecondNs;
  interval_.start_realtime_ns = recording_.start_realtime_ns + int64_t(interval_.start_ns);
  for (const std::string& source : recording_.settings.sources) {
    if (source == "cpu") interval_.cpu = CpuRows{10 * kMillisecondNs, {}};
    if (source == "cpi") interval_.counters.emplace();
    if (source == "offcpu") interval_.blocked.emplace();
    if (source == "memleak") interval_.allocations.emplace();
    if (source == "tcp") interval_.retransmits.emplace();
    if (source == "exec") interval_.execs.emplace();
    if (source == "faults") interval_.page_faults.emplace();
    if (source == "irq") {
      interval_.irqs.emplace();
      interval_.thread_irqs.emplace();
    }
  }
}

ThreadId CaptureMaker::AddThread(std::string_view process_name, uint32_t pid,
                                 std::string_view thread_name, uint32_t tid) {
  Process process;
  process.pid = Pid(pid);
  process.parent_pid = Pid(1);
  process.start_ns = -int64_t(kSecondNs);
  process.image_start_ns = process.start_ns;
  process.name = builder_.InternString(process_name);
  process.executable = builder_.InternString("/usr/bin/" + std::string(process_name));
  last_process_ = builder_.AddProcess(process);
  return AddSibling(thread_name.empty() ? process_name : thread_name, tid == 0 ? pid : tid);
}

ThreadId CaptureMaker::AddSibling(std::string_view thread_name, uint32_t tid) {
  Thread thread;
  thread.process = last_process_;
  thread.tid = Tid(tid);
  thread.start_ns = -int64_t(kSecondNs);
  thread.name = builder_.InternString(thread_name);
  return builder_.AddThread(thread);
}

FrameId CaptureMaker::MakeFrame(const std::string& text) {
  if (text.rfind('!', 0) == 0) return builder_.InternSpecialFrame(text.substr(1));
  Frame frame;
  frame.offset = next_address_ += 16;
  if (text.rfind("k:", 0) == 0) {
    frame.module = builder_.InternModule({ModuleKind::kKernel, StringId(), StringId()});
    frame.symbol = builder_.InternString(text.substr(2));
    return builder_.InternFrame(frame);
  }
  size_t plus = text.find("+0x");
  if (text.rfind('[', 0) == 0 && plus != std::string::npos) {
    std::string path = text.substr(1, plus - 1);
    ModuleKind kind = path == "anon" ? ModuleKind::kAnonymous : ModuleKind::kUserFile;
    frame.module = builder_.InternModule(
        {kind, path == "anon" ? StringId() : builder_.InternString(path), StringId()});
    frame.offset = std::strtoull(text.c_str() + plus + 1, nullptr, 16);
    return builder_.InternFrame(frame);
  }
  frame.module = builder_.InternModule(
      {ModuleKind::kUserFile, builder_.InternString("/usr/bin/app"), StringId()});
  frame.symbol = builder_.InternString(text);
  return builder_.InternFrame(frame);
}

StackId CaptureMaker::Stack(const std::vector<std::string>& root_first) {
  std::vector<FrameId> frames;
  for (const std::string& text : root_first) frames.push_back(MakeFrame(text));
  return builder_.InternStack(frames);
}

void CaptureMaker::Cpu(ThreadId thread, StackId user, StackId kernel, uint64_t samples) {
  interval_.cpu->rows.push_back({thread, kernel, user, samples});
}

void CaptureMaker::Blocked(ThreadId thread, BlockState state, StackId user, StackId kernel,
                           uint64_t time_ns, uint64_t count) {
  AddBlocked({.thread = thread,
              .state = state,
              .kernel_stack = kernel,
              .user_stack = user,
              .time_ns = time_ns,
              .count = count});
}

void CaptureMaker::AddWaiting(const WaitingRow& row) {
  if (!interval_.waiting) interval_.waiting.emplace();
  interval_.waiting->push_back(row);
}

void CaptureMaker::Outstanding(const OutstandingRow& row) {
  if (!interval_.outstanding) interval_.outstanding.emplace();
  interval_.outstanding->push_back(row);
}

uint32_t CaptureMaker::Retransmitted(const RetransmitRow& row) {
  interval_.retransmits->rows.push_back(row);
  return uint32_t(interval_.retransmits->rows.size()) - 1;
}

ThreadId CaptureMaker::AddImage(std::string_view name, uint32_t pid, int64_t image_start_ns,
                                int64_t end_ns, std::optional<uint32_t> status) {
  Process process;
  process.pid = Pid(pid);
  process.image_start_ns = image_start_ns;
  process.name = builder_.InternString(name);
  last_process_ = builder_.AddProcess(process);
  if (end_ns != 0) builder_.AddProcessEnd({last_process_, end_ns, status});
  return AddSibling(name, pid);
}

WakerId CaptureMaker::Task(ThreadId thread, StackId user, StackId kernel) {
  return builder_.InternWaker({WakerKind::kTask, thread, kernel, user});
}

WakerId CaptureMaker::Interrupt(WakerKind kind, StackId kernel) {
  return builder_.InternWaker({kind, ThreadId(), kernel, StackId()});
}

ChainId CaptureMaker::Chain(const std::vector<WakerId>& nearest_first) {
  ChainId chain;
  for (size_t i = nearest_first.size(); i-- > 0;) {
    chain = builder_.InternChain(chain, nearest_first[i]);
  }
  return chain;
}

void CaptureMaker::Lose(LossCause cause, LossSource source, uint64_t count, uint64_t time_ns) {
  interval_.losses.push_back({cause, source, count, time_ns});
}

void CaptureMaker::AddAccount(const Account& account) {
  if (!interval_.accounts) interval_.accounts.emplace();
  interval_.accounts->push_back(account);
}

void CaptureMaker::StartOnce() {
  if (started_) return;
  started_ = true;
  EXPECT_TRUE(writer_.Start(recording_).has_value());
}

void CaptureMaker::EndInterval() {
  StartOnce();
  EXPECT_TRUE(writer_.WriteDefinitions(builder_.TakeNew()).has_value());
  Result<void> written = writer_.WriteInterval(interval_);
  EXPECT_TRUE(written.has_value()) << written.error().Message();
  ++intervals_;
  BeginInterval();
}

std::string CaptureMaker::Finish(EndReason reason) {
  StartOnce();
  EXPECT_TRUE(writer_.Finish({reason, intervals_ * kSecondNs, intervals_, -1}).has_value());
  return sink_.bytes;
}

std::string CaptureMaker::CutShort() {
  StartOnce();
  return sink_.bytes;
}

std::string TemporaryPath(const std::string& name) {
  // Tests run at the same time as others: a folder for each process.
  static const std::string folder = [] {
    std::string path = ::testing::TempDir() + "twofold-analyzer-XXXXXX";
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    return path;
  }();
  return folder + "/" + name;
}

std::string WriteTemporary(const std::string& name, const std::string& bytes) {
  std::string path = TemporaryPath(name);
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

RunResult RunTwofold(const std::vector<std::string>& arguments, const std::string& input) {
  std::string in = WriteTemporary("stdin", input);
  std::string out = TemporaryPath("stdout");
  std::string err = TemporaryPath("stderr");
  std::string program = std::string(TWOFOLD_BIN_DIR) + "/twofold";
  pid_t child = fork();
  if (child == 0) {
    bool ready = freopen(in.c_str(), "r", stdin) != nullptr &&
                 freopen(out.c_str(), "w", stdout) != nullptr &&
                 freopen(err.c_str(), "w", stderr) != nullptr;
    std::vector<char*> words = {program.data()};
    std::vector<std::string> copy = arguments;
    for (std::string& word : copy) words.push_back(word.data());
    words.push_back(nullptr);
    if (ready) execv(program.c_str(), words.data());
    _exit(127);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  RunResult result;
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.output = ReadAll(out);
  result.words = ReadAll(err);
  return result;
}

}  // namespace twofold::testing
