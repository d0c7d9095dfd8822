#include "recorder/tracer/tracer.h"

#include <bpf/btf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>

#include "bpf/abi/irq_abi.h"
#include "recorder/base/clocks.h"
#include "recorder/tracer/tracer_state.h"

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
static_assert(uint16_t(LossCause::kInsertsCapped) == TWOFOLD_LOSS_INSERTS_CAPPED);
static_assert(uint16_t(LossCause::kRanUnseen) == TWOFOLD_LOSS_RAN_UNSEEN);
static_assert(uint16_t(LossCause::kChainLost) == TWOFOLD_LOSS_CHAIN_LOST);
static_assert(uint16_t(LossCause::kEventLost) == TWOFOLD_LOSS_EVENT_LOST);
static_assert(uint16_t(LossCause::kEventTimeLost) == TWOFOLD_LOSS_EVENT_TIME_LOST);
static_assert(uint16_t(LossCause::kAllocationTableFull) == TWOFOLD_LOSS_ALLOCATION_TABLE_FULL);
static_assert(uint16_t(LossCause::kFreeUnseen) == TWOFOLD_LOSS_FREE_UNSEEN);
static_assert(uint16_t(LossCause::kFreeLost) == TWOFOLD_LOSS_FREE_LOST);
static_assert(uint16_t(LossCause::kAllocationUnseen) == TWOFOLD_LOSS_ALLOCATION_UNSEEN);
static_assert(kBegunBefore == TWOFOLD_PART_BEGUN_BEFORE && kOpenAtEnd == TWOFOLD_PART_OPEN_AT_END);
static_assert(kWaitBuckets == TWOFOLD_WAIT_BUCKETS);
static_assert(uint8_t(WakerKind::kTask) == TWOFOLD_WAKER_TASK);
static_assert(uint8_t(WakerKind::kHardIrq) == TWOFOLD_WAKER_HARDIRQ);
static_assert(uint8_t(WakerKind::kSoftIrq) == TWOFOLD_WAKER_SOFTIRQ);
static_assert(uint8_t(LossSource::kCpu) == TWOFOLD_SOURCE_CPU);
static_assert(uint8_t(LossSource::kOffCpu) == TWOFOLD_SOURCE_OFFCPU);
static_assert(uint8_t(LossSource::kCounters) == TWOFOLD_SOURCE_COUNTERS);
static_assert(uint8_t(LossSource::kMemory) == TWOFOLD_SOURCE_MEMORY);
static_assert(uint8_t(LossSource::kTcp) == TWOFOLD_SOURCE_TCP);
static_assert(uint8_t(LossSource::kExec) == TWOFOLD_SOURCE_EXEC);
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

// How far a CPU's variables are from its run queue, in bytes, as the kernel's types tell.
class CpuVariables {
 public:
  explicit CpuVariables(const btf* types) {
    const int section = btf__find_by_name_kind(types, ".data..percpu", BTF_KIND_DATASEC);
    if (section <= 0) return;
    const btf_type* variables = btf__type_by_id(types, uint32_t(section));
    const btf_var_secinfo* variable = btf_var_secinfos(variables);
    for (uint32_t i = 0; i < btf_vlen(variables); ++i, ++variable) {
      const btf_type* type = btf__type_by_id(types, variable->type);
      const std::string_view name = btf__name_by_offset(types, type->name_off);
      offsets_.try_emplace(std::string(name), variable->offset);
      // 6.2 to 6.14 (commits 64701838bf05, 46e8fff6d45f) keep some in a structure.
      if (name == "pcpu_hot") AddMembers(types, *variable, btf__type_by_id(types, type->type));
    }
  }

  // 0: the types do not tell.
  int64_t DistanceTo(std::string_view name) const {
    const auto run_queue = offsets_.find("runqueues");
    const auto variable = offsets_.find(name);
    if (run_queue == offsets_.end() || variable == offsets_.end()) return 0;
    return variable->second - run_queue->second;
  }

 private:
  // The structure's only member is a union of a structure and padding.
  void AddMembers(const btf* types, const btf_var_secinfo& variable, const btf_type* hot) {
    while (hot != nullptr && btf_is_composite(hot) && btf_vlen(hot) > 0) {
      const btf_member* member = btf_members(hot);
      for (uint32_t i = 0; i < btf_vlen(hot); ++i, ++member) {
        offsets_.try_emplace(btf__name_by_offset(types, member->name_off),
                             variable.offset + btf_member_bit_offset(hot, i) / 8);
      }
      hot = btf__type_by_id(types, btf_members(hot)->type);
    }
  }

  std::map<std::string, int64_t, std::less<>> offsets_;
};

// Which bits of the preempt count tell that an interrupt is served (include/linux/preempt.h:
// HARDIRQ_MASK and NMI_MASK). From 7.3 on (commit 9634d860ac15) they are higher, behind a count of
// how often interrupts were disabled, which the variable belongs to.
uint32_t InterruptBits(const btf* types) {
  const bool counts_disabling =
      btf__find_by_name_kind(types, "local_interrupt_disable_state", BTF_KIND_VAR) > 0;
  return counts_disabling ? 0x1f000000 : 0x00ff0000;
}

// Where the programs find whether an interrupt is served. Without the kernel's types they look by
// the defaults.
void SetInterruptPlaces(twofold_bpf& skeleton) {
  btf* types = btf__load_vmlinux_btf();
  if (types == nullptr) return;
  const CpuVariables variables(types);
  // 6.2 to 6.14 call it preempt_count.
  const int64_t distance = variables.DistanceTo("__preempt_count");
  skeleton.rodata->preempt_count_distance =
      distance != 0 ? distance : variables.DistanceTo("preempt_count");
  skeleton.rodata->interrupt_stack_distance = variables.DistanceTo("hardirq_stack_ptr");
  skeleton.rodata->interrupt_bits = InterruptBits(types);
  btf__free(types);
}

}  // namespace

Error TracerError(const std::string& what, int error) {
  std::string reason = ErrnoText(error);
  if (!LibbpfWords().empty()) reason += " (" + FirstLibbpfWords() + ")";
  return Error{.what = what + ": " + reason,
               .where = "",
               .remedy = error == EPERM || error == EACCES
                             ? "Run as root; a "
                               "kernel in lockdown mode or a container may refuse all the same"
                             : "Report it with the output of `uname -r`"};
}

namespace {

static_assert(uint32_t(TracerSettings::Scope::kProcesses) == TWOFOLD_SCOPE_PROCESSES);
static_assert(uint32_t(TracerSettings::Scope::kThreads) == TWOFOLD_SCOPE_THREADS);
static_assert(uint32_t(TracerSettings::Scope::kCgroup) == TWOFOLD_SCOPE_CGROUP);
static_assert(uint32_t(TracerSettings::Scope::kCommand) == TWOFOLD_SCOPE_COMMAND);

// Before the programs are loaded.
void SetScope(twofold_bpf& skeleton, const TracerSettings& settings) {
  skeleton.rodata->scope = uint32_t(settings.scope);
  skeleton.rodata->scope_all = settings.scope == TracerSettings::Scope::kSystem && !settings.comm;
  skeleton.rodata->command_tgid = settings.command.value;
  skeleton.rodata->cgroup_id = settings.cgroup_id;
  skeleton.rodata->comm_filter = settings.comm.has_value();
  if (settings.comm) {
    std::copy(settings.comm->accepts.begin(), settings.comm->accepts.end(),
              skeleton.rodata->comm_accepts);
    skeleton.rodata->comm_stars = settings.comm->stars;
    skeleton.rodata->comm_elements = settings.comm->elements;
  }
  bpf_program__set_autoload(skeleton.progs.cgroup_attach, settings.cgroup_attach);
}

// After they were loaded, before the first pass over all tasks.
Result<void> SetTargets(const twofold_bpf& skeleton, const TracerSettings& settings) {
  std::vector<uint32_t> ids;
  for (const Pid pid : settings.pids) ids.push_back(pid.value);
  for (const Tid tid : settings.tids) ids.push_back(tid.value);
  for (const uint32_t id : ids) {
    const uint8_t one = 1;
    if (bpf_map__update_elem(skeleton.maps.targets, &id, sizeof(id), &one, sizeof(one), BPF_ANY) !=
        0) {
      return TracerError("cannot tell the BPF programs what to record (" + std::to_string(id) + ")",
                         errno);
    }
  }
  return {};
}

}  // namespace

MapSizes PlanMaps(uint64_t memory_bytes, const PlannedSources& sources) {
  const auto& [cpu, offcpu, counters, memory, tcp, exec] = sources;
  const bool events = tcp || exec;
  // In parts of 1/64 of the budget: 7 for the thread table, ended accounts and the threads'
  // storage; one for single events; the rest for the maps that come in pairs, by weight, with room
  // for the largest of them a second time. Blocked time has more different stacks than samples at a
  // few hundred hertz can show.
  struct Share {
    twofold_map_set set;
    uint64_t entry_bytes;
    uint64_t weight;
    bool recorded;
  };
  const uint64_t stack_bytes = HashEntryBytes(8, sizeof(twofold_stack));
  const Share shares[] = {
      {TWOFOLD_SET_OFFCPU_STACKS, stack_bytes, 20, offcpu},
      {TWOFOLD_SET_OFFCPU_ROWS,
       HashEntryBytes(sizeof(twofold_offcpu_key), sizeof(twofold_offcpu_sums)), 10, offcpu},
      {TWOFOLD_SET_WAKERS, HashEntryBytes(8, sizeof(twofold_waker)), 2, offcpu},
      {TWOFOLD_SET_CHAINS, HashEntryBytes(8, sizeof(twofold_chain)), 2, offcpu},
      {TWOFOLD_SET_CPU_STACKS, stack_bytes, 6, cpu},
      {TWOFOLD_SET_CPU_ROWS, HashEntryBytes(sizeof(twofold_cpu_key), sizeof(twofold_cpu_sums)), 2,
       cpu},
      {TWOFOLD_SET_COUNTER_STACKS, stack_bytes, 6, counters},
      {TWOFOLD_SET_COUNTER_ROWS,
       HashEntryBytes(sizeof(twofold_cpu_key), sizeof(twofold_counter_sums)), 2, counters},
      {TWOFOLD_SET_MEMORY_STACKS, stack_bytes, 6, memory},
      {TWOFOLD_SET_MEMORY_ROWS,
       HashEntryBytes(sizeof(twofold_allocation_key), sizeof(twofold_allocation_value)), 3, memory},
      {TWOFOLD_SET_TCP_STACKS, stack_bytes, 2, tcp},
      {TWOFOLD_SET_TCP_ROWS,
       HashEntryBytes(sizeof(twofold_retransmit_key), sizeof(twofold_retransmit_value)), 2, tcp},
      {TWOFOLD_SET_IRQ_ROWS, HashEntryBytes(sizeof(twofold_irq_key), sizeof(twofold_irq_sums)), 2,
       false},
  };
  // The table of outstanding allocations does not come in pairs.
  const uint64_t live_weight = memory ? 12 : 0;
  uint64_t all_weights = live_weight;
  uint64_t largest_weight = 0;
  for (const Share& share : shares) {
    if (!share.recorded) continue;
    all_weights += share.weight;
    largest_weight = std::max(largest_weight, share.weight);
  }
  const uint64_t part = memory_bytes / 64;
  const uint64_t pair_parts = events ? 56 : 57;
  MapSizes sizes;
  sizes.thread_slots = uint32_t(std::bit_floor(2 * part / sizeof(twofold_thread)));
  // At the default budget for more than 10,000 threads that all end at once, before the recorder
  // gets a CPU: a short account and a whole one of each.
  sizes.ended_account_bytes = uint32_t(std::min<uint64_t>(64 << 20, std::bit_floor(4 * part)));
  sizes.event_bytes = events ? uint32_t(std::bit_floor(part)) : uint32_t(sysconf(_SC_PAGESIZE));
  for (const Share& share : shares) {
    sizes.set_entries[share.set] = 1;
    if (!share.recorded) continue;
    const uint64_t bytes = pair_parts * part * share.weight / (all_weights + largest_weight);
    sizes.set_entries[share.set] = uint32_t(std::max<uint64_t>(1, bytes / share.entry_bytes));
  }
  sizes.live_entries = uint32_t(std::max<uint64_t>(
      1, pair_parts * part * live_weight / std::max<uint64_t>(1, all_weights + largest_weight) /
             HashEntryBytes(sizeof(twofold_live_key), sizeof(twofold_live))));
  return sizes;
}

Tracer::State::~State() {
  map_changer.Wait();
  if (thread_table != nullptr) munmap(thread_table, thread_table_bytes);
  if (ended_accounts != nullptr) ring_buffer__free(ended_accounts);
  if (skeleton != nullptr) twofold_bpf__destroy(skeleton);
}

Tracer::Tracer() : state_(std::make_unique<State>()) {}
Tracer::~Tracer() { Stop(); }

Result<std::unique_ptr<Tracer>> Tracer::Load(const TracerSettings& settings) {
  libbpf_set_print(KeepLibbpfWords);
  LibbpfWords().clear();
  std::unique_ptr<Tracer> tracer(new Tracer());
  State& state = *tracer->state_;
  state.settings = settings;
  state.sizes = PlanMaps(settings.memory_bytes,
                         {.cpu = settings.cpu,
                          .offcpu = settings.offcpu,
                          .counters = settings.counters,
                          .memory = settings.leak_scope != TracerSettings::LeakScope::kNone,
                          .tcp = settings.tcp,
                          .exec = settings.exec});
  state.skeleton = twofold_bpf__open();
  if (state.skeleton == nullptr) return TracerError("cannot open the BPF programs", errno);
  twofold_bpf& skeleton = *state.skeleton;

  skeleton.rodata->thread_slots = state.sizes.thread_slots;
  SetScope(skeleton, settings);
  skeleton.rodata->record_offcpu = settings.offcpu;
  skeleton.rodata->ended_wakeup_bytes = state.sizes.ended_account_bytes / 16;
  skeleton.rodata->sample_period_ns = tracer->sample_period_ns();
  if (settings.wakers > 0 || settings.tcp ||
      settings.leak_scope == TracerSettings::LeakScope::kKernel) {
    SetInterruptPlaces(skeleton);
  }
  skeleton.rodata->max_wakers = settings.wakers;
  skeleton.rodata->min_block_ns = settings.min_block_ns;
  skeleton.rodata->max_block_ns = settings.max_block_ns;
  skeleton.rodata->insert_limit = settings.insert_limit;
  skeleton.rodata->user_stack_at_switch_out = settings.offcpu && !settings.direct_map;
  if (settings.direct_map) skeleton.rodata->direct_map = *settings.direct_map;
  skeleton.bss->quantum_ns = settings.quantum_ns;
  state.largest_quantum_ns = settings.quantum_ns;

  bpf_map__set_max_entries(skeleton.maps.threads, state.sizes.thread_slots);
  bpf_map__set_map_flags(skeleton.maps.threads, BPF_F_MMAPABLE);
  bpf_map__set_max_entries(skeleton.maps.samplings, SamplingTimer::Cpus());
  bpf_map__set_max_entries(skeleton.maps.ended_accounts, state.sizes.ended_account_bytes);
  struct Set {
    bpf_map* first;
    bpf_map* places;
  };
  const Set sets[TWOFOLD_SETS] = {
      {skeleton.maps.offcpu_stacks, skeleton.maps.offcpu_stacks_sets},
      {skeleton.maps.offcpu_rows, skeleton.maps.offcpu_rows_sets},
      {skeleton.maps.wakers, skeleton.maps.wakers_sets},
      {skeleton.maps.chains, skeleton.maps.chains_sets},
      {skeleton.maps.cpu_stacks, skeleton.maps.cpu_stacks_sets},
      {skeleton.maps.cpu_rows, skeleton.maps.cpu_rows_sets},
      {skeleton.maps.counter_stacks, skeleton.maps.counter_stacks_sets},
      {skeleton.maps.counter_rows, skeleton.maps.counter_rows_sets},
      {skeleton.maps.memory_stacks, skeleton.maps.memory_stacks_sets},
      {skeleton.maps.memory_rows, skeleton.maps.memory_rows_sets},
      {skeleton.maps.tcp_stacks, skeleton.maps.tcp_stacks_sets},
      {skeleton.maps.tcp_rows, skeleton.maps.tcp_rows_sets},
      {skeleton.maps.irq_rows, skeleton.maps.irq_rows_sets},
  };
  for (size_t set = 0; set < TWOFOLD_SETS; ++set) {
    bpf_map__set_max_entries(sets[set].first, state.sizes.set_entries[set]);
    state.map_sets.emplace_back(sets[set].first, sets[set].places);
  }

  const bool scheduler = settings.offcpu || settings.states;
  const bool state_is_argument = settings.switch_passes_state;
  bpf_program__set_autoload(skeleton.progs.context_switch, scheduler && state_is_argument);
  bpf_program__set_autoload(skeleton.progs.context_switch_before_5_18,
                            scheduler && !state_is_argument);
  bpf_program__set_autoload(skeleton.progs.waking, scheduler);
  bpf_program__set_autoload(skeleton.progs.process_exit, scheduler);
  bpf_program__set_autoload(skeleton.progs.sample, settings.cpu);
  bpf_program__set_autoload(skeleton.progs.sample_cycles, settings.counters);
  bpf_program__set_autoload(skeleton.progs.sample_instructions, settings.counters);
  state.PrepareMemory();

  state.PrepareEvents();
  state.PrepareTcp();

  const int failed = twofold_bpf__load(&skeleton);
  if (failed != 0) return TracerError("the kernel refused the BPF programs", -failed);

  TWOFOLD_RETURN_IF_ERROR(SetTargets(skeleton, settings));
  const size_t page_bytes = size_t(sysconf(_SC_PAGESIZE));
  state.thread_table_bytes = (state.sizes.thread_slots * sizeof(twofold_thread) + page_bytes - 1) /
                             page_bytes * page_bytes;
  void* table = mmap(nullptr, state.thread_table_bytes, PROT_READ, MAP_SHARED,
                     bpf_map__fd(skeleton.maps.threads), 0);
  if (table == MAP_FAILED) return TracerError("cannot map the thread table", errno);
  state.thread_table = static_cast<twofold_thread*>(table);
  const auto add_account = [](void* context, void* data, size_t bytes) {
    if (bytes < TWOFOLD_SHORT_ACCOUNT_BYTES) return 0;
    State& owner = *static_cast<State*>(context);
    twofold_account account = {};
    std::memcpy(&account, data, std::min(bytes, sizeof(account)));
    owner.accounts.Add(account);
    if (account.is_end != 0) {
      owner.process_ends.push_back({.thread = account.thread, .wait_status = account.wait_status});
    }
    return 0;
  };
  state.ended_accounts =
      ring_buffer__new(bpf_map__fd(skeleton.maps.ended_accounts), add_account, &state, nullptr);
  if (state.ended_accounts == nullptr) return TracerError("cannot map the ended accounts", errno);
  TWOFOLD_RETURN_IF_ERROR(state.OpenEvents());
  state.offcpu_rows.emplace(state.map_sets[TWOFOLD_SET_OFFCPU_ROWS].fd());
  state.cpu_rows.emplace(state.map_sets[TWOFOLD_SET_CPU_ROWS].fd());
  state.counter_rows.emplace(state.map_sets[TWOFOLD_SET_COUNTER_ROWS].fd());
  state.memory_rows.emplace(state.map_sets[TWOFOLD_SET_MEMORY_ROWS].fd());
  state.retransmit_rows.emplace(state.map_sets[TWOFOLD_SET_TCP_ROWS].fd());
  state.MeasureMaps();
  return tracer;
}

void Tracer::State::MeasureMaps() {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton->obj) {
    std::ifstream lines("/proc/self/fdinfo/" + std::to_string(bpf_map__fd(map)));
    std::string word;
    uint64_t bytes = 0;
    while (lines >> word) {
      if (word == "memlock:" && lines >> bytes) map_bytes += bytes;
    }
  }
}

void Tracer::SetInterruptEntries(const KernelSymbols& kernel_symbols) {
  struct Range {
    std::string_view first;
    std::string_view end;  // empty: the one function
  };
  const auto find = [&](const Range& range, __u64& start, __u64& end) {
    // No function that is asked for is longer.
    constexpr uint64_t kLongest_bytes = 0x4000;
    start = kernel_symbols.AddressOf(range.first).value_or(0);
    end = start != 0 && range.end.empty() ? start + kLongest_bytes
                                          : kernel_symbols.AddressOf(range.end).value_or(0);
    // A function of unknown length ends where the next one begins.
    while (range.end.empty() && end > start + 1) {
      const std::optional<KernelSymbols::Hit> hit = kernel_symbols.Find(end - 1);
      if (hit && hit->name == range.first) break;
      // Where the symbols have a gap, it is nearer.
      end =
          hit && hit->offset < end - 1 - start ? end - 1 - hit->offset : start + (end - start) / 2;
    }
  };
  auto& bss = *state_->skeleton->bss;
  find({"__irqentry_text_start", "__irqentry_text_end"}, bss.irq_entry_start, bss.irq_entry_end);
  const Range softirq[] = {{"__softirqentry_text_start", "__softirqentry_text_end"},
                           {"handle_softirqs", ""},
                           {"__do_softirq", ""}};
  for (size_t i = 0; i < std::size(softirq); ++i) {
    find(softirq[i], bss.softirq_entry_start[i], bss.softirq_entry_end[i]);
  }
  // What hands a packet to its receiver, and what makes a softirq of the sender's do it: the
  // function that lets softirqs in again after the packet was queued. Before 6.4 that is also the
  // one above __dev_queue_xmit.
  const std::string_view delivers[] = {"process_backlog", "veth_poll"};
  const std::string_view transmits[] = {
      "__dev_queue_xmit",  "__dev_direct_xmit",  "netif_rx",           "netif_rx_ni",
      "ip_finish_output2", "ip6_finish_output2", "__ip_finish_output", "__ip6_finish_output"};
  static_assert(std::size(delivers) == std::extent_v<decltype(bss.deliver_start)>);
  static_assert(std::size(transmits) == std::extent_v<decltype(bss.transmit_start)>);
  for (size_t i = 0; i < std::size(delivers); ++i) {
    find({delivers[i], ""}, bss.deliver_start[i], bss.deliver_end[i]);
  }
  find({"__local_bh_enable_ip", ""}, bss.let_softirqs_in_start, bss.let_softirqs_in_end);
  for (size_t i = 0; i < std::size(transmits); ++i) {
    find({transmits[i], ""}, bss.transmit_start[i], bss.transmit_end[i]);
  }
}

void Tracer::SetQuantum(uint64_t quantum_ns) {
  state_->largest_quantum_ns = std::max(state_->largest_quantum_ns, quantum_ns);
  __atomic_store_n(&state_->skeleton->bss->quantum_ns, quantum_ns, __ATOMIC_RELAXED);
}

uint64_t Tracer::quantum_ns() const { return state_->skeleton->bss->quantum_ns; }

Result<void> Tracer::State::AttachCounters() {
  const Result<uint64_t> period = CyclesPerSample(settings.frequency_hz);
  if (!period) return period.error();
  return counters.Attach(skeleton->progs.sample_cycles, skeleton->progs.sample_instructions,
                         *period);
}

const std::optional<Error>& Tracer::counters_failure() const { return state_->counters_failure; }

Result<uint64_t> Tracer::Start() {
  State& state = *state_;
  twofold_bpf& skeleton = *state.skeleton;
  LibbpfWords().clear();
  state.statistics.Reset(bpf_enable_stats(BPF_STATS_RUN_TIME));
  if (!state.statistics) return TracerError("cannot switch BPF run-time statistics on", errno);

  struct Attachment {
    bpf_program* program;
    bpf_link** link;
  };
  const Attachment attachments[] = {
      {skeleton.progs.process_fork, &skeleton.links.process_fork},
      {skeleton.progs.process_exec, &skeleton.links.process_exec},
      {skeleton.progs.process_exit, &skeleton.links.process_exit},
      {skeleton.progs.thread_rename, &skeleton.links.thread_rename},
      {skeleton.progs.cgroup_attach, &skeleton.links.cgroup_attach},
      {skeleton.progs.visit_task, &skeleton.links.visit_task},
      {skeleton.progs.waking, &skeleton.links.waking},
      {skeleton.progs.context_switch, &skeleton.links.context_switch},
      {skeleton.progs.context_switch_before_5_18, &skeleton.links.context_switch_before_5_18},
  };
  for (const Attachment& attachment : attachments) {
    if (!bpf_program__autoload(attachment.program)) continue;
    *attachment.link = bpf_program__attach(attachment.program);
    if (*attachment.link == nullptr) {
      return TracerError(
          std::string("cannot attach BPF program ") + bpf_program__name(attachment.program), errno);
    }
  }
  state.AttachFailedExecs();
  const uint64_t start_ns = MonotonicNowNs();
  skeleton.bss->window_start_ns = start_ns;
  if (state.settings.scope != TracerSettings::Scope::kCommand) {
    TWOFOLD_RETURN_IF_ERROR(state.PassOverTasks(TWOFOLD_PASS_SEED, start_ns));
    // Threads may come into a cgroup, or to a name, later.
    if (skeleton.bss->seeded_tasks == 0 && !state.settings.comm &&
        state.settings.scope != TracerSettings::Scope::kCgroup) {
      return Error{.what =
                       "the kernel shows none of the threads to record to BPF programs, so there "
                       "would be nothing in the capture",
                   .where = !state.settings.pids.empty()
                                ? "-p " + std::to_string(state.settings.pids.front().value)
                            : !state.settings.tids.empty()
                                ? "-t " + std::to_string(state.settings.tids.front().value)
                                : "",
                   .remedy =
                       "Check that it still runs; some hosts protect processes of their own from "
                       "tracing"};
    }
  }
  TWOFOLD_RETURN_IF_ERROR(state.AttachTcp());
  if (state.settings.cpu) {
    TWOFOLD_RETURN_IF_ERROR(state.sampling_timer.Attach(
        skeleton.progs.sample, skeleton.maps.samplings, sample_period_ns()));
  }
  if (state.settings.counters) {
    const Result<void> attached = state.AttachCounters();
    if (!attached) state.counters_failure = attached.error();
  }
  TWOFOLD_RETURN_IF_ERROR(state.AttachMemory());
  return start_ns;
}

void Tracer::Stop() {
  State& state = *state_;
  state.stopped = true;
  state.sampling_timer.Detach();
  state.counters.Detach();
  state.DetachMemory();
  if (state.skeleton == nullptr) return;
  state.DetachTcp();
  // The pass over all tasks stays: the last reading needs it.
  for (bpf_link** link :
       {&state.skeleton->links.context_switch, &state.skeleton->links.context_switch_before_5_18,
        &state.skeleton->links.waking, &state.skeleton->links.thread_rename,
        &state.skeleton->links.cgroup_attach, &state.skeleton->links.process_exec,
        &state.skeleton->links.execve_failed, &state.skeleton->links.execveat_failed,
        &state.skeleton->links.process_exit, &state.skeleton->links.process_fork}) {
    bpf_link__destroy(*link);
    *link = nullptr;
  }
}

void Tracer::DrainAccounts() {
  // Negative only when the callback says so, and it never does.
  ring_buffer__consume(state_->ended_accounts);
}

int Tracer::accounts_fd() const { return ring_buffer__epoll_fd(state_->ended_accounts); }

uint64_t Tracer::map_bytes() const { return state_->map_bytes; }

uint64_t Tracer::sample_period_ns() const { return 1'000'000'000 / state_->settings.frequency_hz; }

}  // namespace twofold
