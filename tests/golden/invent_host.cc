// Writes a capture again under an invented host, for golden captures: nothing in the repository may
// describe the machine that recorded it. Rows and intervals stay as they are, names too but for
// those of strangers (strangers.h), and definitions come with the interval that needs them.
//
// usage: invent_host CAPTURE NEW_CAPTURE

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "format/base/output_file.h"
#include "format/capture_reader.h"
#include "format/capture_writer.h"
#include "tests/golden/strangers.h"

namespace {

using namespace twofold;

const Host kInventedHost = {.hostname = "golden-host",
                            .kernel_release = "6.12.0-golden-amd64",
                            .kernel_version = "#1 SMP PREEMPT_DYNAMIC Golden 6.12.0-1",
                            .machine = "x86_64",
                            .distribution = "Debian GNU/Linux 12 (bookworm)",
                            .cpu_model = "Example CPU @ 2.00GHz",
                            .cpus_online = 2,
                            .memory_bytes = 16ULL << 30,
                            .page_bytes = 4096,
                            .kernel_build_id = "00112233445566778899aabbccddeeff00112233"};

constexpr char kInventedCgroup[] = "/golden.slice";

// How many of each kind are written.
struct Counts {
  size_t strings = 0, modules = 0, frames = 0, stacks = 0, processes = 0, threads = 0, ends = 0;
  size_t wakers = 0, chains = 0;
};

void Raise(size_t& count, uint32_t id) { count = std::max<size_t>(count, id); }

// What an interval and everything that it refers to needs.
Counts Needs(const Capture& capture, const Interval& interval, const Counts& written) {
  const Definitions& all = capture.definitions;
  Counts counts = written;
  const auto row = [&](ThreadId thread, StackId kernel_stack, StackId user_stack) {
    Raise(counts.threads, thread.value);
    Raise(counts.stacks, kernel_stack.value);
    Raise(counts.stacks, user_stack.value);
  };
  if (interval.cpu) {
    for (const CpuRow& r : interval.cpu->rows) row(r.thread, r.kernel_stack, r.user_stack);
  }
  if (interval.counters) {
    for (const CounterRow& r : interval.counters->rows) row(r.thread, r.kernel_stack, r.user_stack);
  }
  if (interval.blocked) {
    for (const BlockedRow& r : *interval.blocked) {
      row(r.thread, r.kernel_stack, r.user_stack);
      Raise(counts.chains, r.chain.value);
    }
  }
  if (interval.accounts) {
    for (const Account& account : *interval.accounts) Raise(counts.threads, account.thread.value);
  }
  if (interval.waiting) {
    for (const WaitingRow& r : *interval.waiting) row(r.thread, r.kernel_stack, r.user_stack);
  }
  if (interval.wait_counts) {
    for (const WaitCount& r : *interval.wait_counts) Raise(counts.threads, r.thread.value);
  }
  for (const Exemplar& r : interval.exemplars) {
    row(r.thread, r.kernel_stack, r.user_stack);
    Raise(counts.chains, r.chain.value);
  }
  if (interval.allocations) {
    for (const AllocationRow& r : *interval.allocations) {
      row(r.thread, r.kernel_stack, r.user_stack);
    }
  }
  if (interval.outstanding) {
    for (const OutstandingRow& r : *interval.outstanding) {
      row(r.thread, r.kernel_stack, r.user_stack);
    }
  }
  if (interval.retransmits) {
    for (const RetransmitRow& r : interval.retransmits->rows) {
      row(r.thread, r.kernel_stack, StackId());
      Raise(counts.strings, r.local_address.value);
      Raise(counts.strings, r.remote_address.value);
    }
  }
  if (interval.execs) {
    for (const ExecRow& r : *interval.execs) {
      Raise(counts.threads, r.thread.value);
      for (StringId text : {r.parent_name, r.file, r.arguments}) Raise(counts.strings, text.value);
    }
  }
  for (size_t i = written.chains; i < counts.chains; ++i) {
    Raise(counts.wakers, all.chains[i].waker.value);
  }
  for (size_t i = written.wakers; i < counts.wakers; ++i) {
    row(all.wakers[i].thread, all.wakers[i].kernel_stack, all.wakers[i].user_stack);
  }
  while (counts.ends < all.process_ends.size() &&
         all.process_ends[counts.ends].end_ns <= int64_t(interval.end_ns)) {
    Raise(counts.processes, all.process_ends[counts.ends++].process.value);
  }
  for (size_t i = written.threads; i < counts.threads; ++i) {
    Raise(counts.processes, all.threads[i].process.value);
    Raise(counts.strings, all.threads[i].name.value);
    Raise(counts.strings, all.threads[i].cgroup.value);
  }
  for (size_t i = written.processes; i < counts.processes; ++i) {
    const Process& process = all.processes[i];
    for (StringId id : {process.name, process.executable, process.cgroup}) {
      Raise(counts.strings, id.value);
    }
  }
  for (size_t i = written.stacks; i < counts.stacks; ++i) {
    Raise(counts.frames, all.stacks[i].frame.value);
  }
  for (size_t i = written.frames; i < counts.frames; ++i) {
    Raise(counts.modules, all.frames[i].module.value);
    Raise(counts.strings, all.frames[i].symbol.value);
  }
  for (size_t i = written.modules; i < counts.modules; ++i) {
    Raise(counts.strings, all.modules[i].path.value);
    Raise(counts.strings, all.modules[i].build_id.value);
  }
  return counts;
}

template <typename T>
std::vector<T> Slice(const std::vector<T>& all, size_t from, size_t to) {
  return {all.begin() + long(from), all.begin() + long(to)};
}

Definitions Between(const Definitions& all, const Counts& from, const Counts& to) {
  return {.strings = Slice(all.strings, from.strings, to.strings),
          .modules = Slice(all.modules, from.modules, to.modules),
          .frames = Slice(all.frames, from.frames, to.frames),
          .stacks = Slice(all.stacks, from.stacks, to.stacks),
          .processes = Slice(all.processes, from.processes, to.processes),
          .threads = Slice(all.threads, from.threads, to.threads),
          .process_ends = Slice(all.process_ends, from.ends, to.ends),
          .wakers = Slice(all.wakers, from.wakers, to.wakers),
          .chains = Slice(all.chains, from.chains, to.chains)};
}

Result<void> Rewrite(const std::string& from, const std::string& to) {
  Result<Capture> capture = ReadCaptureFile(from);
  if (!capture) return std::move(capture).error();
  if (capture->partial()) {
    return Error{.what = "is cut short or damaged", .where = from, .remedy = "Record it again"};
  }
  Result<OutputFile> output = OutputFile::Create(to);
  if (!output) return std::move(output).error();
  CaptureWriter writer(*output);
  Recording recording = capture->recording;
  recording.host = kInventedHost;
  // The pattern of --comm is the golden's own, as is the command; a control group is the machine's.
  if (!recording.settings.cgroup.empty()) recording.settings.cgroup = kInventedCgroup;
  for (Process& process : capture->definitions.processes) process.cgroup = StringId();
  for (Thread& thread : capture->definitions.threads) thread.cgroup = StringId();
  HideStrangers(*capture);
  TWOFOLD_RETURN_IF_ERROR(writer.Start(recording));
  Counts written;
  for (const Interval& interval : capture->intervals) {
    const bool last = &interval == &capture->intervals.back();
    const Definitions& all = capture->definitions;
    const Counts needed =
        last ? Counts{all.strings.size(),      all.modules.size(),   all.frames.size(),
                      all.stacks.size(),       all.processes.size(), all.threads.size(),
                      all.process_ends.size(), all.wakers.size(),    all.chains.size()}
             : Needs(*capture, interval, written);
    TWOFOLD_RETURN_IF_ERROR(writer.WriteDefinitions(Between(all, written, needed)));
    TWOFOLD_RETURN_IF_ERROR(writer.WriteInterval(interval));
    written = needed;
  }
  TWOFOLD_RETURN_IF_ERROR(writer.Finish(*capture->end));
  return output->Commit();
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 3) {
    std::fputs("usage: invent_host CAPTURE NEW_CAPTURE\n", stderr);
    return 2;
  }
  const Result<void> done = Rewrite(arguments[1], arguments[2]);
  if (done) return 0;
  std::fprintf(stderr, "invent_host: %s\n", done.error().Message().c_str());
  return 1;
}
