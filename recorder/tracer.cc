#include "recorder/tracer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>

#include "bpf/twofold.skel.h"
#include "recorder/account_book.h"
#include "recorder/cumulative_map.h"
#include "recorder/unique_fd.h"

namespace twofold {
namespace {

static_assert(uint16_t(LossCause::kStackMapFull) == TWOFOLD_LOSS_STACK_MAP_FULL);
static_assert(uint16_t(LossCause::kRowMapFull) == TWOFOLD_LOSS_ROW_MAP_FULL);
static_assert(uint16_t(LossCause::kThreadTableFull) == TWOFOLD_LOSS_THREAD_TABLE_FULL);
static_assert(uint16_t(LossCause::kKernelStackFailed) == TWOFOLD_LOSS_KERNEL_STACK_FAILED);
static_assert(uint16_t(LossCause::kUserStackFailed) == TWOFOLD_LOSS_USER_STACK_FAILED);
static_assert(uint16_t(LossCause::kMapBusy) == TWOFOLD_LOSS_MAP_BUSY);
static_assert(uint16_t(LossCause::kTaskStorageFailed) == TWOFOLD_LOSS_TASK_STORAGE_FAILED);
static_assert(uint16_t(LossCause::kUserStackNotTaken) == TWOFOLD_LOSS_USER_STACK_NOT_TAKEN);
static_assert(uint16_t(LossCause::kWakeupMissed) == TWOFOLD_LOSS_WAKEUP_MISSED);
static_assert(uint16_t(LossCause::kAccountLost) == TWOFOLD_LOSS_ACCOUNT_LOST);
static_assert(uint8_t(LossSource::kCpu) == TWOFOLD_SOURCE_CPU);
static_assert(uint8_t(LossSource::kOffCpu) == TWOFOLD_SOURCE_OFFCPU);
static_assert(uint8_t(BlockState::kInterruptible) == 1 && uint8_t(BlockState::kOther) == 7);

// What one entry of a preallocated hash map takes: its element (48 bytes of bookkeeping, key,
// value) and, at worst, two bucket heads of 16 bytes (kernel/bpf/hashtab.c: struct htab_elem,
// struct bucket, the power of two above max_entries).
constexpr uint64_t HashEntryBytes(uint64_t key_bytes, uint64_t value_bytes) {
  return 48 + key_bytes + value_bytes + 2 * 16;
}

// The last lines that libbpf said, to go with an error.
std::string& LibbpfWords() {
  static std::string words;
  return words;
}

int KeepLibbpfWords(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char line[512];
  const int length = std::vsnprintf(line, sizeof(line), format, arguments);
  std::string& words = LibbpfWords();
  if (length > 0 && words.size() < 2000) words += line;
  return length;
}

// The first line of libbpf's words, without its newline; the whole log is too long for a sentence.
std::string FirstLibbpfWords() {
  const std::string& words = LibbpfWords();
  return words.substr(0, words.find('\n'));
}

Error LoadError(const std::string& what, int error) {
  std::string reason = ErrnoText(error);
  if (!LibbpfWords().empty()) reason += " (" + FirstLibbpfWords() + ")";
  return Error{.what = what + ": " + reason,
               .where = "",
               .remedy = error == EPERM || error == EACCES
                             ? "Run as root; a "
                               "kernel in lockdown mode or a container may refuse all the same"
                             : "Report it with the output of `uname -r`"};
}

}  // namespace

uint64_t MonotonicNowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
}

MapSizes PlanMaps(uint64_t memory_bytes, bool cpu, bool offcpu) {
  const uint64_t stack_bytes = HashEntryBytes(sizeof(uint64_t), sizeof(twofold_stack));
  const uint64_t blocked_row_bytes =
      HashEntryBytes(sizeof(twofold_blocked_key), sizeof(twofold_blocked_value));
  const uint64_t cpu_row_bytes = HashEntryBytes(sizeof(twofold_cpu_key), sizeof(uint64_t));
  // Sixteenths: 1 for the thread table, ended accounts and the threads' storage, the rest shared by
  // the sources. Blocked time has more different stacks than samples at a few hundred hertz can
  // show.
  const uint64_t part = memory_bytes / 16;
  const uint64_t for_blocked = offcpu ? (cpu ? 10 : 15) * part : 0;
  const uint64_t for_cpu = cpu ? (offcpu ? 5 : 15) * part : 0;
  MapSizes sizes;
  sizes.thread_slots = uint32_t(std::bit_floor(part / 2 / sizeof(twofold_thread)));
  sizes.ended_account_bytes = uint32_t(std::min<uint64_t>(1 << 20, std::bit_floor(part / 4)));
  sizes.blocked_stacks = uint32_t(std::max<uint64_t>(1, for_blocked * 3 / 4 / stack_bytes));
  sizes.blocked_rows = uint32_t(std::max<uint64_t>(1, for_blocked / 4 / blocked_row_bytes));
  sizes.cpu_stacks = uint32_t(std::max<uint64_t>(1, for_cpu * 3 / 4 / stack_bytes));
  sizes.cpu_rows = uint32_t(std::max<uint64_t>(1, for_cpu / 4 / cpu_row_bytes));
  return sizes;
}

struct Tracer::State {
  ~State() {
    if (thread_table != nullptr) munmap(thread_table, thread_table_bytes);
    if (ended_accounts != nullptr) ring_buffer__free(ended_accounts);
    if (skeleton != nullptr) twofold_bpf__destroy(skeleton);
  }

  Result<void> AttachSampler();
  Result<void> PassOverTasks(twofold_pass pass, uint64_t boundary_ns);
  void ReadThreads(Reading& reading);
  Result<void> ReadLosses(Reading& reading);
  Result<void> ReadCost(Reading& reading);

  TracerSettings settings;
  MapSizes sizes;
  twofold_bpf* skeleton = nullptr;
  UniqueFd statistics;  // while open the kernel counts the programs' run time
  std::vector<bpf_link*> sampler_links;
  std::vector<UniqueFd> sampler_events;
  twofold_thread* thread_table = nullptr;  // shared with the programs
  size_t thread_table_bytes = 0;
  std::optional<CumulativeMap<twofold_blocked_key, twofold_blocked_value>> blocked_rows;
  std::optional<CumulativeMap<twofold_cpu_key, uint64_t>> cpu_rows;
  std::map<uint32_t, twofold_loss> losses_before;  // by index of the loss map
  uint64_t bpf_ns_before = 0;
  uint64_t bpf_runs_before = 0;
  uint64_t missed_before = 0;
  bool stopped = false;
  ring_buffer* ended_accounts = nullptr;
  AccountBook accounts;
  uint64_t map_bytes = 0;
};

Tracer::Tracer() : state_(std::make_unique<State>()) {}
Tracer::~Tracer() { Stop(); }

Result<std::unique_ptr<Tracer>> Tracer::Load(const TracerSettings& settings) {
  libbpf_set_print(KeepLibbpfWords);
  LibbpfWords().clear();
  std::unique_ptr<Tracer> tracer(new Tracer());
  State& state = *tracer->state_;
  state.settings = settings;
  state.sizes = PlanMaps(settings.memory_bytes, settings.cpu, settings.offcpu);
  state.skeleton = twofold_bpf__open();
  if (state.skeleton == nullptr) return LoadError("cannot open the BPF programs", errno);
  twofold_bpf& skeleton = *state.skeleton;

  skeleton.rodata->thread_slots = state.sizes.thread_slots;
  skeleton.rodata->scope_all = settings.scope == TracerSettings::Scope::kSystem;
  skeleton.rodata->follow_children = settings.scope != TracerSettings::Scope::kProcesses;
  skeleton.rodata->command_tgid = settings.command.value;
  skeleton.rodata->record_offcpu = settings.offcpu;
  skeleton.rodata->ended_wakeup_bytes = state.sizes.ended_account_bytes / 4;
  skeleton.rodata->sample_period_ns = tracer->sample_period_ns();

  bpf_map__set_max_entries(skeleton.maps.threads, state.sizes.thread_slots);
  bpf_map__set_map_flags(skeleton.maps.threads, BPF_F_MMAPABLE);
  bpf_map__set_max_entries(skeleton.maps.ended_accounts, state.sizes.ended_account_bytes);
  bpf_map__set_max_entries(skeleton.maps.blocked_stacks, state.sizes.blocked_stacks);
  bpf_map__set_max_entries(skeleton.maps.blocked_rows, state.sizes.blocked_rows);
  bpf_map__set_max_entries(skeleton.maps.cpu_stacks, state.sizes.cpu_stacks);
  bpf_map__set_max_entries(skeleton.maps.cpu_rows, state.sizes.cpu_rows);

  const bool scheduler = settings.offcpu || settings.states;
  const bool state_is_argument = settings.switch_passes_state;
  bpf_program__set_autoload(skeleton.progs.context_switch, scheduler && state_is_argument);
  bpf_program__set_autoload(skeleton.progs.context_switch_before_5_18,
                            scheduler && !state_is_argument);
  bpf_program__set_autoload(skeleton.progs.waking, scheduler);
  bpf_program__set_autoload(skeleton.progs.process_exit, scheduler);
  bpf_program__set_autoload(skeleton.progs.sample, settings.cpu);

  const int failed = twofold_bpf__load(&skeleton);
  if (failed != 0) return LoadError("the kernel refused the BPF programs", -failed);

  for (const Pid pid : settings.pids) {
    const uint8_t one = 1;
    if (bpf_map__update_elem(skeleton.maps.targets, &pid.value, sizeof(pid.value), &one,
                             sizeof(one), BPF_ANY) != 0) {
      return LoadError("cannot tell the BPF programs about process " + std::to_string(pid.value),
                       errno);
    }
  }
  const size_t page_bytes = size_t(sysconf(_SC_PAGESIZE));
  state.thread_table_bytes = (state.sizes.thread_slots * sizeof(twofold_thread) + page_bytes - 1) /
                             page_bytes * page_bytes;
  void* table = mmap(nullptr, state.thread_table_bytes, PROT_READ, MAP_SHARED,
                     bpf_map__fd(skeleton.maps.threads), 0);
  if (table == MAP_FAILED) return LoadError("cannot map the thread table", errno);
  state.thread_table = static_cast<twofold_thread*>(table);
  const auto add_account = [](void* book, void* data, size_t bytes) {
    if (bytes >= sizeof(twofold_account)) {
      static_cast<AccountBook*>(book)->Add(*static_cast<const twofold_account*>(data));
    }
    return 0;
  };
  state.ended_accounts = ring_buffer__new(bpf_map__fd(skeleton.maps.ended_accounts), add_account,
                                          &state.accounts, nullptr);
  if (state.ended_accounts == nullptr) return LoadError("cannot map the ended accounts", errno);
  state.blocked_rows.emplace(bpf_map__fd(skeleton.maps.blocked_rows));
  state.cpu_rows.emplace(bpf_map__fd(skeleton.maps.cpu_rows));

  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton.obj) {
    std::ifstream lines("/proc/self/fdinfo/" + std::to_string(bpf_map__fd(map)));
    std::string word;
    uint64_t bytes = 0;
    while (lines >> word) {
      if (word == "memlock:" && lines >> bytes) state.map_bytes += bytes;
    }
  }
  return tracer;
}

Result<void> Tracer::State::AttachSampler() {
  perf_event_attr attributes = {};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_CPU_CLOCK;
  attributes.sample_period = 1'000'000'000 / settings.frequency_hz;
  const long cpus = sysconf(_SC_NPROCESSORS_CONF);
  for (int cpu = 0; cpu < cpus; ++cpu) {
    UniqueFd event(
        int(syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
    if (!event) {
      if (errno == ENODEV || errno == ENXIO) continue;  // an offline CPU
      return LoadError("cannot open the sampling event on CPU " + std::to_string(cpu), errno);
    }
    bpf_link* link = bpf_program__attach_perf_event(skeleton->progs.sample, event.get());
    if (link == nullptr) return LoadError("cannot attach the sampler", errno);
    event.Release();  // the link owns it now
    sampler_links.push_back(link);
  }
  return {};
}

Result<uint64_t> Tracer::Start() {
  State& state = *state_;
  twofold_bpf& skeleton = *state.skeleton;
  LibbpfWords().clear();
  state.statistics.Reset(bpf_enable_stats(BPF_STATS_RUN_TIME));
  if (!state.statistics) return LoadError("cannot switch BPF run-time statistics on", errno);

  struct Attachment {
    bpf_program* program;
    bpf_link** link;
  };
  const Attachment attachments[] = {
      {skeleton.progs.process_fork, &skeleton.links.process_fork},
      {skeleton.progs.process_exec, &skeleton.links.process_exec},
      {skeleton.progs.process_exit, &skeleton.links.process_exit},
      {skeleton.progs.thread_rename, &skeleton.links.thread_rename},
      {skeleton.progs.visit_task, &skeleton.links.visit_task},
      {skeleton.progs.waking, &skeleton.links.waking},
      {skeleton.progs.context_switch, &skeleton.links.context_switch},
      {skeleton.progs.context_switch_before_5_18, &skeleton.links.context_switch_before_5_18},
  };
  for (const Attachment& attachment : attachments) {
    if (!bpf_program__autoload(attachment.program)) continue;
    *attachment.link = bpf_program__attach(attachment.program);
    if (*attachment.link == nullptr) {
      return LoadError(
          std::string("cannot attach BPF program ") + bpf_program__name(attachment.program), errno);
    }
  }
  const uint64_t start_ns = MonotonicNowNs();
  skeleton.bss->window_start_ns = start_ns;
  if (state.settings.scope != TracerSettings::Scope::kCommand) {
    TWOFOLD_RETURN_IF_ERROR(state.PassOverTasks(TWOFOLD_PASS_SEED, start_ns));
    if (skeleton.bss->seeded_tasks == 0) {
      return Error{.what =
                       "the kernel shows none of the threads to record to BPF programs, so there "
                       "would be nothing in the capture",
                   .where = state.settings.pids.empty()
                                ? ""
                                : "-p " + std::to_string(state.settings.pids.front().value),
                   .remedy =
                       "Check that the process still runs; some hosts protect processes of "
                       "their own from tracing"};
    }
  }
  if (state.settings.cpu) TWOFOLD_RETURN_IF_ERROR(state.AttachSampler());
  return start_ns;
}

void Tracer::Stop() {
  State& state = *state_;
  state.stopped = true;
  for (bpf_link* link : state.sampler_links) bpf_link__destroy(link);
  state.sampler_links.clear();
  if (state.skeleton == nullptr) return;
  // The pass over all tasks stays: the last reading needs it.
  for (bpf_link** link :
       {&state.skeleton->links.context_switch, &state.skeleton->links.context_switch_before_5_18,
        &state.skeleton->links.waking, &state.skeleton->links.thread_rename,
        &state.skeleton->links.process_exec, &state.skeleton->links.process_exit,
        &state.skeleton->links.process_fork}) {
    bpf_link__destroy(*link);
    *link = nullptr;
  }
}

Result<void> Tracer::State::PassOverTasks(twofold_pass pass, uint64_t boundary_ns) {
  skeleton->bss->pass = pass;
  skeleton->bss->pass_boundary_ns = boundary_ns;
  UniqueFd iterator(bpf_iter_create(bpf_link__fd(skeleton->links.visit_task)));
  if (!iterator) return LoadError("cannot start a pass over all tasks", errno);
  // The pass that clips writes one account for each thread in scope; a read gives whole ones.
  std::vector<twofold_account> accounts(256);
  while (true) {
    const ssize_t got =
        read(iterator.get(), accounts.data(), accounts.size() * sizeof(twofold_account));
    if (got == 0) return {};
    if (got < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return LoadError("a pass over all tasks failed", errno);
    }
    for (size_t i = 0; i < size_t(got) / sizeof(twofold_account); ++i) {
      this->accounts.Add(accounts[i]);
    }
  }
}

void Tracer::State::ReadThreads(Reading& reading) {
  const uint32_t made = __atomic_load_n(&skeleton->bss->threads_made, __ATOMIC_ACQUIRE);
  uint32_t consumed = skeleton->bss->threads_consumed;
  while (consumed != made) {
    const uint32_t number = consumed + 1;
    const twofold_thread& slot = thread_table[number & (sizes.thread_slots - 1)];
    // Its number is written last: until then the program on another CPU is still at it.
    if (__atomic_load_n(&slot.thread, __ATOMIC_ACQUIRE) != number) break;
    reading.threads.push_back(slot);
    consumed = number;
  }
  __atomic_store_n(&skeleton->bss->threads_consumed, consumed, __ATOMIC_RELEASE);
}

Result<void> Tracer::State::ReadLosses(Reading& reading) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return LoadError("cannot count the CPUs", -cpus);
  std::vector<twofold_loss> per_cpu(static_cast<size_t>(cpus));
  for (uint32_t index = 0; index < TWOFOLD_LOSS_SOURCES * TWOFOLD_LOSS_CAUSES; ++index) {
    if (bpf_map__lookup_elem(skeleton->maps.losses, &index, sizeof(index), per_cpu.data(),
                             per_cpu.size() * sizeof(twofold_loss), 0) != 0) {
      return LoadError("cannot read the loss counters", errno);
    }
    twofold_loss now = {};
    for (const twofold_loss& loss : per_cpu) {
      now.count += loss.count;
      now.time_ns += loss.time_ns;
    }
    twofold_loss& before = losses_before[index];
    if (now.count != before.count || now.time_ns != before.time_ns) {
      reading.losses.push_back(Loss{.cause = LossCause(index % TWOFOLD_LOSS_CAUSES),
                                    .source = LossSource(index / TWOFOLD_LOSS_CAUSES),
                                    .count = now.count - before.count,
                                    .time_ns = now.time_ns - before.time_ns});
      before = now;
    }
  }
  return {};
}

Result<void> Tracer::State::ReadCost(Reading& reading) {
  uint64_t bpf_ns = 0;
  uint64_t bpf_runs = 0;
  uint64_t missed = 0;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    const int fd = bpf_program__fd(program);
    if (fd < 0) continue;
    bpf_prog_info info = {};
    uint32_t info_bytes = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd, &info, &info_bytes) != 0) {
      return LoadError("cannot read the run time of the BPF programs", errno);
    }
    bpf_ns += info.run_time_ns;
    bpf_runs += info.run_cnt;
    missed += info.recursion_misses;
  }
  reading.bpf_ns = bpf_ns - bpf_ns_before;
  reading.bpf_runs = bpf_runs - bpf_runs_before;
  if (missed != missed_before) {
    reading.losses.push_back(Loss{.cause = LossCause::kProgramMissed,
                                  .source = LossSource::kRecorder,
                                  .count = missed - missed_before,
                                  .time_ns = 0});
  }
  bpf_ns_before = bpf_ns;
  bpf_runs_before = bpf_runs;
  missed_before = missed;
  return {};
}

Result<Reading> Tracer::Read(uint64_t boundary_ns) {
  State& state = *state_;
  Reading reading;
  if (state.settings.offcpu || state.settings.states) {
    TWOFOLD_RETURN_IF_ERROR(
        state.PassOverTasks(state.stopped ? TWOFOLD_PASS_LAST : TWOFOLD_PASS_CLIP, boundary_ns));
  }
  if (state.settings.offcpu) {
    TWOFOLD_RETURN_IF_ERROR(state.blocked_rows->ReadDifferences(
        [&](const twofold_blocked_key& key, const twofold_blocked_value& now,
            const twofold_blocked_value& before) {
          reading.blocked.push_back(BlockedDifference{.key = key,
                                                      .time_ns = now.time_ns - before.time_ns,
                                                      .count = now.count - before.count});
        }));
  }
  if (state.settings.cpu) {
    TWOFOLD_RETURN_IF_ERROR(state.cpu_rows->ReadDifferences(
        [&](const twofold_cpu_key& key, uint64_t now, uint64_t before) {
          reading.cpu.push_back(CpuDifference{.key = key, .samples = now - before});
        }));
  }
  // After the pass, so that a thread which ended meanwhile has its last account in the same reading
  // as its last rows.
  DrainAccounts();
  reading.accounts = state.accounts.TakeDifferences();
  // After the rows: a thread that a row names is in the table by now.
  state.ReadThreads(reading);
  TWOFOLD_RETURN_IF_ERROR(state.ReadLosses(reading));
  TWOFOLD_RETURN_IF_ERROR(state.ReadCost(reading));
  return reading;
}

void Tracer::DrainAccounts() {
  // Negative only when the callback says so, and it never does.
  ring_buffer__consume(state_->ended_accounts);
}

int Tracer::accounts_fd() const { return ring_buffer__epoll_fd(state_->ended_accounts); }

std::optional<twofold_stack> Tracer::FindStack(StackClass stack_class, uint64_t hash) const {
  const bpf_map* map = stack_class == StackClass::kBlocked ? state_->skeleton->maps.blocked_stacks
                                                           : state_->skeleton->maps.cpu_stacks;
  twofold_stack stack;
  if (bpf_map__lookup_elem(map, &hash, sizeof(hash), &stack, sizeof(stack), 0) != 0) {
    return std::nullopt;
  }
  if (stack.nframes > TWOFOLD_MAX_FRAMES) stack.nframes = TWOFOLD_MAX_FRAMES;
  return stack;
}

uint64_t Tracer::map_bytes() const { return state_->map_bytes; }

uint64_t Tracer::sample_period_ns() const { return 1'000'000'000 / state_->settings.frequency_hz; }

}  // namespace twofold
