#include "recorder/tracer/tracer.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "recorder/base/clocks.h"
#include "recorder/tracer/bpf_iterator.h"
#include "recorder/tracer/interrupt_places.h"
#include "recorder/tracer/programs.h"

namespace twofold {

using Scope = TracerSettings::Scope;

static_assert(uint32_t(Scope::kProcesses) == TWOFOLD_SCOPE_PROCESSES);
static_assert(uint32_t(Scope::kThreads) == TWOFOLD_SCOPE_THREADS);
static_assert(uint32_t(Scope::kCgroup) == TWOFOLD_SCOPE_CGROUP);
static_assert(uint32_t(Scope::kCommand) == TWOFOLD_SCOPE_COMMAND);
static_assert(kWaitBuckets == TWOFOLD_WAIT_BUCKETS);

void Tracer::DestroySkeleton::operator()(twofold_bpf* skeleton) const {
  twofold_bpf__destroy(skeleton);
}

template <typename Action>
void Tracer::ForEachRecorded(Action action) const {
  for (TracedSource* source : sources_) {
    if (source->is_recorded()) action(*source);
  }
}

bool Tracer::AnyRecorded(bool (TracedSource::*says)() const) const {
  return std::any_of(sources_.begin(), sources_.end(), [&](const TracedSource* source) {
    return source->is_recorded() && (source->*says)();
  });
}

Tracer::~Tracer() { Stop(); }

Result<std::unique_ptr<Tracer>> Tracer::Load(const TracerSettings& settings,
                                             const std::vector<TracedSource*>& sources) {
  KeepLibbpfWords();
  std::unique_ptr<Tracer> tracer(new Tracer(settings, sources));
  tracer->skeleton_.reset(twofold_bpf__open());
  if (tracer->skeleton_ == nullptr) return TracerError("cannot open the BPF programs", errno);
  TWOFOLD_RETURN_IF_ERROR(tracer->SizeMaps());
  tracer->ChoosePrograms();
  tracer->SetConstants();
  for (TracedSource* source : sources) source->Prepare(*tracer->skeleton_, tracer->sizes_);
  const int failed = twofold_bpf__load(tracer->skeleton_.get());
  if (failed != 0) return TracerError("the kernel refused the BPF programs", -failed);
  TWOFOLD_RETURN_IF_ERROR(tracer->SetTargets());
  TWOFOLD_RETURN_IF_ERROR(
      tracer->thread_table_.Open(*tracer->skeleton_, tracer->sizes_.thread_slots));
  TWOFOLD_RETURN_IF_ERROR(tracer->OpenBuffers());
  for (TracedSource* source : sources) {
    if (source->is_recorded()) TWOFOLD_RETURN_IF_ERROR(source->Open(*tracer));
  }
  tracer->MeasureMaps();
  return tracer;
}

Result<void> Tracer::SizeMaps() {
  std::vector<MapNeed> needs;
  ForEachRecorded([&](const TracedSource& source) {
    const std::vector<MapNeed> more = source.Maps();
    needs.insert(needs.end(), more.begin(), more.end());
  });
  sizes_ = PlanMaps(settings_.memory_bytes, needs, AnyRecorded(&TracedSource::HasEvents));
  const auto& maps = skeleton_->maps;
  bpf_map__set_max_entries(maps.threads, sizes_.thread_slots);
  bpf_map__set_map_flags(maps.threads, BPF_F_MMAPABLE);
  bpf_map__set_max_entries(maps.ended_accounts, sizes_.ended_account_bytes);
  bpf_map__set_max_entries(maps.events, sizes_.event_bytes);
  moves_.emplace(*skeleton_, [this](twofold_map_set set, int fd) {
    ForEachRecorded([&](TracedSource& source) { source.OnRetired(set, fd); });
  });
  for (const MapNeed& need : needs) {
    if (!need.set) continue;  // its source sets its size
    TWOFOLD_RETURN_IF_ERROR(moves_->Add(*need.set, need.name, sizes_.EntriesOf(need.name)));
  }
  return {};
}

std::vector<const bpf_program*> Tracer::OwnPrograms() const {
  const auto& programs = skeleton_->progs;
  std::vector<const bpf_program*> own = {programs.process_fork, programs.process_exec};
  if (settings_.states) own.push_back(programs.process_exit);
  own.push_back(programs.thread_rename);
  if (settings_.cgroup_attach) own.push_back(programs.cgroup_attach);
  own.push_back(programs.visit_task);
  if (settings_.states) {
    own.push_back(programs.waking);
    own.push_back(settings_.switch_passes_state ? programs.context_switch
                                                : programs.context_switch_before_5_18);
  }
  return own;
}

void Tracer::ChoosePrograms() {
  const std::vector<const bpf_program*> own = OwnPrograms();
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton_->obj) {
    bpf_program__set_autoload(program, std::find(own.begin(), own.end(), program) != own.end());
  }
  ForEachRecorded([&](const TracedSource& source) {
    for (bpf_program* of_source : source.Programs(*skeleton_)) {
      bpf_program__set_autoload(of_source, true);
    }
  });
}

void Tracer::SetConstants() {
  auto& constants = *skeleton_->rodata;
  constants.scope = uint32_t(settings_.scope);
  constants.scope_all = settings_.IsWholeHost();
  constants.command_tgid = settings_.command.value;
  constants.cgroup_id = settings_.cgroup_id;
  constants.comm_filter = settings_.comm.has_value();
  if (settings_.comm) {
    std::copy(settings_.comm->accepts.begin(), settings_.comm->accepts.end(),
              constants.comm_accepts);
    constants.comm_stars = settings_.comm->stars;
    constants.comm_elements = settings_.comm->elements;
  }
  constants.thread_slots = sizes_.thread_slots;
  constants.ended_wakeup_bytes = sizes_.ended_account_bytes / 16;
  constants.event_wakeup_bytes = sizes_.event_bytes / 4;
  constants.insert_limit = settings_.insert_limit;
  if (AnyRecorded(&TracedSource::AsksForInterrupts)) SetInterruptPlaces(*skeleton_);
}

void Tracer::SetInterruptEntries(const KernelSymbols& kernel_symbols) {
  twofold::SetInterruptEntries(*skeleton_, kernel_symbols);
}

// What -p and -t name.
Result<void> Tracer::SetTargets() {
  std::vector<uint32_t> ids;
  for (const Pid pid : settings_.pids) ids.push_back(pid.value);
  for (const Tid tid : settings_.tids) ids.push_back(tid.value);
  for (const uint32_t id : ids) {
    const uint8_t one = 1;
    if (bpf_map__update_elem(skeleton_->maps.targets, &id, sizeof(id), &one, sizeof(one),
                             BPF_ANY) != 0) {
      return TracerError("cannot tell the BPF programs what to record (" + std::to_string(id) + ")",
                         errno);
    }
  }
  return {};
}

void Tracer::AddAccount(const void* data, size_t bytes) {
  if (bytes < TWOFOLD_SHORT_ACCOUNT_BYTES) return;
  twofold_account account = {};
  std::memcpy(&account, data, std::min(bytes, sizeof(account)));
  accounts_.Add(account);
  if (account.is_end != 0) {
    process_ends_.push_back({.thread = account.thread, .wait_status = account.wait_status});
  }
}

Result<void> Tracer::OpenBuffers() {
  const auto add_account = [](void* context, void* data, size_t bytes) {
    static_cast<Tracer*>(context)->AddAccount(data, bytes);
    return 0;
  };
  buffers_.reset(
      ring_buffer__new(bpf_map__fd(skeleton_->maps.ended_accounts), add_account, this, nullptr));
  if (buffers_ == nullptr) return TracerError("cannot map the ended accounts", errno);
  if (!AnyRecorded(&TracedSource::HasEvents)) return {};
  const auto add_event = [](void* context, void* event, size_t bytes) {
    static_cast<Tracer*>(context)->ForEachRecorded(
        [&](TracedSource& source) { source.AddEvent(event, bytes); });
    return 0;
  };
  const int failed =
      ring_buffer__add(buffers_.get(), bpf_map__fd(skeleton_->maps.events), add_event, this);
  if (failed != 0) return TracerError("cannot map the buffer of events", -failed);
  return {};
}

void Tracer::MeasureMaps() {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton_->obj) {
    std::ifstream lines("/proc/self/fdinfo/" + std::to_string(bpf_map__fd(map)));
    std::string word;
    uint64_t bytes = 0;
    while (lines >> word) {
      if (word == "memlock:" && lines >> bytes) map_bytes_ += bytes;
    }
  }
}

Result<void> Tracer::AttachOwn() {
  for (const bpf_program* program : OwnPrograms()) {
    Result<BpfLink> link = AttachProgram(program);
    if (!link) return std::move(link).error();
    if (program == skeleton_->progs.visit_task) {
      pass_link_ = std::move(link).value();
    } else {
      links_.push_back(std::move(link).value());
    }
  }
  return {};
}

Result<void> Tracer::SeedThreads(uint64_t window_start_ns) {
  if (settings_.scope == Scope::kCommand) return {};
  TWOFOLD_RETURN_IF_ERROR(PassOverTasks(TWOFOLD_PASS_SEED, window_start_ns));
  // Threads may come into a cgroup, or to a name, later.
  if (skeleton_->bss->seeded_tasks != 0 || settings_.comm || settings_.scope == Scope::kCgroup) {
    return {};
  }
  return Error{
      .what =
          "the kernel shows none of the threads to record to BPF programs, so there "
          "would be nothing in the capture",
      .where = !settings_.pids.empty()   ? "-p " + std::to_string(settings_.pids.front().value)
               : !settings_.tids.empty() ? "-t " + std::to_string(settings_.tids.front().value)
                                         : "",
      .remedy =
          "Check that it still runs; some hosts protect processes of their own from "
          "tracing"};
}

// From the last to the first, which are the samplers.
void Tracer::AttachSources(Started& started) {
  for (auto source = sources_.rbegin(); source != sources_.rend(); ++source) {
    if (!(*source)->is_recorded()) continue;
    const Result<void> attached = (*source)->Attach();
    if (attached) continue;
    (*source)->Detach();
    (*source)->LeaveOut();
    started.failures.push_back({.source = *source, .error = attached.error()});
  }
}

Result<Tracer::Started> Tracer::Start() {
  KeepLibbpfWords();
  TWOFOLD_RETURN_IF_ERROR(AttachOwn());
  for (TracedSource* source : sources_) {
    if (source->is_recorded()) TWOFOLD_RETURN_IF_ERROR(source->AttachBeforeWindow());
  }
  Started started{.window_start_ns = MonotonicNowNs(), .failures = {}};
  skeleton_->bss->window_start_ns = started.window_start_ns;
  TWOFOLD_RETURN_IF_ERROR(SeedThreads(started.window_start_ns));
  AttachSources(started);
  const auto& programs = skeleton_->progs;
  run_time_.emplace(AllPrograms(*skeleton_),
                    std::vector<const bpf_program*>{programs.waking, programs.context_switch,
                                                    programs.context_switch_before_5_18});
  TWOFOLD_RETURN_IF_ERROR(run_time_->Start(MonotonicNowNs()));
  return started;
}

void Tracer::Stop() {
  stopped_ = true;
  for (TracedSource* source : sources_) source->Detach();
  // The pass over all tasks stays: the last reading needs it.
  while (!links_.empty()) links_.pop_back();
}

void Tracer::DrainAccounts() {
  // Negative only when the callback says so, and it never does.
  ring_buffer__consume(buffers_.get());
}

Result<void> Tracer::PassOverTasks(twofold_pass pass, uint64_t boundary_ns) {
  skeleton_->bss->pass = pass;
  skeleton_->bss->pass_boundary_ns = boundary_ns;
  // The pass that clips writes one account for each thread in scope.
  return PassOver<twofold_account>("tasks", pass_link_.get(),
                                   [&](const twofold_account& account) { accounts_.Add(account); });
}

uint64_t Tracer::AnnounceEnd(uint64_t at_ns) {
  // A moment ahead, so that every event from then on knows of it.
  constexpr uint64_t kAheadNs = 20'000;
  const uint64_t next_sum = (readings_ + 1) % TWOFOLD_SUMS;
  uint64_t boundary_ns = 0;
  if (announced_ns_ == 0) skeleton_->bss->interval_start_ns = last_boundary_ns_;
  do {
    boundary_ns = (std::max(at_ns, MonotonicNowNs() + kAheadNs) & ~uint64_t{1}) | next_sum;
    const bool is_too_late = announced_ns_ != 0 && boundary_ns >= announced_ns_;
    if (is_too_late) boundary_ns = announced_ns_;
    __atomic_store_n(&skeleton_->bss->boundary_ns, boundary_ns, __ATOMIC_SEQ_CST);
    if (is_too_late) break;
    // Once more only if this thread lost its CPU in between.
  } while (MonotonicNowNs() >= boundary_ns);
  announced_ns_ = boundary_ns;
  accounts_.EndIntervalAt(boundary_ns);
  return boundary_ns;
}

uint64_t Tracer::EndLast() {
  const uint64_t boundary_ns = AnnounceEnd(0);
  while (MonotonicNowNs() <= boundary_ns) {
  }
  __atomic_store_n(&skeleton_->bss->is_over, 1, __ATOMIC_RELEASE);
  ForEachRecorded([](TracedSource& source) { source.EndLast(); });
  return boundary_ns;
}

Result<void> Tracer::LastPass(uint64_t boundary_ns) {
  if (!settings_.states) return {};
  return PassOverTasks(TWOFOLD_PASS_LAST, boundary_ns);
}

// The rows of all sources, then what only makes sense once they were read.
Result<void> Tracer::ReadSources(const IntervalEnd& end, Reading& reading) {
  for (TracedSource* source : sources_) {
    if (source->is_recorded()) TWOFOLD_RETURN_IF_ERROR(source->Read(end));
  }
  if (!stopped_) TWOFOLD_RETURN_IF_ERROR(moves_->Advance(end.boundary_ns));
  ++skeleton_->bss->insert_period;
  // After the pass over all tasks: a thread that ended up to the boundary, and that the pass did
  // not see any more, has its last account in the buffer.
  DrainAccounts();
  for (TracedSource* source : sources_) {
    if (!source->is_recorded()) continue;
    TWOFOLD_RETURN_IF_ERROR(source->FinishReading(end, reading.losses));
  }
  return {};
}

Result<void> Tracer::ReadCost(Reading& reading) {
  const std::optional<ProgramRuns> runs = ReadProgramRuns(AllPrograms(*skeleton_));
  if (!runs) return TracerError("cannot read the run time of the BPF programs", errno);
  const RunTimeMeter::Total now = run_time_->Read(MonotonicNowNs());
  reading.bpf_ns = uint64_t(now.all_ns) - uint64_t(run_time_before_.all_ns);
  reading.bpf_runs = uint64_t(now.runs) - uint64_t(run_time_before_.runs);
  reading.bpf_measured_ns = now.measured_ns - run_time_before_.measured_ns;
  run_time_before_ = now;
  if (runs->missed != runs_before_.missed) {
    reading.losses.push_back(Loss{.cause = LossCause::kProgramMissed,
                                  .source = LossSource::kRecorder,
                                  .count = runs->missed - runs_before_.missed,
                                  .time_ns = 0});
  }
  runs_before_ = *runs;
  return {};
}

Result<Reading> Tracer::Read(uint64_t boundary_ns) {
  static_assert(TWOFOLD_SUMS == 2);
  const IntervalEnd end{
      .boundary_ns = boundary_ns, .sum = 1 - (boundary_ns & 1), .is_last = stopped_};
  Reading reading;
  DrainAccounts();
  if (settings_.states && !stopped_) {
    TWOFOLD_RETURN_IF_ERROR(PassOverTasks(TWOFOLD_PASS_CLIP, boundary_ns));
  }
  TWOFOLD_RETURN_IF_ERROR(ReadSources(end, reading));
  reading.accounts = accounts_.TakeDifferences();
  reading.process_ends = std::exchange(process_ends_, {});
  // After the rows: a thread that a row names is in the table by now.
  reading.threads = thread_table_.TakeNew();
  Result<uint64_t> inserts = counters_.TakeInserts(*skeleton_);
  if (!inserts) return std::move(inserts).error();
  reading.map_inserts = *inserts;
  TWOFOLD_RETURN_IF_ERROR(counters_.TakeLosses(*skeleton_, reading.losses));
  TWOFOLD_RETURN_IF_ERROR(ReadCost(reading));
  ++readings_;
  last_boundary_ns_ = boundary_ns;
  announced_ns_ = 0;
  return reading;
}

std::optional<twofold_stack> Tracer::FindStack(twofold_map_set stacks, uint64_t hash) const {
  twofold_stack stack;
  if (!map(stacks).Find(&hash, &stack)) return std::nullopt;
  const uint32_t cut = stack.nframes & TWOFOLD_FRAMES_CUT;
  stack.nframes = std::min<uint32_t>(stack.nframes - cut, TWOFOLD_MAX_FRAMES) | cut;
  return stack;
}

RunTimeMeter::Total Tracer::TotalRunTime() { return run_time_->Read(MonotonicNowNs()); }

}  // namespace twofold
