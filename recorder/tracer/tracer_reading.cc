// Reads what the programs added up.
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "recorder/base/clocks.h"
#include "recorder/tracer/tracer_state.h"

namespace twofold {

Result<void> Tracer::State::PassOverTasks(twofold_pass pass, uint64_t boundary_ns) {
  skeleton->bss->pass = pass;
  skeleton->bss->pass_boundary_ns = boundary_ns;
  UniqueFd iterator(bpf_iter_create(bpf_link__fd(skeleton->links.visit_task)));
  if (!iterator) return TracerError("cannot start a pass over all tasks", errno);
  // The pass that clips writes one account for each thread in scope; a read gives whole ones.
  std::vector<twofold_account> accounts(256);
  while (true) {
    const ssize_t got =
        read(iterator.get(), accounts.data(), accounts.size() * sizeof(twofold_account));
    if (got == 0) return {};
    if (got < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return TracerError("a pass over all tasks failed", errno);
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
  if (cpus <= 0) return TracerError("cannot count the CPUs", -cpus);
  std::vector<twofold_loss> per_cpu(static_cast<size_t>(cpus));
  for (uint32_t index = 0; index < TWOFOLD_LOSS_SOURCES * TWOFOLD_LOSS_CAUSES; ++index) {
    if (bpf_map__lookup_elem(skeleton->maps.losses, &index, sizeof(index), per_cpu.data(),
                             per_cpu.size() * sizeof(twofold_loss), 0) != 0) {
      return TracerError("cannot read the loss counters", errno);
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

namespace {

struct Runs {
  uint64_t scheduler_ns = 0;
  uint64_t memory_ns = 0;
  uint64_t ns = 0;
  uint64_t runs = 0;
  uint64_t missed = 0;
};

template <typename IsMemory>
std::optional<Runs> ReadRuns(const twofold_bpf& skeleton, IsMemory is_memory) {
  Runs total;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton.obj) {
    const int fd = bpf_program__fd(program);
    if (fd < 0) continue;
    bpf_prog_info info = {};
    uint32_t info_bytes = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd, &info, &info_bytes) != 0) return std::nullopt;
    if (program == skeleton.progs.context_switch ||
        program == skeleton.progs.context_switch_before_5_18 || program == skeleton.progs.waking) {
      total.scheduler_ns += info.run_time_ns;
    }
    if (is_memory(program)) total.memory_ns += info.run_time_ns;
    total.ns += info.run_time_ns;
    total.runs += info.run_cnt;
    total.missed += info.recursion_misses;
  }
  return total;
}

}  // namespace

std::optional<Tracer::RunTime> Tracer::TotalRunTime() const {
  const std::optional<Runs> total = ReadRuns(*state_->skeleton, [this](const bpf_program* program) {
    return state_->IsMemoryProgram(program);
  });
  if (!total) return std::nullopt;
  const uint64_t& kept = state_->skeleton->bss->allocations_kept;
  return RunTime{.scheduler_ns = total->scheduler_ns,
                 .memory_ns = total->memory_ns,
                 .allocations_kept = __atomic_load_n(&kept, __ATOMIC_RELAXED),
                 .all_ns = total->ns};
}

Result<void> Tracer::State::ReadCost(Reading& reading) {
  const std::optional<Runs> total = ReadRuns(*skeleton, [](const bpf_program*) { return false; });
  if (!total) return TracerError("cannot read the run time of the BPF programs", errno);
  reading.bpf_ns = total->ns - bpf_ns_before;
  reading.bpf_runs = total->runs - bpf_runs_before;
  if (total->missed != missed_before) {
    reading.losses.push_back(Loss{.cause = LossCause::kProgramMissed,
                                  .source = LossSource::kRecorder,
                                  .count = total->missed - missed_before,
                                  .time_ns = 0});
  }
  bpf_ns_before = total->ns;
  bpf_runs_before = total->runs;
  missed_before = total->missed;
  return {};
}

Result<void> Tracer::State::WaitForPrograms() {
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0) return {};
  // Refused where CPUs run without a tick. Changing a map of maps waits for programs, too.
  map_changer.Wait();
  const bool moved = move && !move->is_over && move->set == TWOFOLD_SET_CHAINS;
  const MapSet& chains = map_sets[TWOFOLD_SET_CHAINS];
  const uint32_t place = skeleton->bss->map_set[TWOFOLD_SET_CHAINS] & 1;
  const int fd = moved ? chains.fresh_fd() : chains.fd();
  if (bpf_map__update_elem(skeleton->maps.chains_sets, &place, sizeof(place), &fd, sizeof(fd),
                           BPF_ANY) != 0) {
    return TracerError("cannot wait for the BPF programs", errno);
  }
  return {};
}

Result<void> Tracer::State::ReadRows(size_t sum, Reading& reading) {
  if (settings.offcpu) {
    TWOFOLD_RETURN_IF_ERROR(offcpu_rows->ReadDifferencesOfSum(
        sum, [&](const twofold_offcpu_key& key, const twofold_offcpu_value& now,
                 const twofold_offcpu_value& before) {
          reading.offcpu.push_back(
              {.key = key,
               .added = {.time_ns = now.time_ns - before.time_ns,
                         .count = now.count - before.count,
                         .sampled_ns = now.sampled_ns - before.sampled_ns,
                         .samples = now.samples - before.samples,
                         .variance_us2 = now.variance_us2 - before.variance_us2,
                         .count_variance = now.count_variance - before.count_variance}});
        }));
  }
  if (settings.cpu) {
    TWOFOLD_RETURN_IF_ERROR(cpu_rows->ReadDifferencesOfSum(
        sum, [&](const twofold_cpu_key& key, __u64 now, __u64 before) {
          reading.cpu.push_back(CpuDifference{.key = key, .samples = now - before});
        }));
  }
  if (settings.counters) {
    TWOFOLD_RETURN_IF_ERROR(counter_rows->ReadDifferencesOfSum(
        sum, [&](const twofold_cpu_key& key, const twofold_counter_value& now,
                 const twofold_counter_value& before) {
          reading.counters.push_back(
              {.key = key,
               .added = {
                   .cycles = now.cycles - before.cycles,
                   .cycle_samples = now.cycle_samples - before.cycle_samples,
                   .instructions = now.instructions - before.instructions,
                   .instruction_samples = now.instruction_samples - before.instruction_samples}});
        }));
  }
  if (settings.tcp) TWOFOLD_RETURN_IF_ERROR(ReadRetransmits(reading));
  return ReadAllocations(reading);
}

template <typename Action>
void Tracer::State::WithRowsOf(size_t set, Action action) {
  if (set == TWOFOLD_SET_OFFCPU_ROWS) action(*offcpu_rows);
  if (set == TWOFOLD_SET_CPU_ROWS) action(*cpu_rows);
  if (set == TWOFOLD_SET_COUNTER_ROWS) action(*counter_rows);
  if (set == TWOFOLD_SET_MEMORY_ROWS) action(*memory_rows);
  if (set == TWOFOLD_SET_TCP_ROWS) action(*retransmit_rows);
}

// Changing a map of maps waits for the programs that run (maybe_wait_bpf_programs of
// kernel/bpf/syscall.c): milliseconds, or seconds where pipes keep all CPUs busy. Another thread
// waits; meanwhile both maps are read.
Result<void> Tracer::State::BeginMove(size_t set) {
  auto& bss = *skeleton->bss;
  TWOFOLD_RETURN_IF_ERROR(map_sets[set].MakeFresh());
  const int fresh_fd = map_sets[set].fresh_fd();
  const int places_fd = map_sets[set].places_fd();
  WithRowsOf(set, [&](auto& rows) { rows.BeginMove(fresh_fd); });
  move.emplace(Move{.set = set, .old_place = bss.map_set[set] & 1});
  map_changer.Start([&bss, move = &*move, fresh_fd, places_fd] {
    const uint32_t place = 1 - move->old_place;
    if (bpf_map_update_elem(places_fd, &place, &fresh_fd, BPF_ANY) != 0) {
      move->error = errno;
      return;
    }
    __atomic_store_n(&bss.inserted[move->set], 0, __ATOMIC_RELAXED);
    __atomic_store_n(&bss.map_set[move->set], place, __ATOMIC_RELEASE);
    // Once more, for the wait.
    if (bpf_map_update_elem(places_fd, &place, &fresh_fd, BPF_ANY) != 0) move->error = errno;
    move->over_ns = MonotonicNowNs();
  });
  return {};
}

void Tracer::State::FinishMove(Reading& reading) {
  const size_t set = move->set;
  if (set == TWOFOLD_SET_WAKERS) {
    uint64_t key = 0;
    const int fd = map_sets[set].fd();
    for (bool first = true; bpf_map_get_next_key(fd, first ? nullptr : &key, &key) == 0;
         first = false) {
      reading.retired_wakers.push_back(key);
    }
  }
  map_sets[set].Retire();
  WithRowsOf(set, [](auto& rows) { rows.FinishMove(); });
  move->is_over = true;
  // It stays readable by its descriptor. Where it cannot be taken out of its place it only stays in
  // memory for longer.
  map_changer.Start([places_fd = map_sets[set].places_fd(), place = move->old_place] {
    (void)bpf_map_delete_elem(places_fd, &place);
  });
}

Result<void> Tracer::State::MoveToFreshMaps(uint64_t boundary_ns, Reading& reading) {
  if (stopped || !map_changer.finished()) return {};
  if (move && !move->is_over) {
    if (move->error != 0) {
      return TracerError("cannot give the BPF programs a fresh map", move->error);
    }
    // Else the old map may hold something of the next interval.
    if (move->over_ns < boundary_ns) FinishMove(reading);
    return {};
  }
  if (move) {
    // What a thread began when the map was in use, it may have ended in this interval.
    if (++move->readings_since < 2) return {};
    map_sets[move->set].Release();
    move.reset();
  }
  for (size_t set = 0; set < TWOFOLD_SETS; ++set) {
    if (sizes.set_entries[set] < 8) continue;  // not recorded
    if (skeleton->bss->inserted[set] > sizes.set_entries[set] / 8 * 7) return BeginMove(set);
  }
  return {};
}

Result<void> Tracer::State::ReadExemplars(size_t sum, Reading& reading) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return TracerError("cannot count the CPUs", -cpus);
  std::vector<twofold_exemplars> per_cpu(static_cast<size_t>(cpus));
  const size_t bytes = per_cpu.size() * sizeof(twofold_exemplars);
  for (uint32_t kind = 0; kind < TWOFOLD_EXEMPLAR_KINDS; ++kind) {
    const uint32_t index = uint32_t(sum) * TWOFOLD_EXEMPLAR_KINDS + kind;
    if (bpf_map__lookup_elem(skeleton->maps.exemplars, &index, sizeof(index), per_cpu.data(), bytes,
                             0) != 0) {
      return TracerError("cannot read the longest blocks", errno);
    }
    std::vector<ExemplarReading> longest;
    for (size_t cpu = 0; cpu < per_cpu.size(); ++cpu) {
      for (const twofold_exemplar& exemplar : per_cpu[cpu].kept) {
        if (exemplar.end_ns != 0) longest.push_back({exemplar, kind, uint32_t(cpu)});
      }
    }
    std::sort(longest.begin(), longest.end(),
              [](const ExemplarReading& a, const ExemplarReading& b) {
                const auto key = [](const ExemplarReading& reading) {
                  const twofold_exemplar& exemplar = reading.exemplar;
                  return std::tuple(exemplar.start_ns - exemplar.end_ns, exemplar.start_ns,
                                    exemplar.thread);
                };
                return key(a) < key(b);
              });
    if (longest.size() > TWOFOLD_EXEMPLARS) longest.resize(TWOFOLD_EXEMPLARS);
    reading.exemplars.insert(reading.exemplars.end(), longest.begin(), longest.end());
    std::fill(per_cpu.begin(), per_cpu.end(), twofold_exemplars{});
    if (bpf_map__update_elem(skeleton->maps.exemplars, &index, sizeof(index), per_cpu.data(), bytes,
                             BPF_ANY) != 0) {
      return TracerError("cannot clear the longest blocks", errno);
    }
  }
  return {};
}

Result<void> Tracer::State::ReadInserts(Reading& reading) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return TracerError("cannot count the CPUs", -cpus);
  std::vector<twofold_inserts> per_cpu(static_cast<size_t>(cpus));
  const uint32_t index = 0;
  if (bpf_map__lookup_elem(skeleton->maps.inserts, &index, sizeof(index), per_cpu.data(),
                           per_cpu.size() * sizeof(twofold_inserts), 0) != 0) {
    return TracerError("cannot read the number of inserts", errno);
  }
  uint64_t total = 0;
  for (const twofold_inserts& inserts : per_cpu) total += inserts.total;
  reading.map_inserts = total - inserts_before;
  inserts_before = total;
  return {};
}

uint64_t Tracer::AnnounceEnd(uint64_t at_ns) {
  // A moment ahead, so that every event from then on knows of it.
  constexpr uint64_t kAhead_ns = 20'000;
  State& state = *state_;
  const uint64_t next_sum = (state.readings + 1) % TWOFOLD_SUMS;
  uint64_t boundary_ns = 0;
  do {
    boundary_ns = (std::max(at_ns, MonotonicNowNs() + kAhead_ns) & ~uint64_t{1}) | next_sum;
    const bool is_too_late = state.announced_ns != 0 && boundary_ns >= state.announced_ns;
    if (is_too_late) boundary_ns = state.announced_ns;
    __atomic_store_n(&state.skeleton->bss->boundary_ns, boundary_ns, __ATOMIC_SEQ_CST);
    if (is_too_late) break;
    // Once more only if this thread lost its CPU in between.
  } while (MonotonicNowNs() >= boundary_ns);
  state.announced_ns = boundary_ns;
  state.accounts.EndIntervalAt(boundary_ns);
  return boundary_ns;
}

uint64_t Tracer::EndLast() {
  const uint64_t boundary_ns = AnnounceEnd(0);
  while (MonotonicNowNs() <= boundary_ns) {
  }
  __atomic_store_n(&state_->skeleton->bss->is_over, 1, __ATOMIC_RELEASE);
  // They are gone when the last interval is read.
  state_->counted = state_->counters.TakeDifferences();
  return boundary_ns;
}

Result<void> Tracer::LastPass(uint64_t boundary_ns) {
  State& state = *state_;
  if (!state.settings.offcpu && !state.settings.states) return {};
  return state.PassOverTasks(TWOFOLD_PASS_LAST, boundary_ns);
}

Result<Reading> Tracer::Read(uint64_t boundary_ns) {
  State& state = *state_;
  Reading reading;
  static_assert(TWOFOLD_SUMS == 2);
  const size_t sum = 1 - (boundary_ns & 1);
  DrainAccounts();
  reading.quantum_ns = state.largest_quantum_ns;
  state.largest_quantum_ns = quantum_ns();
  if ((state.settings.offcpu || state.settings.states) && !state.stopped) {
    TWOFOLD_RETURN_IF_ERROR(state.PassOverTasks(TWOFOLD_PASS_CLIP, boundary_ns));
  }
  if (!state.stopped) state.counted = state.counters.TakeDifferences();
  reading.counted = state.counted;
  // Programs in allocators may still be at a row.
  const bool has_memory = state.settings.leak_scope != TracerSettings::LeakScope::kNone;
  if (state.stopped && has_memory) TWOFOLD_RETURN_IF_ERROR(state.WaitForPrograms());
  TWOFOLD_RETURN_IF_ERROR(state.ReadRows(sum, reading));
  if (state.stopped) TWOFOLD_RETURN_IF_ERROR(state.ReadOutstanding(boundary_ns, reading));
  if (state.settings.offcpu) TWOFOLD_RETURN_IF_ERROR(state.ReadExemplars(sum, reading));
  TWOFOLD_RETURN_IF_ERROR(state.MoveToFreshMaps(boundary_ns, reading));
  ++state.skeleton->bss->insert_period;
  // After the pass: a thread that ended up to the boundary, and that the pass did not see any more,
  // has its last account in the buffer.
  DrainAccounts();
  reading.accounts = state.accounts.TakeDifferences();
  reading.process_ends = std::exchange(state.process_ends, {});
  TWOFOLD_RETURN_IF_ERROR(state.FinishRetransmits(reading));
  reading.execs = state.events.TakeExecs(boundary_ns, reading.losses);
  // After the rows: a thread that a row names is in the table by now.
  state.ReadThreads(reading);
  TWOFOLD_RETURN_IF_ERROR(state.ReadInserts(reading));
  TWOFOLD_RETURN_IF_ERROR(state.ReadLosses(reading));
  TWOFOLD_RETURN_IF_ERROR(state.ReadCost(reading));
  ++state.readings;
  state.announced_ns = 0;
  return reading;
}

std::optional<twofold_stack> Tracer::FindStack(StackClass stack_class, uint64_t hash) const {
  constexpr twofold_map_set kSets[] = {TWOFOLD_SET_OFFCPU_STACKS, TWOFOLD_SET_CPU_STACKS,
                                       TWOFOLD_SET_COUNTER_STACKS, TWOFOLD_SET_MEMORY_STACKS,
                                       TWOFOLD_SET_TCP_STACKS};
  const twofold_map_set set = kSets[size_t(stack_class)];
  twofold_stack stack;
  if (!state_->map_sets[set].Find(&hash, &stack)) return std::nullopt;
  const uint32_t cut = stack.nframes & TWOFOLD_FRAMES_CUT;
  stack.nframes = std::min<uint32_t>(stack.nframes - cut, TWOFOLD_MAX_FRAMES) | cut;
  return stack;
}

std::optional<twofold_waker> Tracer::FindWaker(uint64_t key) const {
  twofold_waker waker;
  if (!state_->map_sets[TWOFOLD_SET_WAKERS].Find(&key, &waker)) return std::nullopt;
  return waker;
}

std::optional<twofold_chain> Tracer::FindChain(uint64_t key) const {
  twofold_chain chain;
  if (!state_->map_sets[TWOFOLD_SET_CHAINS].Find(&key, &chain)) return std::nullopt;
  chain.length = std::min<uint64_t>(chain.length, TWOFOLD_MAX_WAKERS);
  return chain;
}

}  // namespace twofold
