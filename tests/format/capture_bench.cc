// What writing and reading a capture costs: bytes per row and time, for a synthetic host.
//
// usage: capture_bench [STACKS [ROUNDS]]
//
// The stacks are what a busy service has: 4,000 functions in 30 modules, 10 to 30 frames deep, most
// of them sharing their beginnings, one blocked row each. Median and spread (lowest to highest) of
// all rounds; nothing here passes or fails. Then the same rows again, most of them estimates with a
// chain of one to three wakers, and what each of that adds.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>

#include "format/base/bytes.h"
#include "format/base/check.h"
#include "format/capture_reader.h"
#include "format/capture_writer.h"
#include "format/definitions_builder.h"

namespace twofold {
namespace {

struct Synthetic {
  Definitions definitions;
  Interval interval;
};

Synthetic MakeSynthetic(uint32_t stacks, DefinitionsBuilder& builder) {
  std::mt19937 random(2);
  std::vector<FrameId> frames;
  for (int i = 0; i < 4000; ++i) {
    Module module;
    module.path =
        builder.InternString("/usr/lib/x86_64-linux-gnu/libexample-" + std::to_string(i % 30));
    module.build_id = builder.InternString("00112233445566778899aabbccddeeff" + std::to_string(i));
    Frame frame;
    frame.module = builder.InternModule(module);
    frame.symbol = builder.InternString("_ZN7example7service" + std::to_string(random() % 100000) +
                                        "handle_requestERKNS_7RequestE");
    frame.offset = random() % (4U << 20);
    frames.push_back(builder.InternFrame(frame));
  }
  std::vector<ThreadId> threads;
  for (uint32_t i = 0; i < 200; ++i) {
    Process process;
    process.pid = Pid(1000 + i);
    process.name = builder.InternString("service-" + std::to_string(i % 20));
    Thread thread;
    thread.process = builder.AddProcess(process);
    thread.tid = Tid(1000 + i);
    thread.name = process.name;
    threads.push_back(builder.AddThread(thread));
  }
  Synthetic made;
  made.interval.end_ns = 1'000'000'000;
  std::vector<BlockedRow>& rows = made.interval.blocked.emplace();
  std::vector<FrameId> stack;
  for (uint32_t i = 0; i < stacks; ++i) {
    // The next stack leaves the last one somewhere on the way, mostly near its leaf.
    size_t keep = stack.size() - std::min<size_t>(stack.size(), 1 + random() % 4 * (random() % 6));
    stack.resize(keep);
    size_t depth = std::max<size_t>(keep + 1, 10 + random() % 21);
    while (stack.size() < depth) stack.push_back(frames[random() % (stack.size() * 100 + 50)]);
    StackId user = builder.InternStack(stack);
    StackId kernel = builder.InternStack(std::span(frames).subspan(random() % 50, 8));
    rows.push_back({threads[random() % threads.size()], BlockState::kInterruptible, kernel, user,
                    1000 + random() % 50'000'000, 1 + random() % 20});
  }
  std::sort(rows.begin(), rows.end(), [](const BlockedRow& a, const BlockedRow& b) {
    return std::tie(a.thread, a.kernel_stack, a.user_stack) <
           std::tie(b.thread, b.kernel_stack, b.user_stack);
  });
  made.definitions = builder.TakeNew();
  return made;
}

// Nine of ten rows hold what was chosen by chance, as at a T of 100 us.
void AddEstimates(Synthetic& synthetic, std::mt19937& random) {
  constexpr uint64_t kQuantumUs = 100;
  synthetic.interval.quantum_ns = kQuantumUs * 1000;
  for (BlockedRow& row : *synthetic.interval.blocked) {
    row.samples = 1 + random() % 8;
    if (random() % 10 == 0) continue;
    row.sampled_ns = row.samples * kQuantumUs * 1000;
    row.time_ns = row.sampled_ns;
    row.variance_us2 = row.samples * kQuantumUs * (random() % kQuantumUs);
    row.count_variance = row.samples * (random() % 64);
  }
}

// 2,000 wakers with stacks that rows have, too; an interrupt at the end of every other chain.
void AddChains(Synthetic& synthetic, DefinitionsBuilder& builder, std::mt19937& random) {
  const std::vector<BlockedRow>& rows = *synthetic.interval.blocked;
  std::vector<WakerId> wakers;
  for (int i = 0; i < 2000; ++i) {
    const BlockedRow& row = rows[random() % rows.size()];
    Waker waker;
    waker.thread = row.thread;
    waker.kernel_stack = row.kernel_stack;
    waker.user_stack = row.user_stack;
    wakers.push_back(builder.InternWaker(waker));
  }
  Waker timer;
  timer.kind = WakerKind::kTimer;
  timer.kernel_stack = rows[0].kernel_stack;
  const WakerId by_timer = builder.InternWaker(timer);
  for (BlockedRow& row : *synthetic.interval.blocked) {
    ChainId chain;
    if (random() % 2 == 0) chain = builder.InternChain(chain, by_timer);
    for (uint32_t left = 1 + random() % 2; left != 0; --left) {
      // A thread is mostly woken by the same few.
      chain = builder.InternChain(chain, wakers[row.thread.value * 10 % 1990 + random() % 10]);
    }
    row.chain = chain;
  }
  Definitions fresh = builder.TakeNew();
  synthetic.definitions.wakers = fresh.wakers;
  synthetic.definitions.chains = fresh.chains;
}

std::string Write(const Synthetic& synthetic, uint64_t& definitions_bytes) {
  MemorySink sink;
  CaptureWriter writer(sink);
  TWOFOLD_CHECK(writer.Start(Recording()).has_value());
  uint64_t before = writer.bytes_written();
  TWOFOLD_CHECK(writer.WriteDefinitions(synthetic.definitions).has_value());
  definitions_bytes = writer.bytes_written() - before;
  TWOFOLD_CHECK(writer.WriteInterval(synthetic.interval).has_value());
  End end;
  end.end_ns = synthetic.interval.end_ns;
  end.intervals = 1;
  TWOFOLD_CHECK(writer.Finish(end).has_value());
  return sink.bytes;
}

template <typename Work>
void Time(const char* what, int rounds, Work work) {
  std::vector<double> ms;
  for (int i = 0; i < rounds; ++i) {
    auto start = std::chrono::steady_clock::now();
    work();
    ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
                     .count());
  }
  std::sort(ms.begin(), ms.end());
  std::printf("%-10s %8.1f ms (%.1f to %.1f)\n", what, ms[ms.size() / 2], ms.front(), ms.back());
}

int Run(uint32_t stacks, int rounds) {
  Synthetic synthetic;
  std::optional<DefinitionsBuilder> builder;
  Time("intern", rounds, [&] { synthetic = MakeSynthetic(stacks, builder.emplace()); });
  size_t rows = synthetic.interval.blocked->size();
  size_t nodes = synthetic.definitions.stacks.size();
  std::string bytes;
  uint64_t definitions_bytes = 0;
  Time("write", rounds, [&] { bytes = Write(synthetic, definitions_bytes); });
  Time("read", rounds, [&] {
    Result<Capture> read = ReadCapture(AsBytes(bytes), "bench");
    TWOFOLD_CHECK(read.has_value() && !read->partial());
    TWOFOLD_CHECK(read->intervals[0] == synthetic.interval);
  });
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "%zu rows, %zu stack nodes, %zu bytes: %.1f per row, of which definitions %.1f "
      "(%.1f per node); peak memory %ld MiB\n",
      rows, nodes, bytes.size(), double(bytes.size()) / rows, double(definitions_bytes) / rows,
      double(definitions_bytes) / nodes, usage.ru_maxrss / 1024);

  std::mt19937 random(3);
  AddEstimates(synthetic, random);
  const size_t with_estimates = Write(synthetic, definitions_bytes).size();
  AddChains(synthetic, *builder, random);
  const size_t with_chains = Write(synthetic, definitions_bytes).size();
  const auto per_row = [&](size_t more, size_t less) {
    return (double(more) - double(less)) / double(rows);
  };
  std::printf("estimates add %.1f bytes per row, chains %.1f (%zu wakers, %zu chains)\n",
              per_row(with_estimates, bytes.size()), per_row(with_chains, with_estimates),
              synthetic.definitions.wakers.size(), synthetic.definitions.chains.size());
  return 0;
}

}  // namespace
}  // namespace twofold

int main(int argc, char** argv) {
  int stacks = argc > 1 ? std::atoi(argv[1]) : 100'000;
  int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  if (stacks <= 0 || rounds <= 0) {
    std::fprintf(stderr, "usage: capture_bench [STACKS [ROUNDS]]\n");
    return 2;
  }
  return twofold::Run(uint32_t(stacks), rounds);
}
