#include "recorder/session/session.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
#include "recorder/session/capture_file.h"
#include "recorder/session/event_loop.h"
#include "recorder/session/scope.h"
#include "recorder/sources/sources.h"
#include "recorder/tracer/tracer.h"

namespace twofold {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;

// New keys that each CPU may put into maps: about 1 % of its time at the most.
constexpr double kInsertsPerSecond = 32768;

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

class Session {
 public:
  Session(const Options& options, Sources& sources)
      : options_(options), sources_(sources), notes_(options.quiet), status_line_(!options.quiet) {}

  Result<int> Run();

 private:
  // The passes of preparing: everything that can fail for reasons of the user's or the host's,
  // before the first byte is written.
  Result<void> ChooseWhatToRecord();
  Result<void> OpenOutput();
  void StartNameReader();
  Result<void> ForkCommand();

  // The passes of beginning.
  Result<void> FollowProcesses();
  Result<void> LoadPrograms();
  Result<void> StartPrograms();
  void DescribeRecording();
  Result<void> BeginCapture();

  // Between the beginning and the end.
  Result<EndReason> RecordIntervals();
  void AnnounceNext();
  Result<std::optional<EndReason>> HandleEvents();
  bool RestrainSelf(uint64_t now_ns);
  void DrainSideband();

  // Of an interval whose end is over.
  Result<void> CloseInterval(uint64_t boundary_ns, bool last);
  Interval BuildInterval(const Reading& reading, uint64_t boundary_ns);
  Result<void> WriteInterval(Interval& interval, const Reading& reading, uint64_t boundary_ns);
  void ShowStatus(const Interval& interval);

  Result<void> Close(EndReason reason);
  void PrintSummary() const;
  int WaitForCommand(EndReason reason);
  Error KeepPart(const Error& error);

  const Options& options_;
  Sources& sources_;
  const Notes notes_;
  StatusLine status_line_;
  EventLoop events_;
  RecordedScope scope_;
  std::unique_ptr<Command> command_;
  std::string path_;
  std::optional<OutputFile> output_;
  std::optional<CaptureWriter> writer_;

  NameReader name_reader_;
  std::unique_ptr<Sideband> sideband_;
  std::vector<SidebandEvent> sideband_events_;
  uint64_t sideband_lost_ = 0;
  uint64_t drained_ns_ = 0;  // CLOCK_MONOTONIC of the last look at the sideband
  std::optional<CgroupPaths> cgroup_paths_;
  std::optional<ProcessTable> processes_;
  std::optional<KernelSymbols> kernel_symbols_;
  TracerSettings tracer_settings_;
  std::unique_ptr<Tracer> tracer_;
  DefinitionsBuilder definitions_;
  std::optional<Symbolizer> symbolizer_;
  std::optional<CaptureBuilder> builder_;

  Recording recording_;
  uint64_t window_start_ns_ = 0;    // CLOCK_MONOTONIC; of a command's window: before
  uint64_t deadline_ns_ = 0;        // CLOCK_MONOTONIC; 0: none
  uint64_t next_ns_ = 0;            // CLOCK_MONOTONIC: when the present interval is to end
  uint64_t announced_ns_ = 0;       // the same, as the programs were told
  uint64_t interval_start_ns_ = 0;  // CLOCK_MONOTONIC
  int64_t interval_start_real_ns_ = 0;
  uint64_t previous_boundary_ns_ = 0;
  uint32_t intervals_ = 0;
  uint64_t losses_ = 0;

  std::optional<Restraint> restraint_;
  std::optional<OwnCost> own_cost_;
  double stopped_at_permyriad_ = 0;  // as in Summary
  CpuTimes cpu_times_;
};

Result<void> Session::ChooseWhatToRecord() {
  sources_.Choose();
  TWOFOLD_RETURN_IF_ERROR(ProbePids(options_.pids));
  const Result<SchedulerTracepoints> tracepoints = ProbeHost(sources_.NeedStates());
  if (!tracepoints) return tracepoints.error();
  tracer_settings_.states = tracepoints->all_there;
  tracer_settings_.switch_passes_state = tracepoints->switch_passes_state;
  tracer_settings_.memory_bytes = options_.memory_mib << 20;
  tracer_settings_.insert_limit =
      uint32_t(std::max(4096.0, kInsertsPerSecond * options_.interval_s));
  Result<RecordedScope> scope = ChooseScope(options_, *tracepoints, notes_, tracer_settings_);
  if (!scope) return std::move(scope).error();
  scope_ = std::move(scope).value();
  return sources_.Probe();
}

Result<void> Session::OpenOutput() {
  path_ = options_.output;
  Result<OutputFile> output = OpenCaptureFile(path_);
  if (!output) return std::move(output).error();
  output_.emplace(std::move(output).value());
  return {};
}

void Session::StartNameReader() {
  const Result<void> started = name_reader_.Start();
  if (started) return;
  notes_.Print("functions of programs and libraries get no names in this recording, because " +
               started.error().what + ". `twofold symbolize` can add them later.");
}

Result<void> Session::ForkCommand() {
  if (options_.command.empty()) return {};
  auto output_of_command = Command::Output::kAsIs;
  if (output_->SharesPlaceWith(STDOUT_FILENO)) {
    output_of_command = Command::Output::kToStandardError;
    notes_.Print(
        "what the command writes to standard output goes to standard error, because the capture "
        "goes to standard output.");
  }
  Result<std::unique_ptr<Command>> command = Command::Fork(options_.command, output_of_command);
  if (!command) return std::move(command).error();
  command_ = std::move(command).value();
  tracer_settings_.scope = TracerSettings::Scope::kCommand;
  tracer_settings_.command = command_->pid();
  return events_.Watch(command_->end_fd(), Wake::kCommand);
}

// The sideband first: what begins between its opening and the scan of /proc, or the walk through
// the cgroups, is seen twice rather than never.
Result<void> Session::FollowProcesses() {
  RaiseFileLimit();  // the command has been forked, and keeps its own
  RunAheadOfOthers();
  Result<std::unique_ptr<Sideband>> sideband = Sideband::Open();
  if (!sideband) return std::move(sideband).error();
  sideband_ = std::move(sideband).value();
  for (const int fd : sideband_->fds()) {
    TWOFOLD_RETURN_IF_ERROR(events_.Watch(fd, Wake::kSideband));
  }
  cgroup_paths_.emplace();
  processes_.emplace(TableScope(scope_, tracer_settings_.command));
  return {};
}

Result<void> Session::LoadPrograms() {
  Result<std::unique_ptr<Tracer>> tracer = Tracer::Load(tracer_settings_, sources_.traced());
  if (!tracer) return std::move(tracer).error();
  tracer_ = std::move(tracer).value();
  TWOFOLD_RETURN_IF_ERROR(events_.Watch(tracer_->accounts_fd(), Wake::kAccounts));
  // After the programs were loaded, so that their own frames have names.
  Result<KernelSymbols> kernel_symbols = KernelSymbols::Load();
  if (!kernel_symbols) return std::move(kernel_symbols).error();
  kernel_symbols_.emplace(std::move(kernel_symbols).value());
  tracer_->SetInterruptEntries(*kernel_symbols_);
  return {};
}

Result<void> Session::StartPrograms() {
  const Result<Tracer::Started> started = tracer_->Start();
  if (!started) return started.error();
  window_start_ns_ = started->window_start_ns;
  for (const Tracer::Failure& failure : started->failures) {
    TWOFOLD_RETURN_IF_ERROR(sources_.GoOnWithout(*failure.source, failure.error));
  }
  processes_->ScanProc();
  return sources_.Begin(name_reader_);
}

void Session::DescribeRecording() {
  recording_.host = ReadHostFacts();
  recording_.settings = Settings{.recorder_version = kVersion,
                                 .sources = {},
                                 .frequency_hz = 0,
                                 .interval_ns = uint64_t(options_.interval_s * double(kSecondNs)),
                                 .memory_bytes = tracer_settings_.memory_bytes,
                                 .max_frames = TWOFOLD_MAX_FRAMES,
                                 .scope = "",
                                 .pids = {},
                                 .command = "",
                                 .user_stack_method = "switch-out",
                                 .wakers = 0,
                                 .quantum_ns = 0,
                                 .max_overhead_permyriad = options_.max_overhead_permyriad};
  DescribeScope(options_, scope_, recording_.settings);
  sources_.Describe(recording_.settings);
  // A command's window begins when its gate opens: nothing in scope ran before.
  const uint64_t now_ns = MonotonicNowNs();
  recording_.start_monotonic_ns = command_ != nullptr ? now_ns : window_start_ns_;
  const uint64_t age_ns = now_ns - recording_.start_monotonic_ns;
  recording_.start_realtime_ns = int64_t(ClockNs(CLOCK_REALTIME)) - int64_t(age_ns);
  recording_.start_boottime_ns = ClockNs(CLOCK_BOOTTIME) - age_ns;
}

Result<void> Session::BeginCapture() {
  interval_start_ns_ = recording_.start_monotonic_ns;
  interval_start_real_ns_ = recording_.start_realtime_ns;
  previous_boundary_ns_ = interval_start_ns_;
  static_cast<void>(cpu_times_.TakeDifferences());
  own_cost_.emplace(*tracer_, name_reader_);
  restraint_.emplace(options_.max_overhead_permyriad, recording_.host.cpus_online,
                     options_.QuantumNs());
  symbolizer_.emplace(definitions_, *kernel_symbols_, name_reader_);
  builder_.emplace(recording_, *tracer_, *processes_, *symbolizer_, *kernel_symbols_,
                   *cgroup_paths_, definitions_);
  writer_.emplace(*output_);
  TWOFOLD_RETURN_IF_ERROR(writer_->Start(recording_));
  if (command_ != nullptr) TWOFOLD_RETURN_IF_ERROR(command_->Execute());
  if (options_.duration_s) {
    deadline_ns_ = interval_start_ns_ + uint64_t(*options_.duration_s * double(kSecondNs));
  }
  next_ns_ = interval_start_ns_ + recording_.settings.interval_ns;
  return {};
}

// Judges what recording cost since the last time. False: it is too much, and has to stop.
bool Session::RestrainSelf(uint64_t now_ns) {
  uint64_t elapsed_ns = 0;
  Restraint::Spent spent = own_cost_->TakeForJudgement(now_ns, elapsed_ns);
  spent = sources_.Restrain(spent, elapsed_ns, recording_.host.cpus_online);
  switch (restraint_->Judge(spent, elapsed_ns)) {
    case Restraint::Verdict::kKeep:
      return true;
    case Restraint::Verdict::kChangeQuantum:
      sources_.SetQuantum(restraint_->quantum_ns());
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
  sideband_events_.clear();
  sideband_->Drain(sideband_events_);
  std::map<Pid, bool> with_new_mappings;  // whether one tells of code made at run time
  for (const SidebandEvent& event : sideband_events_) {
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
    sources_.FollowMappings(pid);
    const ProcessImage* image = processes_->Find(pid, drained_ns_);
    if (image == nullptr) continue;
    symbolizer_->PrepareModules(*image);
    if (tells_of_runtime_code) symbolizer_->PrepareRuntimeNames(*image);
  }
}

// As soon as may be: the interval ends when it is meant to, however late this program is woken.
void Session::AnnounceNext() {
  announced_ns_ =
      tracer_->AnnounceEnd(deadline_ns_ != 0 ? std::min(next_ns_, deadline_ns_) : next_ns_);
}

// nullopt: nothing of it ends the recording.
Result<std::optional<EndReason>> Session::HandleEvents() {
  const Result<std::vector<Wake>> wakes = events_.Wait();
  if (!wakes) return wakes.error();
  for (const Wake wake : *wakes) {
    switch (wake) {
      case Wake::kSignal:
        return std::optional(EndReason::kInterrupted);
      case Wake::kCommand:
        return std::optional(EndReason::kCommandEnded);
      case Wake::kTarget:
        if (events_.HaveTargetsEnded()) return std::optional(EndReason::kTargetsExited);
        break;
      case Wake::kSideband:
        DrainSideband();
        break;
      case Wake::kAccounts:
        tracer_->DrainAccounts();
        break;
      case Wake::kTime:
        break;
    }
  }
  return std::optional<EndReason>();
}

Result<EndReason> Session::RecordIntervals() {
  const uint64_t interval_ns = recording_.settings.interval_ns;
  AnnounceNext();
  // Loading and starting is over: it is not what recording costs.
  own_cost_->BeginStretch(MonotonicNowNs());
  while (true) {
    const uint64_t judge_ns = own_cost_->stretch_start_ns() + kSecondNs;
    uint64_t wake_ns = std::min({announced_ns_ + kSettleNs, judge_ns, drained_ns_ + kDrainPauseNs});
    wake_ns = std::min(wake_ns, tracer_->meter_turn_ns());
    if (deadline_ns_ != 0) wake_ns = std::min(wake_ns, deadline_ns_);
    TWOFOLD_RETURN_IF_ERROR(events_.WakeAt(wake_ns));
    const Result<std::optional<EndReason>> end = HandleEvents();
    if (!end) return end.error();
    if (*end) return **end;
    const uint64_t now_ns = MonotonicNowNs();
    tracer_->TurnMeter(now_ns);
    if (now_ns >= drained_ns_ + kDrainPauseNs) DrainSideband();
    if (deadline_ns_ != 0 && now_ns >= deadline_ns_) return EndReason::kDuration;
    if (now_ns >= announced_ns_ + kSettleNs) {
      TWOFOLD_RETURN_IF_ERROR(CloseInterval(announced_ns_, false));
      // Intervals that passed while the recorder was not running are one long interval.
      next_ns_ += ((MonotonicNowNs() - next_ns_) / interval_ns + 1) * interval_ns;
      AnnounceNext();
    }
    // After the interval's end, so that a new T belongs to the next one.
    if (now_ns >= judge_ns && !RestrainSelf(MonotonicNowNs())) return EndReason::kOverhead;
  }
}

Interval Session::BuildInterval(const Reading& reading, uint64_t boundary_ns) {
  const uint64_t events_lost = sideband_->lost() - std::exchange(sideband_lost_, sideband_->lost());
  // Brings the table up to date with what still runs, before anything is named by it.
  if (events_lost > 0) processes_->ScanProc();
  symbolizer_->FollowModules();
  Interval interval =
      builder_->Begin(reading, {.from_ns = interval_start_ns_, .to_ns = boundary_ns + kSettleNs});
  sources_.BuildRows(*builder_, interval);
  builder_->Finish(reading, tracer_settings_.states, interval);
  if (events_lost > 0) {
    interval.losses.push_back(Loss{.cause = LossCause::kEventsLost, .count = events_lost});
  }
  return interval;
}

Result<void> Session::WriteInterval(Interval& interval, const Reading& reading,
                                    uint64_t boundary_ns) {
  interval.number = intervals_;
  interval.start_ns = interval_start_ns_ - recording_.start_monotonic_ns;
  interval.end_ns = boundary_ns - recording_.start_monotonic_ns;
  interval.start_realtime_ns = interval_start_real_ns_;
  interval.cost = own_cost_->TakeForInterval(reading);
  interval.cpu_times = cpu_times_.TakeDifferences();
  for (const Loss& loss : interval.losses) {
    if (GetLossInfo(loss.cause).severity != LossSeverity::kNotice) losses_ += loss.count;
  }
  TWOFOLD_RETURN_IF_ERROR(writer_->WriteDefinitions(definitions_.TakeNew()));
  return writer_->WriteInterval(interval);
}

void Session::ShowStatus(const Interval& interval) {
  const double interval_ns = double(interval.end_ns - interval.start_ns);
  const double cost_ns =
      double(interval.cost.bpf_ns + interval.cost.user_ns + interval.cost.system_ns);
  status_line_.Draw(Status{.elapsed_s = double(interval.end_ns) / double(kSecondNs),
                           .stacks = builder_->stack_count(),
                           .file_bytes = writer_->bytes_written(),
                           .cost_percent = interval_ns > 0 ? 100 * cost_ns / interval_ns : 0,
                           .losses = losses_});
}

Result<void> Session::CloseInterval(uint64_t boundary_ns, bool last) {
  Result<Reading> reading = tracer_->Read(boundary_ns);
  if (!reading) return std::move(reading).error();
  DrainSideband();
  Interval interval = BuildInterval(*reading, boundary_ns);
  // Processes that ended before the interval began can have no more rows.
  builder_->DefineProcessEnds(last ? UINT64_MAX : previous_boundary_ns_);
  processes_->Forget(previous_boundary_ns_);
  symbolizer_->ReleaseMemory();
  TWOFOLD_RETURN_IF_ERROR(WriteInterval(interval, *reading, boundary_ns));
  ++intervals_;
  previous_boundary_ns_ = interval_start_ns_;
  interval_start_ns_ = boundary_ns;
  interval_start_real_ns_ = int64_t(ClockNs(CLOCK_REALTIME));
  ShowStatus(interval);
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
      .seconds = double(interval_start_ns_ - recording_.start_monotonic_ns) / double(kSecondNs),
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

// The exit status of the command. One that goes on after -d is waited for, unless a signal comes.
int Session::WaitForCommand(EndReason reason) {
  std::optional<int> status = command_->PollStatus();
  if (status || reason != EndReason::kDuration) return status.value_or(0);
  if (!options_.quiet) {
    std::fprintf(stderr, "Waiting for the command (process %u) to end; Ctrl-C leaves it running.\n",
                 command_->pid().value);
  }
  if (!events_.WakeAt(0)) return 0;
  while (!status) {
    const Result<std::vector<Wake>> wakes = events_.Wait();
    if (!wakes) return 0;
    for (const Wake wake : *wakes) {
      if (wake == Wake::kSignal) return 0;
      if (wake == Wake::kSideband) DrainSideband();
      if (wake == Wake::kAccounts) tracer_->DrainAccounts();
    }
    status = command_->PollStatus();
  }
  return *status;
}

Result<int> Session::Run() {
  TWOFOLD_RETURN_IF_ERROR(ChooseWhatToRecord());
  TWOFOLD_RETURN_IF_ERROR(OpenOutput());
  TWOFOLD_RETURN_IF_ERROR(events_.Open());
  StartNameReader();
  TWOFOLD_RETURN_IF_ERROR(ForkCommand());
  TWOFOLD_RETURN_IF_ERROR(
      events_.WatchTargets(scope_.processes, options_.tids.empty() ? "-p" : "-t"));

  TWOFOLD_RETURN_IF_ERROR(FollowProcesses());
  TWOFOLD_RETURN_IF_ERROR(LoadPrograms());
  TWOFOLD_RETURN_IF_ERROR(StartPrograms());
  DescribeRecording();
  TWOFOLD_RETURN_IF_ERROR(BeginCapture());

  const Result<EndReason> reason = RecordIntervals();
  if (!reason) return KeepPart(reason.error());
  const Result<void> closed = Close(*reason);
  status_line_.Clear();
  if (!closed) return KeepPart(closed.error());
  PrintSummary();
  return command_ == nullptr ? 0 : WaitForCommand(*reason);
}

}  // namespace

Result<int> RunSession(const Options& options, Sources& sources) {
  return Session(options, sources).Run();
}

}  // namespace twofold
