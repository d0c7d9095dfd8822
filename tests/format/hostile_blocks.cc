#include "tests/format/hostile_blocks.h"

#include "schemas/capture_generated.h"

namespace twofold::testing {

using container::BlockType;
using flatbuffers::FlatBufferBuilder;

void WriteDefinitions(CaptureBytes& capture, const DefinitionsSpec& spec) {
  FlatBufferBuilder builder;
  std::vector<uint8_t> text(spec.text.begin(), spec.text.end());
  auto strings =
      wire::CreateStrings(builder, Column(builder, text), Column(builder, spec.text_lengths));
  auto modules = wire::CreateModules(
      builder, Column(builder, std::vector<uint8_t>(spec.module_paths.size(), 1)),
      Column(builder, spec.module_paths),
      Column(builder, std::vector<uint32_t>(spec.module_paths.size())));
  auto frames = wire::CreateFrames(
      builder, Column(builder, spec.frame_modules), Column(builder, spec.frame_symbols),
      Column(builder, spec.frame_offsets), Column(builder, spec.frame_files),
      Column(builder, spec.frame_lines), Column(builder, spec.frames_inlined));
  auto stacks = wire::CreateStacks(builder, Column(builder, spec.parent_distances),
                                   Column(builder, spec.stack_frames));
  size_t images = spec.process_names.size();
  auto zeros = Column(builder, std::vector<uint32_t>(images));
  auto processes =
      wire::CreateProcesses(builder, zeros, zeros, Column(builder, spec.process_starts),
                            Column(builder, std::vector<int64_t>(images)),
                            Column(builder, spec.process_names), zeros, zeros);
  size_t tasks = spec.thread_processes.size();
  auto threads = wire::CreateThreads(
      builder, Column(builder, spec.thread_processes),
      Column(builder, std::vector<uint32_t>(tasks)), Column(builder, std::vector<int64_t>(tasks)),
      Column(builder, std::vector<uint32_t>(tasks)), Column(builder, spec.thread_cgroups));
  auto ends = wire::CreateProcessEnds(builder, Column(builder, spec.ended_processes),
                                      Column(builder, spec.process_ends),
                                      Column(builder, spec.exit_statuses));
  auto wakers = wire::CreateWakers(
      builder, Column(builder, spec.waker_kinds), Column(builder, spec.waker_threads),
      Column(builder, spec.waker_kernel_stacks), Column(builder, spec.waker_user_stacks));
  auto chains = wire::CreateChains(builder, Column(builder, spec.chain_wakers),
                                   Column(builder, spec.next_distances));
  builder.Finish(wire::CreateDefinitions(builder, spec.first[0], spec.first[1], spec.first[2],
                                         spec.first[3], spec.first[4], spec.first[5], strings,
                                         modules, frames, stacks, processes, threads, ends,
                                         spec.first_waker, spec.first_chain, wakers, chains));
  capture.WriteBlock(BlockType::kDefinitions, builder);
}

void WriteInterval(CaptureBytes& capture, const IntervalSpec& spec) {
  FlatBufferBuilder builder;
  auto cpu = wire::CreateCpuRows(
      builder, Column(builder, spec.threads), Column(builder, spec.kernel_stacks),
      Column(builder, spec.user_stacks), Column(builder, spec.samples), spec.period_ns);
  auto blocked = wire::CreateBlockedRows(
      builder, Column(builder, spec.blocked_threads), Column(builder, spec.states),
      Column(builder, spec.blocked_stacks),
      Column(builder, std::vector<uint32_t>(spec.blocked_stacks.size())),
      Column(builder, spec.times_ns), Column(builder, spec.counts), Column(builder, spec.parts),
      Column(builder, spec.chains), Column(builder, spec.sampled_ns), Column(builder, spec.kept),
      Column(builder, spec.variances_us2), Column(builder, spec.count_variances),
      Column(builder, spec.quanta_us2));
  auto losses =
      wire::CreateLosses(builder, Column(builder, std::vector<uint16_t>(spec.lost.size(), 1)),
                         Column(builder, std::vector<uint8_t>(spec.lost.size(), 1)),
                         Column(builder, spec.lost), Column(builder, spec.lost_ns));
  auto cost = wire::CreateCost(builder, spec.bpf_ns, 0, 0, 0, 0, 0, spec.map_inserts);
  auto account_threads = Column(builder, spec.account_threads);
  auto existed = Column(builder, spec.existed_ns);
  auto zeros = Column(builder, std::vector<uint64_t>(spec.existed_ns.size()));
  auto accounts = wire::CreateAccounts(builder, account_threads, existed, zeros, zeros, zeros,
                                       zeros, zeros, zeros, zeros, zeros, zeros, zeros, zeros,
                                       Column(builder, spec.other_ns));
  auto waiting = wire::CreateWaitingRows(
      builder, Column(builder, spec.waiting_threads), Column(builder, spec.preempted),
      Column(builder, spec.waiting_kernel_stacks), Column(builder, spec.waiting_user_stacks),
      Column(builder, spec.waiting_ns), Column(builder, spec.waiting_sampled_ns),
      Column(builder, spec.waits), Column(builder, spec.waiting_kept),
      Column(builder, spec.waiting_variances_us2), Column(builder, spec.waiting_count_variances),
      Column(builder, spec.waiting_quanta_us2));
  auto wait_counts =
      wire::CreateWaitCounts(builder, Column(builder, spec.counted_threads),
                             Column(builder, spec.buckets), Column(builder, spec.counted_waits));
  auto exemplars = wire::CreateExemplars(
      builder, Column(builder, spec.exemplar_kinds), Column(builder, spec.exemplar_threads),
      Column(builder, spec.exemplar_states), Column(builder, spec.exemplar_flags),
      Column(builder, spec.exemplar_starts_ns), Column(builder, spec.exemplar_ends_ns),
      Column(builder, spec.exemplar_cpus), Column(builder, spec.exemplar_kernel_stacks),
      Column(builder, spec.exemplar_user_stacks), Column(builder, spec.exemplar_chains));
  auto cpu_times = wire::CreateCpuTimes(builder, Column(builder, spec.cpus), 0, 0, 0, 0, 0,
                                        Column(builder, spec.idle_ns));
  auto counters = wire::CreateCounterRows(
      builder, Column(builder, spec.counter_threads), Column(builder, spec.counter_kernel_stacks),
      Column(builder, spec.counter_user_stacks), Column(builder, spec.cycles),
      Column(builder, spec.cycle_samples), Column(builder, spec.instructions),
      Column(builder, spec.instruction_samples), spec.cycles_counted, spec.cycles_enabled_ns,
      spec.cycles_running_ns, spec.instructions_counted);
  builder.Finish(wire::CreateInterval(builder, spec.number, spec.start_ns, spec.end_ns, 0, cpu,
                                      blocked, losses, cost, accounts, spec.quantum_ns, waiting,
                                      wait_counts, cpu_times, exemplars, counters));
  capture.WriteBlock(BlockType::kInterval, builder);
}

CaptureBytes NewCapture() {
  CaptureBytes capture;
  capture.WriteFileHeader();
  capture.WriteRecording();
  return capture;
}

std::string FaultOf(const CaptureBytes& capture) {
  Result<Capture> read = capture.Read();
  if (!read) return read.error().Message();
  for (const Damage& damage : read->damages) {
    size_t reason = damage.what.find("is left out: ");
    if (reason != std::string::npos) return damage.what.substr(reason + 13);
  }
  return "";
}

std::string FaultOfDefinitions(const DefinitionsSpec& spec) {
  CaptureBytes capture = NewCapture();
  WriteDefinitions(capture, spec);
  return FaultOf(capture);
}

std::string FaultOfInterval(const IntervalSpec& spec) {
  CaptureBytes capture = NewCapture();
  WriteDefinitions(capture, {});
  WriteInterval(capture, spec);
  return FaultOf(capture);
}

}  // namespace twofold::testing
