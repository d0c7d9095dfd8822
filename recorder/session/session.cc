#include "recorder/session/session.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "format/base/output_file.h"
#include "format/base/version.h"
#include "format/capture_writer.h"
#include "recorder/base/clocks.h"
#include "recorder/base/file_limit.h"
#include "recorder/capture/capture_builder.h"
#include "recorder/cli/command.h"
#include "recorder/cli/note.h"
#include "recorder/cli/status_line.h"
#include "recorder/cli/summary.h"
#include "recorder/cost/own_cost.h"
#include "recorder/cost/restraint.h"
#include "recorder/host/cgroup.h"
#include "recorder/host/cpu_times.h"
#include "recorder/host/host_facts.h"
#include "recorder/host/probe.h"
#include "recorder/names/kernel_symbols.h"
#include "recorder/names/name_reader.h"
#include "recorder/names/symbolizer.h"
#include "recorder/processes/process_table.h"
#include "recorder/processes/sideband.h"
#include "recorder/sources/memory/leak_recording.h"
#include "recorder/tracer/tracer.h"

namespace twofold {
namespace {

constexpr uint64_t kSecond_ns = 1'000'000'000;

// New keys that each CPU may put into maps: about 1 % of its time at the most.
constexpr double kInsertsPerSecond = 32768;

std::string DefaultOutputName() {
  const time_t now = time(nullptr);
  tm local = {};
  localtime_r(&now, &local);
  char name[64];
  strftime(name, sizeof(name), "twofold-%Y%m%d-%H%M%S.twofold", &local);
  return name;
}

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Error EventError(const std::string& what) {
  return Error{.what = "cannot wait for " + what + ": " + ErrnoText(errno),
               .where = "",
               .remedy = "Raise the limit on open files (ulimit -n)"};
}

// How long a new process may have to wait before its files are opened; a process that is gone by
// then may take the way to them along.
constexpr uint64_t kDrainPauseNs = 50'000'000;

// How long after an interval's end the programs are given to be done with what they were at.
constexpr uint64_t kSettleNs = 1'000'000;

// On a host whose CPUs are all wanted this program would come late to everything, and buffers run
// over that it should have read. A niceness that somebody chose stays.
void RunAheadOfOthers() {
  if (getpriority(PRIO_PROCESS, 0) == 0) static_cast<void>(setpriority(PRIO_PROCESS, 0, -20));
}

// What can end a recording.
enum class Wake { kInterval, kSignal, kCommand, kTarget, kSideband, kAccounts };

class Session {
 public:
  explicit Session(const Options& options)
      : options_(options), notes_(options.quiet), status_line_(!options.quiet) {}

  Result<int> Run();

 private:
  Result<void> Prepare();
  Result<void> PrepareScope(const SchedulerTracepoints& tracepoints);
  Result<void> PrepareTcp();
  Result<void> Begin();
  Result<void> CheckCounters();
  Result<EndReason> Loop();
  Result<void> CloseInterval(uint64_t boundary_ns, bool last);
  Result<void> Close(EndReason reason);
  Result<void> Watch(int fd, Wake wake);
  bool RestrainSelf(uint64_t now_ns);
  void DrainSideband();
  void PrintSummary() const;
  Error KeepPart(const Error& error);

  const Options& options_;
  const Notes notes_;
  StatusLine status_line_;
  std::string path_;
  UniqueFd signals_;
  UniqueFd epoll_;
  UniqueFd timer_;
  std::vector<Pid> processes_in_scope_;  // of -p, or those of the threads of -t
  std::string cgroup_path_;              // of --cgroup, below the root of its hierarchy
  std::optional<CgroupPaths> cgroup_paths_;
  std::vector<UniqueFd> targets_;  // pidfds of processes_in_scope_
  std::unique_ptr<Command> command_;
  std::optional<OutputFile> output_;
  std::optional<CaptureWriter> writer_;
  std::unique_ptr<Sideband> sideband_;
  std::optional<KernelSymbols> kernel_symbols_;
  std::optional<ProcessTable> processes_;
  std::unique_ptr<Tracer> tracer_;
  DefinitionsBuilder definitions_;
  NameReader name_reader_;
  std::optional<Symbolizer> symbolizer_;
  std::optional<CaptureBuilder> builder_;
  std::vector<SidebandEvent> events_;

  TracerSettings settings_;
  Recording recording_;
  uint64_t deadline_ns_ = 0;        // CLOCK_MONOTONIC; 0: none
  uint64_t announced_ns_ = 0;       // CLOCK_MONOTONIC: end of the present interval
  uint64_t interval_start_ns_ = 0;  // CLOCK_MONOTONIC
  int64_t interval_start_real_ns_ = 0;
  uint64_t previous_boundary_ns_ = 0;
  uint32_t intervals_ = 0;
  uint64_t sideband_lost_ = 0;
  uint64_t drained_ns_ = 0;  // CLOCK_MONOTONIC of the last look at the sideband
  uint64_t losses_ = 0;

  LeakRecording leaks_{options_};
  std::optional<Restraint> restraint_;
  std::optional<OwnCost> own_cost_;
  double stopped_at_permyriad_ = 0;  // as in Summary
  CpuTimes cpu_times_;
};

Result<void> Session::Watch(int fd, Wake wake) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u32 = uint32_t(wake);
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return EventError("events");
  return {};
}

// What -p, -t, --cgroup and --comm choose; a command is not known yet.
Result<void> Session::PrepareScope(const SchedulerTracepoints& tracepoints) {
  using Scope = TracerSettings::Scope;
  settings_.pids = options_.pids;
  settings_.tids = options_.tids;
  settings_.cgroup_attach = tracepoints.cgroup_attach;
  if (!options_.pids.empty()) settings_.scope = Scope::kProcesses;
  if (!options_.tids.empty()) settings_.scope = Scope::kThreads;
  if (!options_.comm.empty()) {
    Result<CommGlob> comm = CommGlob::Parse(options_.comm);
    if (!comm) return std::move(comm).error();
    settings_.comm = *comm;
  }
  if (options_.cgroup.empty()) return {};
  Result<Cgroup> cgroup = FindCgroup(options_.cgroup);
  if (!cgroup) return std::move(cgroup).error();
  cgroup_path_ = cgroup->path;
  settings_.scope = Scope::kCgroup;
  settings_.cgroup_id = cgroup->id;
  if (!tracepoints.cgroup_attach) {
    notes_.Print(
        "this kernel has no tracepoint cgroup_attach_task: processes that are moved into the "
        "cgroup are seen at the end of an interval.");
  }
  return {};
}

// Without what TCP's retransmits take, the rest of the recording goes on, if there is any.
Result<void> Session::PrepareTcp() {
  if (!options_.tcp) return {};
  const Result<TcpTracepoints> tcp = ProbeTcp();
  if (tcp) {
    settings_.tcp = true;
    settings_.retransmit_passes_error = tcp->passes_error;
    return {};
  }
  if (options_.SourceCount() == 1) {
    return Error{.what = "TCP retransmits cannot be recorded: " + tcp.error().what,
                 .where = "--record tcp",
                 .remedy = "Record other sources (twofold-record --check tells what works here)"};
  }
  notes_.Print("TCP retransmits are not recorded, because " + tcp.error().what + ".");
  return {};
}

// Everything that can fail for reasons of the user's or the host's comes before the first byte is
// written.
Result<void> Session::Prepare() {
  TWOFOLD_RETURN_IF_ERROR(ProbePids(options_.pids));
  Result<std::vector<Pid>> of_threads = ProcessesOfThreads(options_.tids);
  if (!of_threads) return std::move(of_threads).error();
  processes_in_scope_ = options_.tids.empty() ? options_.pids : *of_threads;
  const Result<SchedulerTracepoints> tracepoints = ProbeHost(options_.offcpu);
  if (!tracepoints) return tracepoints.error();
  TWOFOLD_RETURN_IF_ERROR(PrepareScope(*tracepoints));
  settings_.states = tracepoints->all_there;
  settings_.switch_passes_state = tracepoints->switch_passes_state;
  TWOFOLD_RETURN_IF_ERROR(PrepareTcp());

  path_ = options_.output.empty() ? DefaultOutputName() : options_.output;
  if (path_ == "-" && isatty(STDOUT_FILENO) == 1) {
    return Error{.what = "a capture is binary and would garble this terminal",
                 .where = "-o -",
                 .remedy = "Redirect standard output to a file or a pipe"};
  }
  Result<OutputFile> output = OutputFile::Create(path_);
  if (!output) return std::move(output).error();
  output_.emplace(std::move(output).value());
  if (output_->SharesPlaceWith(STDERR_FILENO)) {
    return Error{
        .what = "standard error goes to the same place, and words would damage the capture",
        .where = "-o " + path_,
        .remedy = "Send standard error elsewhere, for example: 2>recorder.log"};
  }

  epoll_.Reset(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return EventError("events");
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  for (const int signal_number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&stop_signals, signal_number);
  sigprocmask(SIG_BLOCK, &stop_signals, nullptr);
  // A closed pipe and a file size limit come back as errors of write.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  signals_.Reset(signalfd(-1, &stop_signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return EventError("signals");
  TWOFOLD_RETURN_IF_ERROR(Watch(signals_.get(), Wake::kSignal));

  const Result<void> reader = name_reader_.Start();
  if (!reader) {
    notes_.Print("functions of programs and libraries get no names in this recording, because " +
                 reader.error().what + ". `twofold symbolize` can add them later.");
  }

  if (!options_.command.empty()) {
    auto output_of_command = Command::Output::kAsIs;
    if (output_->SharesPlaceWith(STDOUT_FILENO)) {
      output_of_command = Command::Output::kToStandardError;
      notes_.Print(
          "what the command writes to standard output goes to standard error, because the "
          "capture goes to standard output.");
    }
    Result<std::unique_ptr<Command>> command = Command::Fork(options_.command, output_of_command);
    if (!command) return std::move(command).error();
    command_ = std::move(command).value();
    TWOFOLD_RETURN_IF_ERROR(Watch(command_->end_fd(), Wake::kCommand));
  }
  for (const Pid pid : processes_in_scope_) {
    UniqueFd target(int(syscall(SYS_pidfd_open, pid.value, 0)));
    if (!target) {
      return Error{
          .what = "cannot watch process " + std::to_string(pid.value) + ": " + ErrnoText(errno),
          .where = options_.tids.empty() ? "-p" : "-t",
          .remedy = "Check that it still runs"};
    }
    TWOFOLD_RETURN_IF_ERROR(Watch(target.get(), Wake::kTarget));
    targets_.push_back(std::move(target));
  }
  return {};
}

// Without counters the rest of the recording goes on, if there is any.
Result<void> Session::CheckCounters() {
  const std::optional<Error>& failure = tracer_->counters_failure();
  if (!failure) return {};
  if (options_.SourceCount() == 1) {
    return Error{.what = "cycles and instructions cannot be recorded: " + failure->what,
                 .where = "--record cpi",
                 .remedy =
                     "Record other sources, or on a host that offers hardware counters "
                     "(twofold-record --check tells)"};
  }
  notes_.Print("cycles and instructions are not recorded, because " + failure->what + ".");
  return {};
}

Result<void> Session::Begin() {
  RaiseFileLimit();  // the command has been forked, and keeps its own
  RunAheadOfOthers();
  ProcessTable::Scope scope;
  TracerSettings& settings = settings_;
  settings.cpu = options_.cpu;
  settings.offcpu = options_.offcpu;
  settings.counters = options_.cpi;
  settings.exec = options_.exec;
  settings.arguments = options_.arguments;
  settings.frequency_hz = options_.frequency_hz;
  settings.memory_bytes = options_.memory_mib << 20;
  settings.wakers = options_.wakers;
  settings.quantum_ns = options_.exact ? 0 : options_.quantum_us * 1000;
  settings.insert_limit = uint32_t(std::max(4096.0, kInsertsPerSecond * options_.interval_s));
  settings.min_block_ns = options_.min_block_us * 1000;
  settings.max_block_ns = options_.max_block_us * 1000;
  TWOFOLD_RETURN_IF_ERROR(leaks_.Prepare(settings));
  if (command_ != nullptr) {
    scope = {.all = false, .pids = {command_->pid()}, .follow_children = true};
    settings.scope = TracerSettings::Scope::kCommand;
    settings.command = command_->pid();
  } else if (!processes_in_scope_.empty()) {
    scope = {.all = false, .pids = processes_in_scope_, .follow_children = false};
  }

  // The sideband first: what begins between its opening and the scan of /proc, or the walk through
  // the cgroups, is seen twice rather than never.
  Result<std::unique_ptr<Sideband>> sideband = Sideband::Open();
  if (!sideband) return std::move(sideband).error();
  sideband_ = std::move(sideband).value();
  for (const int fd : sideband_->fds()) TWOFOLD_RETURN_IF_ERROR(Watch(fd, Wake::kSideband));
  cgroup_paths_.emplace();
  processes_.emplace(scope);

  if (options_.offcpu) {
    Result<DirectMap> direct_map = FindDirectMap();
    if (direct_map) {
      settings.direct_map = *direct_map;
    } else {
      notes_.Print(
          "user stacks are taken at the beginning of every block, which costs more, because " +
          direct_map.error().what + ".");
    }
  }
  Result<std::unique_ptr<Tracer>> tracer = Tracer::Load(settings);
  if (!tracer) return std::move(tracer).error();
  tracer_ = std::move(tracer).value();
  TWOFOLD_RETURN_IF_ERROR(Watch(tracer_->accounts_fd(), Wake::kAccounts));
  // After the programs were loaded, so that their own frames have names.
  Result<KernelSymbols> kernel_symbols = KernelSymbols::Load();
  if (!kernel_symbols) return std::move(kernel_symbols).error();
  kernel_symbols_.emplace(std::move(kernel_symbols).value());
  tracer_->SetInterruptEntries(*kernel_symbols_);
  Result<uint64_t> start_ns = tracer_->Start();
  if (!start_ns) return std::move(start_ns).error();
  TWOFOLD_RETURN_IF_ERROR(CheckCounters());
  if (tracer_->failed_execs_failure()) {
    notes_.Print("attempts to execute a program that fail are not recorded, because " +
                 tracer_->failed_execs_failure()->what + ".");
  }
  processes_->ScanProc();
  if (settings.leak_scope != TracerSettings::LeakScope::kNone) {
    TWOFOLD_RETURN_IF_ERROR(leaks_.Start(*tracer_, name_reader_));
    if (!leaks_.is_recorded()) settings.leak_scope = TracerSettings::LeakScope::kNone;
  }

  const bool has_counters = options_.cpi && !tracer_->counters_failure();
  recording_.host = ReadHostFacts();
  recording_.settings =
      Settings{.recorder_version = kVersion,
               .sources = {},
               .frequency_hz = options_.cpu || has_counters ? options_.frequency_hz : 0,
               .interval_ns = uint64_t(options_.interval_s * double(kSecond_ns)),
               .memory_bytes = settings.memory_bytes,
               .max_frames = TWOFOLD_MAX_FRAMES,
               .scope = command_ != nullptr        ? "command"
                        : !options_.pids.empty()   ? "processes"
                        : !options_.tids.empty()   ? "threads"
                        : !options_.cgroup.empty() ? "cgroup"
                                                   : "system",
               .pids = {},
               .command = "",
               .user_stack_method = settings.direct_map ? "page-walk" : "switch-out",
               .tids = {},
               .cgroup = cgroup_path_,
               .comm = options_.comm,
               .wakers = options_.offcpu ? settings.wakers : 0,
               .quantum_ns = options_.offcpu ? settings.quantum_ns : 0,
               .min_block_ns = settings.min_block_ns,
               .max_block_ns = settings.max_block_ns,
               .max_overhead_permyriad = options_.max_overhead_permyriad,
               .arguments = options_.arguments};
  if (options_.cpu) recording_.settings.sources.push_back("cpu");
  if (has_counters) recording_.settings.sources.push_back("cpi");
  if (options_.offcpu) recording_.settings.sources.push_back("offcpu");
  if (leaks_.is_recorded()) {
    recording_.settings.sources.push_back("memleak");
    recording_.settings.leak_scope = options_.leak_kernel ? "kernel" : "user";
    recording_.settings.leak_sample_bytes = settings.leak_sample_bytes;
    recording_.settings.leak_age_ns = settings.leak_age_ns;
  }
  if (options_.exec) recording_.settings.sources.push_back("exec");
  if (settings.tcp) recording_.settings.sources.push_back("tcp");
  for (const Pid pid : options_.pids) recording_.settings.pids.push_back(pid.value);
  for (const Tid tid : options_.tids) recording_.settings.tids.push_back(tid.value);
  if (command_ != nullptr) recording_.settings.command = BaseName(options_.command.front());

  // A command's window begins when its gate opens: nothing in scope ran before.
  const uint64_t now_ns = MonotonicNowNs();
  recording_.start_monotonic_ns = command_ != nullptr ? now_ns : *start_ns;
  const uint64_t age_ns = now_ns - recording_.start_monotonic_ns;
  recording_.start_realtime_ns = int64_t(ClockNs(CLOCK_REALTIME)) - int64_t(age_ns);
  recording_.start_boottime_ns = ClockNs(CLOCK_BOOTTIME) - age_ns;
  interval_start_ns_ = recording_.start_monotonic_ns;
  static_cast<void>(cpu_times_.TakeDifferences());
  interval_start_real_ns_ = recording_.start_realtime_ns;
  previous_boundary_ns_ = interval_start_ns_;
  own_cost_.emplace(*tracer_, name_reader_);
  restraint_.emplace(options_.max_overhead_permyriad, recording_.host.cpus_online,
                     settings.quantum_ns);

  symbolizer_.emplace(definitions_, *kernel_symbols_, name_reader_);
  builder_.emplace(recording_, *tracer_, *processes_, *symbolizer_, *kernel_symbols_,
                   *cgroup_paths_, definitions_);
  writer_.emplace(*output_);
  TWOFOLD_RETURN_IF_ERROR(writer_->Start(recording_));
  if (command_ != nullptr) TWOFOLD_RETURN_IF_ERROR(command_->Execute());

  if (options_.duration_s) {
    deadline_ns_ = interval_start_ns_ + uint64_t(*options_.duration_s * double(kSecond_ns));
  }
  timer_.Reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer_) return EventError("a timer");
  return Watch(timer_.get(), Wake::kInterval);
}

// Judges what recording cost since the last time. False: it is too much, and has to stop.
bool Session::RestrainSelf(uint64_t now_ns) {
  uint64_t elapsed_ns = 0;
  Restraint::Spent spent = own_cost_->TakeForJudgement(now_ns, elapsed_ns);
  spent = leaks_.Restrain(spent, elapsed_ns, recording_.host.cpus_online);
  switch (restraint_->Judge(spent, elapsed_ns)) {
    case Restraint::Verdict::kKeep:
      return true;
    case Restraint::Verdict::kChangeQuantum:
      tracer_->SetQuantum(restraint_->quantum_ns());
      return true;
    case Restraint::Verdict::kStop:
      stopped_at_permyriad_ = 1e4 * double(spent.programs_ns + spent.recorder_ns) /
                              double(std::max(elapsed_ns, uint64_t(1))) /
                              recording_.host.cpus_online;
      return false;
  }
  return true;
}

void Session::DrainSideband() {
  drained_ns_ = MonotonicNowNs();
  events_.clear();
  sideband_->Drain(events_);
  std::map<Pid, bool> with_new_mappings;  // whether one tells of code made at run time
  for (const SidebandEvent& event : events_) {
    processes_->Apply(event);
    if (event.kind == SidebandEvent::Kind::kCgroup) cgroup_paths_->Add(event.cgroup_id, event.text);
    const bool is_program = event.kind == SidebandEvent::Kind::kBpfProgram ||
                            event.kind == SidebandEvent::Kind::kBpfProgramGone;
    if (is_program && symbolizer_) symbolizer_->ApplyProgram(event);
    if (event.kind != SidebandEvent::Kind::kMap) continue;
    bool& tells = with_new_mappings[event.pid];
    tells = tells || Symbolizer::TellsOfRuntimeCode(event.text);
  }
  if (!symbolizer_) return;
  for (const auto& [pid, tells_of_runtime_code] : with_new_mappings) {
    leaks_.Follow(pid);
    const ProcessImage* image = processes_->Find(pid, drained_ns_);
    if (image == nullptr) continue;
    symbolizer_->PrepareModules(*image);
    if (tells_of_runtime_code) symbolizer_->PrepareRuntimeNames(*image);
  }
}

Result<EndReason> Session::Loop() {
  const uint64_t interval_ns = recording_.settings.interval_ns;
  uint64_t next_ns = recording_.start_monotonic_ns + interval_ns;
  size_t targets_left = targets_.size();
  // As soon as may be: the interval ends when it is meant to, however late this program is woken.
  const auto announce_next = [&] {
    announced_ns_ =
        tracer_->AnnounceEnd(deadline_ns_ != 0 ? std::min(next_ns, deadline_ns_) : next_ns);
  };
  announce_next();
  // Loading and starting is over: it is not what recording costs.
  own_cost_->BeginStretch(MonotonicNowNs());
  while (true) {
    const uint64_t judge_ns = own_cost_->stretch_start_ns() + kSecond_ns;
    uint64_t wake_ns = std::min({announced_ns_ + kSettleNs, judge_ns, drained_ns_ + kDrainPauseNs});
    if (deadline_ns_ != 0) wake_ns = std::min(wake_ns, deadline_ns_);
    itimerspec when = {};
    when.it_value.tv_sec = time_t(wake_ns / kSecond_ns);
    when.it_value.tv_nsec = long(wake_ns % kSecond_ns);
    if (timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr) != 0) {
      return EventError("a timer");
    }
    epoll_event events[16];
    const int count = epoll_wait(epoll_.get(), events, 16, -1);
    if (count < 0 && errno != EINTR) return EventError("events");
    for (int i = 0; i < count; ++i) {
      switch (Wake(events[i].data.u32)) {
        case Wake::kSignal:
          return EndReason::kInterrupted;
        case Wake::kCommand:
          return EndReason::kCommandEnded;
        case Wake::kTarget:
          // The list of events does not tell which; ask them all and stop watching the ones that
          // ended.
          for (UniqueFd& target : targets_) {
            epoll_event ready = {};
            UniqueFd one(epoll_create1(EPOLL_CLOEXEC));
            ready.events = EPOLLIN;
            if (!target || !one || epoll_ctl(one.get(), EPOLL_CTL_ADD, target.get(), &ready) != 0 ||
                epoll_wait(one.get(), &ready, 1, 0) != 1) {
              continue;
            }
            target.Reset();
            --targets_left;
          }
          if (targets_left == 0) return EndReason::kTargetsExited;
          break;
        case Wake::kSideband:
          DrainSideband();
          break;
        case Wake::kAccounts:
          tracer_->DrainAccounts();
          break;
        case Wake::kInterval:
          break;
      }
    }
    const uint64_t now_ns = MonotonicNowNs();
    if (now_ns >= drained_ns_ + kDrainPauseNs) DrainSideband();
    if (deadline_ns_ != 0 && now_ns >= deadline_ns_) return EndReason::kDuration;
    if (now_ns >= announced_ns_ + kSettleNs) {
      TWOFOLD_RETURN_IF_ERROR(CloseInterval(announced_ns_, false));
      // Intervals that passed while the recorder was not running are one long interval.
      next_ns += ((MonotonicNowNs() - next_ns) / interval_ns + 1) * interval_ns;
      announce_next();
    }
    // After the interval's end, so that a new T belongs to the next one.
    if (now_ns >= judge_ns && !RestrainSelf(MonotonicNowNs())) {
      return EndReason::kOverhead;
    }
  }
}

Result<void> Session::CloseInterval(uint64_t boundary_ns, bool last) {
  Result<Reading> reading = tracer_->Read(boundary_ns);
  if (!reading) return std::move(reading).error();
  DrainSideband();
  const uint64_t events_lost = sideband_->lost() - std::exchange(sideband_lost_, sideband_->lost());
  // Brings the table up to date with what still runs, before anything is named by it.
  if (events_lost > 0) processes_->ScanProc();
  symbolizer_->FollowModules();
  Interval interval = builder_->Build(*reading, settings_, interval_start_ns_);
  if (events_lost > 0) {
    interval.losses.push_back(Loss{.cause = LossCause::kEventsLost, .count = events_lost});
  }
  // Processes that ended before the interval began can have no more rows.
  builder_->DefineProcessEnds(last ? UINT64_MAX : previous_boundary_ns_);
  processes_->Forget(previous_boundary_ns_);
  symbolizer_->ReleaseMemory();

  interval.number = intervals_;
  interval.start_ns = interval_start_ns_ - recording_.start_monotonic_ns;
  interval.end_ns = boundary_ns - recording_.start_monotonic_ns;
  interval.start_realtime_ns = interval_start_real_ns_;
  interval.cost = own_cost_->TakeForInterval(*reading);
  interval.cpu_times = cpu_times_.TakeDifferences();
  for (const Loss& loss : interval.losses) {
    if (GetLossInfo(loss.cause).severity != LossSeverity::kNotice) losses_ += loss.count;
  }
  TWOFOLD_RETURN_IF_ERROR(writer_->WriteDefinitions(definitions_.TakeNew()));
  TWOFOLD_RETURN_IF_ERROR(writer_->WriteInterval(interval));
  ++intervals_;
  previous_boundary_ns_ = interval_start_ns_;
  interval_start_ns_ = boundary_ns;
  interval_start_real_ns_ = int64_t(ClockNs(CLOCK_REALTIME));

  const double interval_total_ns = double(interval.end_ns - interval.start_ns);
  const double cost_ns =
      double(interval.cost.bpf_ns + interval.cost.user_ns + interval.cost.system_ns);
  status_line_.Draw(
      Status{.elapsed_s = double(interval.end_ns) / double(kSecond_ns),
             .stacks = builder_->stack_count(),
             .file_bytes = writer_->bytes_written(),
             .cost_percent = interval_total_ns > 0 ? 100 * cost_ns / interval_total_ns : 0,
             .losses = losses_});
  return {};
}

Result<void> Session::Close(EndReason reason) {
  // An interval that has ended and was not read yet, unless the deadline ended it: then it is the
  // last one.
  const bool ends_at_deadline = deadline_ns_ != 0 && announced_ns_ + 1 >= deadline_ns_;
  if (!ends_at_deadline && MonotonicNowNs() >= announced_ns_) {
    while (MonotonicNowNs() < announced_ns_ + kSettleNs) {
    }
    TWOFOLD_RETURN_IF_ERROR(CloseInterval(announced_ns_, false));
  }
  const uint64_t boundary_ns = tracer_->EndLast();
  // Before the programs are detached, which takes a while: threads that run meanwhile do so unseen.
  TWOFOLD_RETURN_IF_ERROR(tracer_->LastPass(boundary_ns));
  tracer_->Stop();
  TWOFOLD_RETURN_IF_ERROR(CloseInterval(boundary_ns, true));
  End end{.reason = reason,
          .end_ns = boundary_ns - recording_.start_monotonic_ns,
          .intervals = intervals_,
          .command_status = -1};
  if (command_ != nullptr) end.command_status = command_->PollStatus().value_or(-1);
  TWOFOLD_RETURN_IF_ERROR(writer_->Finish(end));
  return output_->Commit();
}

void Session::PrintSummary() const {
  const Summary summary{
      .seconds = double(interval_start_ns_ - recording_.start_monotonic_ns) / double(kSecond_ns),
      .processes = builder_->process_count(),
      .stacks = builder_->stack_count(),
      .file_bytes = writer_->bytes_written(),
      .path = path_,
      .cost = own_cost_->total(),
      .stopped_at_permyriad = stopped_at_permyriad_,
      .losses = losses_};
  const std::string text =
      options_.quiet ? StoppedEarlyText(summary, options_) : SummaryText(summary, options_);
  std::fputs(text.c_str(), stderr);
}

// After a failure in the middle: what was written up to the interval before can be read, so it is
// kept.
Error Session::KeepPart(const Error& error) {
  if (intervals_ == 0 || path_ == "-") return error;
  Error kept = error;
  const std::string part = output_->KeepPartial();
  const std::string words = "What was recorded until then is in " + part + " and can be read";
  kept.remedy = kept.remedy.empty() ? words : kept.remedy + ". " + words;
  return kept;
}

Result<int> Session::Run() {
  TWOFOLD_RETURN_IF_ERROR(Prepare());
  TWOFOLD_RETURN_IF_ERROR(Begin());
  const Result<EndReason> reason = Loop();
  if (!reason) return KeepPart(reason.error());
  const Result<void> closed = Close(*reason);
  status_line_.Clear();
  if (!closed) return KeepPart(closed.error());
  PrintSummary();
  if (command_ == nullptr) return 0;

  std::optional<int> status = command_->PollStatus();
  if (!status && *reason == EndReason::kDuration) {
    if (!options_.quiet) {
      std::fprintf(stderr,
                   "Waiting for the command (process %u) to end; Ctrl-C leaves it running.\n",
                   command_->pid().value);
    }
    epoll_event event = {};
    while (!status) {
      const int count = epoll_wait(epoll_.get(), &event, 1, -1);
      if (count == 1 && Wake(event.data.u32) == Wake::kSignal) return 0;
      if (count == 1 && Wake(event.data.u32) == Wake::kSideband) DrainSideband();
      if (count == 1 && Wake(event.data.u32) == Wake::kInterval) timer_.Reset();
      if (count == 1 && Wake(event.data.u32) == Wake::kAccounts) tracer_->DrainAccounts();
      status = command_->PollStatus();
    }
  }
  return status.value_or(0);
}

}  // namespace

Result<int> RunSession(const Options& options) { return Session(options).Run(); }

}  // namespace twofold
