// Known answers by simulation, with fixed seeds: how far the scaled times of functions are from the
// truth, and whether their stated errors are true, whatever the lifetimes of their threads and the
// quantum are.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <map>

#include "analyzer/data/cpu_scaling.h"
#include "analyzer/data/off_cpu_scaling.h"
#include "tests/analyzer/simulated_recording.h"

namespace twofold::testing {
namespace {

constexpr uint64_t kUs = 1000;
constexpr uint64_t kMs = 1000000;
constexpr uint64_t kSecond = 1000000000;
constexpr int kRuns = 20;

// What views show of a function.
struct Shown {
  double time_ns = 0;
  double variance_ns2 = 0;
  double sample_ns = 0;  // the largest of its rows
  double count = 0;
  double count_variance = 0;
  double sample_count = 0;  // the largest of its rows
  double kept = 0;

  double ErrorNs() const { return std::sqrt(variance_ns2 + 2 * sample_ns * sample_ns); }
  double CountError() const { return std::sqrt(count_variance + 2 * sample_count * sample_count); }
};

struct ShownCapture {
  std::map<Function, Shown> functions;
  double without_stack_ns = 0;
  double exact_ns = 0;
  double sample_ns = 0;     // of any row
  double sample_count = 0;  // of any row

  // What views show of a function: what has no row is as uncertain as a row with nothing kept.
  Shown Of(Function function) const {
    auto found = functions.find(function);
    Shown shown = found == functions.end() ? Shown() : found->second;
    if (shown.kept == 0) {
      shown.sample_ns = sample_ns;
      shown.sample_count = sample_count;
    }
    return shown;
  }

  double TotalNs() const {
    double total_ns = without_stack_ns;
    for (const auto& [function, shown] : functions) total_ns += shown.time_ns;
    return total_ns;
  }
};

ShownCapture ShowCpu(const Capture& capture) {
  CpuScaling scaling(capture);
  ShownCapture all;
  size_t next = 0;
  for (const Interval& interval : capture.intervals) {
    for (const CpuRow& row : interval.cpu->rows) {
      Shown& shown = all.functions[row.user_stack.value];
      shown.time_ns += double(scaling.scaled_ns()[next++]);
      shown.kept += double(row.samples);
    }
    for (const Account& account : *interval.accounts) {
      all.exact_ns += double(account.on_cpu_ns);
      if (scaling.IsUnsampled(account.thread)) {
        all.without_stack_ns += double(account.on_cpu_ns);
      }
    }
  }
  return all;
}

ShownCapture ShowBlocked(const Capture& capture) {
  OffCpuScaling scaling(capture);
  ShownCapture all;
  size_t next = 0;
  for (const Interval& interval : capture.intervals) {
    for (const BlockedRow& row : *interval.blocked) {
      const ScaledRow& scaled = scaling.blocked()[next++];
      Shown& shown = all.functions[row.user_stack.value];
      shown.time_ns += double(scaled.time_ns);
      shown.variance_ns2 += double(scaled.variance_us2) * 1e6;
      shown.sample_ns = std::max(shown.sample_ns, double(scaled.sample_ns));
      shown.count += double(row.count);
      shown.count_variance += double(scaled.count_variance);
      shown.sample_count = std::max(shown.sample_count, double(scaled.sample_count));
      shown.kept += double(row.samples);
      all.sample_count = std::max(all.sample_count, shown.sample_count);
      all.sample_ns = std::max(all.sample_ns, shown.sample_ns);
    }
    for (const Account& account : *interval.accounts) {
      for (uint64_t time_ns : account.blocked_ns) all.exact_ns += double(time_ns);
    }
  }
  for (const UnplacedTime& unplaced : scaling.unplaced()) {
    all.without_stack_ns += double(unplaced.time_ns);
  }
  return all;
}

// Equal time in functions of threads that live for different lengths: function 1 in one long
// thread, the others in threads of 0.2, 2, 5 and 20 ms; and a tenth of each kind's time in function
// 9. Use gives what a thread does there.
constexpr uint64_t kLives[] = {1600 * kMs, 200 * kUs, 2 * kMs, 5 * kMs, 20 * kMs};
constexpr uint64_t kEach = 1600 * kMs;
constexpr Function kShared = 9;

using Spend = std::function<void(SimulatedRecording&, ThreadId, Function, uint64_t, uint64_t)>;

void LiveShortAndLong(SimulatedRecording& recording, const Spend& spend) {
  std::uniform_int_distribution<uint64_t> place(1, recording.WindowNs() - 3 * kSecond);
  for (Function kind = 0; kind < std::size(kLives); ++kind) {
    uint64_t life_ns = kLives[kind];
    for (uint64_t i = 0; i < kEach / life_ns; ++i) {
      ThreadId thread = recording.AddThread("kind " + std::to_string(kind), "/usr/bin/app");
      uint64_t start_ns = place(recording.random());
      spend(recording, thread, kind + 1, start_ns, life_ns * 9 / 10);
      spend(recording, thread, kShared, start_ns + life_ns * 9 / 10, life_ns / 10);
    }
  }
}

// In all runs: how many times of functions lie within 1.96 stated errors of the truth, and whether
// their mean is right.
struct Score {
  double covered = 0;
  double all = 0;
  std::map<Function, double> sum_of_z;

  void Add(Function function, double shown_ns, double truth_ns, double error_ns) {
    double z = (shown_ns - truth_ns) / error_ns;
    covered += std::abs(z) <= 1.96 ? 1 : 0;
    all += 1;
    sum_of_z[function] += z;
  }
  double Coverage() const { return 100 * covered / all; }
  // The mean of n independent errors has 1 / sqrt(n) of their standard error; 3.5 of them.
  void ExpectUnbiased(int runs) const {
    for (const auto& [function, sum] : sum_of_z) {
      EXPECT_LT(std::abs(sum / runs), 3.5 / std::sqrt(runs)) << "function " << function;
    }
  }
};

TEST(ScalingSimulation, FunctionsOfShortThreadsKeepTheirCpuTime) {
  for (uint32_t accounts_late : {0, 1}) {
    SimulatedRecording::Settings settings;
    settings.accounts_late = accounts_late;
    Score score;
    for (int run = 0; run < kRuns; ++run) {
      SimulatedRecording recording(settings, 100 + uint64_t(run));
      LiveShortAndLong(recording, [](SimulatedRecording& r, ThreadId thread, Function function,
                                     uint64_t start_ns, uint64_t length_ns) {
        r.Run(thread, function, start_ns, length_ns);
      });
      std::map<Function, FunctionTruth> truth = recording.truth();
      ShownCapture all = ShowCpu(recording.Finish());
      EXPECT_EQ(all.TotalNs(), all.exact_ns);
      EXPECT_EQ(all.without_stack_ns, 0);
      for (const auto& [function, of_function] : truth) {
        double truth_ns = double(of_function.on_cpu_ns);
        double error_ns = std::sqrt(double(settings.period_ns) * truth_ns);
        score.Add(function, all.functions[function].time_ns, truth_ns, error_ns);
      }
    }
    printf("CPU time within its stated error: %.1f %% of %.0f\n", score.Coverage(), score.all);
    EXPECT_GE(score.Coverage(), 92);
    score.ExpectUnbiased(kRuns);
  }
}

TEST(ScalingSimulation, FunctionsOfShortThreadsKeepTheirBlockedTime) {
  for (uint32_t accounts_late : {0, 1}) {
    SimulatedRecording::Settings settings;
    settings.quantum_ns = 10 * kMs;
    settings.accounts_late = accounts_late;
    Score score;
    for (int run = 0; run < kRuns; ++run) {
      SimulatedRecording recording(settings, 200 + uint64_t(run));
      // Blocks of 1 ms at most: some short for T, and one of the long thread that is not.
      LiveShortAndLong(recording, [](SimulatedRecording& r, ThreadId thread, Function function,
                                     uint64_t start_ns, uint64_t length_ns) {
        for (uint64_t done_ns = 0; done_ns < length_ns;) {
          uint64_t block_ns = std::min(length_ns - done_ns, 20 * kUs + r.random()() % kMs);
          r.Block(thread, function, start_ns + done_ns, block_ns);
          done_ns += block_ns;
        }
      });
      ThreadId sleeper = recording.AddThread("sleeper", "/usr/bin/sleeper");
      recording.Block(sleeper, 20, 0, recording.WindowNs());
      std::map<Function, FunctionTruth> truth = recording.truth();
      ShownCapture all = ShowBlocked(recording.Finish());
      EXPECT_EQ(all.TotalNs(), all.exact_ns);
      EXPECT_EQ(all.without_stack_ns, 0);
      EXPECT_EQ(all.functions[20].time_ns, double(recording.WindowNs()));
      for (const auto& [function, of_function] : truth) {
        if (function == 20) continue;
        const Shown& shown = all.functions[function];
        score.Add(function, shown.time_ns, double(of_function.blocked_ns), shown.ErrorNs());
      }
    }
    printf("blocked time within its stated error: %.1f %% of %.0f\n", score.Coverage(), score.all);
    EXPECT_GE(score.Coverage(), 92);
    score.ExpectUnbiased(kRuns);
  }
}

// Workers of a service and what they wait for: from much of the time to next to nothing of it, in
// blocks whose lengths `length_ns(function)` gives.
constexpr double kShares[] = {0.5, 0.2, 0.1, 0.1, 0.05, 0.03, 0.01, 0.005, 0.003, 0.002};
using Lengths = std::function<double(std::mt19937_64&, Function)>;

void Serve(SimulatedRecording& recording, int workers, const Lengths& length_ns) {
  std::discrete_distribution<uint32_t> choose(std::begin(kShares), std::end(kShares));
  for (int worker = 0; worker < workers; ++worker) {
    ThreadId thread = recording.AddThread("worker", "/usr/bin/service");
    for (uint64_t now_ns = 0; now_ns < recording.WindowNs();) {
      Function function = 1 + choose(recording.random());
      auto block_ns = 2 * kUs + uint64_t(length_ns(recording.random(), function));
      recording.Block(thread, function, now_ns, block_ns);
      now_ns += block_ns + 50 * kUs;
    }
  }
}

// Around 100 us, some far longer.
double Lognormal(std::mt19937_64& random, Function) {
  return std::lognormal_distribution<double>(std::log(100e3), 1.2)(random);
}

struct Coverage {
  Score times;
  Score counts;

  // Of every function, whatever was kept of it.
  void Add(SimulatedRecording& recording) {
    std::map<Function, FunctionTruth> truth = recording.truth();
    ShownCapture all = ShowBlocked(recording.Finish());
    EXPECT_EQ(all.TotalNs(), all.exact_ns);
    for (const auto& [function, of_function] : truth) {
      Shown shown = all.Of(function);
      times.Add(function, shown.time_ns, double(of_function.blocked_ns), shown.ErrorNs());
      counts.Add(function, shown.count, double(of_function.blocks), shown.CountError());
    }
  }

  void Expect(const std::string& what, uint64_t quantum_ns) {
    printf("%s, T = %6.1f ms: times covered %.1f %%, counts %.1f %% of %.0f\n", what.c_str(),
           double(quantum_ns) / 1e6, times.Coverage(), counts.Coverage(), counts.all);
    EXPECT_GE(times.Coverage(), 92) << what;
    EXPECT_GE(counts.Coverage(), 92) << what;
  }
};

constexpr uint64_t kQuanta[] = {100 * kUs, 1 * kMs, 10 * kMs, 1 * kSecond};

struct Runs {
  const char* what;
  uint32_t intervals;  // of a second
  uint64_t runs;
  uint64_t first_seed;
  int workers;
};

void ExpectCoverage(const Runs& runs) {
  for (uint64_t quantum_ns : kQuanta) {
    SimulatedRecording::Settings settings;
    settings.quantum_ns = quantum_ns;
    settings.intervals = runs.intervals;
    Coverage coverage;
    for (uint64_t run = 0; run < runs.runs; ++run) {
      SimulatedRecording recording(settings, runs.first_seed + run);
      Serve(recording, runs.workers, Lognormal);
      coverage.Add(recording);
    }
    coverage.Expect(runs.what, quantum_ns);
  }
}

TEST(ScalingSimulation, StatedErrorsCoverTheTruthWhateverTheQuantum) {
  ExpectCoverage({.what = "3 s", .intervals = 3, .runs = 50, .first_seed = 300, .workers = 4});
}

TEST(ScalingSimulation, StatedErrorsCoverTheTruthOverMinutes) {
  ExpectCoverage({.what = "240 s", .intervals = 240, .runs = 20, .first_seed = 400, .workers = 1});
}

// Counts weigh short blocks most, so their errors depend on how lengths are distributed: alike,
// without a peak, of two kinds far apart, or of each function another.
TEST(ScalingSimulation, StatedErrorsCoverTheTruthWhateverTheLengths) {
  const std::pair<const char*, Lengths> kinds[] = {
      {"all of 50 us", [](auto&, Function) { return 48e3; }},
      {"exponential",
       [](auto& random, Function) {
         return std::exponential_distribution<double>(1 / 100e3)(random);
       }},
      {"up to 200 us",
       [](auto& random, Function) {
         return std::uniform_real_distribution<double>(0, 200e3)(random);
       }},
      {"of 5 or 300 us", [](auto& random, Function) { return random() % 2 == 0 ? 3e3 : 298e3; }},
      {"of 12 us to 5 ms by function",
       [](auto& random, Function function) {
         double spread = std::lognormal_distribution<double>(0, 0.3)(random);
         return 10e3 * std::exp2(function - 1) * spread;
       }},
      {"of 5 ms to 12 us by function",
       [](auto& random, Function function) {
         double spread = std::lognormal_distribution<double>(0, 0.3)(random);
         return 10e3 * std::exp2(10 - function) * spread;
       }},
  };
  for (const auto& [name, length_ns] : kinds) {
    for (uint64_t quantum_ns : {100 * kUs, 1 * kMs, 10 * kMs}) {
      SimulatedRecording::Settings settings;
      settings.quantum_ns = quantum_ns;
      settings.intervals = 3;
      Coverage coverage;
      for (int run = 0; run < 30; ++run) {
        SimulatedRecording recording(settings, 500 + uint64_t(run));
        Serve(recording, 4, length_ns);
        coverage.Add(recording);
      }
      coverage.Expect(name, quantum_ns);
    }
  }
}

// CPUs whose walks cost too much have a larger T for a while.
TEST(ScalingSimulation, StatedErrorsCoverTheTruthWhereTheQuantumChanges) {
  for (const std::vector<uint64_t>& quanta_ns :
       {std::vector<uint64_t>{1 * kMs, 2 * kMs}, std::vector<uint64_t>{1 * kMs, 8 * kMs, 64 * kMs},
        std::vector<uint64_t>{100 * kUs, 100 * kUs, 100 * kUs, 1 * kSecond}}) {
    for (int workers : {1, 4}) {
      SimulatedRecording::Settings settings;
      settings.quanta_ns = quanta_ns;
      settings.quantum_ns = quanta_ns.back();
      settings.intervals = 3;
      Coverage coverage;
      for (uint64_t run = 0; run < 50; ++run) {
        SimulatedRecording recording(settings, 600 + run);
        Serve(recording, workers, Lognormal);
        coverage.Add(recording);
      }
      coverage.Expect(
          std::to_string(quanta_ns.size()) + " quanta, " + std::to_string(workers) + " workers",
          settings.quantum_ns);
    }
  }
}

// Threads of 2 ms, together 0.3 s: the pool of all that are left, of 30 samples.
TEST(ScalingSimulation, LongThreadsKeepTheirOwnTotalsBesideShortOnes) {
  SimulatedRecording recording({}, 1);
  ThreadId thread = recording.AddThread("long", "/usr/bin/app");
  recording.Run(thread, 1, 0, 3 * kSecond);
  for (uint64_t i = 0; i < 150; ++i) {
    ThreadId other =
        recording.AddThread("t" + std::to_string(i), "/usr/bin/app" + std::to_string(i));
    recording.Run(other, 2, 1 + i * 37 * kMs, 2 * kMs);
  }
  ShownCapture all = ShowCpu(recording.Finish());
  EXPECT_EQ(all.functions[1].time_ns, 3e9);
  EXPECT_EQ(all.functions[2].time_ns, 3e8);
  EXPECT_EQ(all.without_stack_ns, 0);
}

}  // namespace
}  // namespace twofold::testing
