// Memory of processes by stack: what workloads leak in functions of their own is told exactly, or
// within the stated error, and what they free again is not there.

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "tests/live/memory_harness.h"

namespace twofold::live {
namespace {

const std::vector<std::string> kAll = {"--leak-scope", "user", "--leak-sample-bytes", "1",
                                       "--leak-age",   "0.2"};

void PassTheAge() { std::this_thread::sleep_for(std::chrono::milliseconds(400)); }

void ExpectLeak(const Capture& capture, const std::string& function, uint64_t count,
                uint64_t bytes_each, AllocationKind kind = AllocationKind::kMalloc) {
  SCOPED_TRACE(function);
  const Memory memory = MemoryOf(capture, function, kind);
  EXPECT_EQ(memory.outstanding_count, count);
  EXPECT_EQ(memory.outstanding_bytes, count * bytes_each);
  EXPECT_EQ(memory.young_count, 0u);
  EXPECT_EQ(memory.variance_bytes2, 0u);
  // The function that calls the allocator is the innermost.
  for (const OutstandingRow& row : *capture.intervals.back().outstanding) {
    if (!StackHas(capture, row.user_stack, function)) continue;
    EXPECT_EQ(StackNames(capture, row.user_stack).back(), function);
  }
}

struct Allocator {
  const char* name;
  const char* preload;
};

class EveryAllocator : public testing::TestWithParam<Allocator> {};

TEST_P(EveryAllocator, LeaksAreExactAndWhatIsFreedIsNotThere) {
  MemoryRun run({WorkloadPath("allocations"), "2000", "500"}, kAll, GetParam().preload);
  const Truth truth = run.LetItRun();
  EXPECT_EQ(truth["caught"], 3u) << "an exception of operator new did not pass";
  PassTheAge();
  const Capture capture = run.Finish();
  ExpectAllAccountedFor(capture);
  ExpectLeak(capture, "leak_small", 2000, 64);
  ExpectLeak(capture, "leak_large", 500, 4096);
  ExpectLeak(capture, "leak_cleared", 9, 1000);
  ExpectLeak(capture, "leak_aligned", 7, 8192);
  ExpectLeak(capture, "leak_aligned_too", 21, 512);
  ExpectLeak(capture, "leak_new", 11, 48);
  ExpectLeak(capture, "leak_new_array", 13, 1000);
  ExpectLeak(capture, "leak_new_aligned", 15, 192);
  ExpectLeak(capture, "leak_new_nothrow", 17, 80);
  ExpectLeak(capture, "leak_grown", 2, 200'000);
  ExpectLeak(capture, "leak_not_grown", 19, 300);
  ExpectLeak(capture, "leak_mapping", 5, 1 << 20, AllocationKind::kMmap);
  ExpectLeak(capture, "leak_part_of_mapping", 6, 2 << 16, AllocationKind::kMmap);
  for (const std::string function : {"balanced_malloc", "balanced_calloc", "balanced_realloc",
                                     "balanced_aligned", "balanced_new", "balanced_mapping"}) {
    SCOPED_TRACE(function);
    const Memory memory = MemoryOf(capture, function);
    EXPECT_GE(memory.allocated_count, 3000u);
    EXPECT_EQ(memory.allocated_count, memory.freed_count);
    EXPECT_EQ(memory.outstanding_count, 0u);
  }
  // What an allocator maps for itself, also in an operator new that fails, is none of the
  // program's.
  uint64_t mappings = 0;
  for (const std::string function : {"leak_mapping", "leak_part_of_mapping", "balanced_mapping"}) {
    mappings += MemoryOf(capture, function, AllocationKind::kMmap).allocated_count;
  }
  EXPECT_EQ(MemoryOf(capture, "", AllocationKind::kMmap).allocated_count, mappings);
  // Freed by another thread than that which allocated.
  const Memory parcels = MemoryOf(capture, "make_parcel");
  EXPECT_EQ(parcels.allocated_count, 3000u);
  EXPECT_EQ(parcels.freed_bytes, 3000u * 700);
  EXPECT_EQ(parcels.outstanding_count, 0u);
  EXPECT_EQ(LossCount(capture), LossCountOf(capture, LossCause::kAllocationUnseen));
}

INSTANTIATE_TEST_SUITE_P(Memory, EveryAllocator,
                         testing::Values(Allocator{"Glibc", ""},
                                         Allocator{"Jemalloc", "libjemalloc.so.2"},
                                         Allocator{"Tcmalloc", "libtcmalloc_minimal.so.4"}),
                         [](const auto& test) { return test.param.name; });

TEST(Memory, EstimatesAreWithinTheirErrorAndFivePerCent) {
  // Enough for 5 % to be five times the expected error.
  MemoryRun run({WorkloadPath("allocations"), "2600000", "50000"},
                {"--leak-scope", "user", "--leak-age", "0.2", "--leak-sample-bytes", "16384"});
  const Truth truth = run.LetItRun();
  PassTheAge();
  const Capture capture = run.Finish();
  ExpectAllAccountedFor(capture);
  // The cost is above the default limit, and B stays, because it was given.
  ASSERT_TRUE(capture.end.has_value());
  EXPECT_EQ(capture.end->reason, EndReason::kInterrupted);
  const double sample_bytes = double(capture.recording.settings.leak_sample_bytes);
  struct {
    const char* function;
    uint64_t count;
    uint64_t bytes_each;
  } const leaks[] = {{"leak_small", truth["small"], 64}, {"leak_large", truth["large"], 4096}};
  for (const auto& leak : leaks) {
    SCOPED_TRACE(leak.function);
    const Memory memory = MemoryOf(capture, leak.function);
    const double bytes = double(leak.count * leak.bytes_each);
    const double error = std::sqrt(double(memory.variance_bytes2));
    EXPECT_LE(error, std::sqrt(sample_bytes * bytes) * 1.1);
    EXPECT_NEAR(double(memory.outstanding_bytes), bytes, 5 * error);
    EXPECT_NEAR(double(memory.outstanding_bytes), bytes, 0.05 * bytes);
    EXPECT_NEAR(double(memory.outstanding_count), double(leak.count), 0.05 * double(leak.count));
    EXPECT_LT(memory.outstanding_samples, leak.count);
  }
  for (const std::string function : {"balanced_malloc", "balanced_realloc", "balanced_new"}) {
    EXPECT_EQ(MemoryOf(capture, function).outstanding_count, 0u) << function;
  }
  EXPECT_EQ(LossCount(capture), 0u);
}

TEST(Memory, LimitOnTheCostRaisesTheBytesBetweenSamples) {
  // All are kept at first, which is far above the limit.
  MemoryRun run({WorkloadPath("allocations"), "600000", "10"},
                {"--leak-scope", "user", "--leak-age", "0.2", "--leak-sample-bytes", "1",
                 "--max-overhead", "1"});
  run.LetItRun();
  PassTheAge();
  const Capture capture = run.Finish();
  ExpectAllAccountedFor(capture);
  const Memory memory = MemoryOf(capture, "leak_small");
  EXPECT_GT(memory.outstanding_samples, 0u);
  // With B as it was, each stands for itself alone.
  EXPECT_LT(memory.outstanding_samples, memory.outstanding_count);
}

TEST(Memory, FullTableSaysHowMuchItDoesNotKnow) {
  std::vector<std::string> options = kAll;
  options.insert(options.end(), {"--memory", "8"});
  MemoryRun run({WorkloadPath("allocations"), "60000", "10"}, options);
  run.LetItRun();
  PassTheAge();
  const Capture capture = run.Finish();
  ExpectAllAccountedFor(capture);
  EXPECT_GT(LossCountOf(capture, LossCause::kAllocationTableFull), 0u);
  const Memory memory = MemoryOf(capture, "leak_small");
  EXPECT_EQ(memory.allocated_count, 60'000u);
  EXPECT_GT(memory.untracked_count, 0u);
  EXPECT_GT(memory.outstanding_count, 0u);
  EXPECT_EQ(memory.untracked_count + memory.outstanding_count, 60'000u);
  EXPECT_EQ(memory.untracked_bytes, memory.untracked_count * 64);
}

TEST(Memory, ProcessThatEndsLeavesWhatItHadNotFreed) {
  MemoryRun run({WorkloadPath("allocations"), "1000", "10"}, kAll);
  run.LetItRun();
  run.End(SIGTERM);
  EXPECT_EQ(run.WaitForEnd(), 0);
  const Capture capture = run.recorder().WaitForEnd();
  ASSERT_TRUE(capture.end.has_value());
  EXPECT_EQ(capture.end->reason, EndReason::kTargetsExited);
  ExpectAllAccountedFor(capture);
  EXPECT_EQ(MemoryOf(capture, "leak_small").outstanding_count, 1000u);
}

TEST(Memory, LibraryThatIsLoadedLaterIsProbed) {
  MemoryRun run({WorkloadPath("allocations"), "10", "10", "libtcmalloc_minimal.so.4"}, kAll);
  const Truth truth = run.LetItRun();
  PassTheAge();
  const Capture capture = run.Finish();
  ExpectLeak(capture, "leak_late", truth["late"], 400);
  ExpectLeak(capture, "leak_small", 10, 64);
}

TEST(Memory, OtherSourcesAreRecordedBesideIt) {
  const std::vector<std::string> options = {"--record", "cpu,offcpu,memleak",  "--leak-scope",
                                            "user",     "--leak-sample-bytes", "1"};
  MemoryRun run({WorkloadPath("allocations"), "3000", "10"}, options);
  run.LetItRun();
  const Capture capture = run.Finish();
  const Settings& settings = capture.recording.settings;
  EXPECT_EQ(settings.sources, (std::vector<std::string>{"cpu", "offcpu", "memleak"}));
  EXPECT_EQ(settings.leak_scope, "user");
  EXPECT_EQ(settings.leak_sample_bytes, 1u);
  EXPECT_EQ(settings.leak_age_ns, 500'000'000u);
  EXPECT_EQ(MemoryOf(capture, "leak_small").outstanding_count, 3000u);
  EXPECT_GT(CpuNs(capture, {}), 0u);
  EXPECT_GT(BlockedNs(capture, {}), 0u);
}

TEST(Memory, LimitThatCannotBeKeptEndsTheRecordingWhereThatWasAskedFor) {
  MemoryRun run({WorkloadPath("allocations"), "8000000", "10"},
                {"--leak-scope", "user", "--max-overhead", "0.5", "--or-stop"});
  run.End(SIGUSR1);
  const Capture capture = run.recorder().WaitForEnd(3);
  ASSERT_TRUE(capture.end.has_value());
  EXPECT_EQ(capture.end->reason, EndReason::kOverhead);
  ExpectAllAccountedFor(capture);
}

TEST(Memory, ProcessWithoutAnAllocatorIsToldOf) {
  const Workplace workplace;
  // A static program whose names were stripped cannot be probed.
  const std::string program = workplace.Path("stripped");
  ASSERT_EQ(
      RunToEnd(workplace, {"strip", "-o", program, WorkloadPath("named_burner_static")}).status, 0);
  Program workload({program, "20"}, workplace.Path("out"), workplace.Path("err"));
  const Outcome outcome = RunToEnd(
      workplace, {RecorderPath(), "-o", workplace.Path("capture.twofold"), "-d", "1", "-p",
                  std::to_string(workload.pid()), "--record", "memleak", "--leak-scope", "user"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.errors.find("memory cannot be recorded: no file that the process has mapped "
                                "defines malloc"),
            std::string::npos)
      << outcome.errors;
  EXPECT_NE(outcome.errors.find("--leak-scope kernel"), std::string::npos) << outcome.errors;
}

// Files and their parts are objects of the kernel's caches.
TEST(KernelMemory, ObjectsOfOpenFilesAreCounted) {
  MemoryRun run({WorkloadPath("held_files"), "300", "700"},
                {"--leak-scope", "kernel", "--leak-sample-bytes", "1", "--leak-age", "0.2"});
  const Truth truth = run.LetItRun();
  EXPECT_EQ(truth["failed"], 0u);
  PassTheAge();
  const Capture capture = run.Finish();
  ExpectAllAccountedFor(capture);
  EXPECT_EQ(capture.recording.settings.leak_scope, "kernel");
  // Each has one entry of its own in the cache of names, and a counter in kmalloc's memory.
  const Memory entries = MemoryOf(capture, "__d_alloc", AllocationKind::kSlab);
  EXPECT_EQ(entries.outstanding_count, truth["held"]);
  EXPECT_GT(entries.outstanding_bytes, truth["held"] * 100);
  EXPECT_EQ(entries.allocated_count, truth["held"] + truth["closed"]);
  uint64_t counters = 0;
  for (const OutstandingRow& row : *capture.intervals.back().outstanding) {
    const std::vector<std::string> names = StackNames(capture, row.kernel_stack);
    if (row.kind != AllocationKind::kKmalloc || names.size() < 2) continue;
    if (names[names.size() - 2] == "do_eventfd") counters += row.count;
  }
  EXPECT_EQ(counters, truth["held"]);
  // What traces is no part of the stack.
  for (const OutstandingRow& row : *capture.intervals.back().outstanding) {
    for (const std::string& name : StackNames(capture, row.kernel_stack)) {
      EXPECT_EQ(name.rfind("__traceiter_", 0), std::string::npos) << name;
      EXPECT_EQ(name.rfind("bpf_trace_run", 0), std::string::npos) << name;
    }
  }
}

// Looks at the whole host and keeps nothing of it.
TEST(KernelMemory, InterruptsHaveANameOfTheirOwn) {
  const Workplace workplace;
  const Outcome outcome = RunToEnd(
      workplace, {RecorderPath(), "-o", workplace.Path("capture.twofold"), "-d", "2", "--record",
                  "memleak", "--leak-scope", "kernel", "--leak-sample-bytes", "1"});
  ASSERT_EQ(outcome.status, 0) << outcome.errors;
  const Capture capture = LoadCapture(workplace.Path("capture.twofold"));
  ExpectAllAccountedFor(capture);
  EXPECT_GT(MemoryOf(capture, "").allocated_count, 100u);
  for (const AllocationRow& row : *capture.intervals.back().allocations) {
    if (capture.String(capture.GetThread(row.thread).name) != "[interrupt]") continue;
    EXPECT_EQ(row.user_stack, StackId());
  }
}

}  // namespace
}  // namespace twofold::live
