// Runtimes as they are installed, on the machines that have them: neither is needed to build or to
// test Twofold, so a test whose runtime is missing says so and is skipped.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/live/record_harness.h"

namespace twofold::live {
namespace {

constexpr double kJavaSharePercent = 75;
constexpr double kNodeSharePercent = 95;
constexpr double kHotShare = 0.5;  // at least: the rest is starting and compiling

// Calls that a compiler does not take apart: one hot method below two others.
constexpr const char* kJavaProgram = R"(
public class Hot {
  static long sum;

  static long innermost(int[] numbers, int seed) {
    long result = seed;
    for (int round = 0; round < 40; ++round) {
      for (int number : numbers) result = result * 31 + (number ^ (result >>> 7));
    }
    return result;
  }

  static long middle(int[] numbers, int seed) {
    return innermost(numbers, seed) + innermost(numbers, seed + 1);
  }

  static void outermost(int[] numbers) {
    for (int i = 0; i < 10; ++i) sum += middle(numbers, i);
  }

  public static void main(String[] arguments) {
    int[] numbers = new int[1000];
    for (int i = 0; i < numbers.length; ++i) numbers[i] = i * 7919;
    long end = System.nanoTime() + Long.parseLong(arguments[0]) * 1000000;
    while (System.nanoTime() < end) outermost(numbers);
    System.out.println("pid=" + ProcessHandle.current().pid() + " sum=" + (sum & 1));
  }
}
)";

constexpr const char* kNodeProgram = R"(
'use strict';
function innermost(numbers, seed) {
  let result = seed;
  for (let round = 0; round < 40; ++round) {
    for (const number of numbers) result = (Math.imul(result, 31) + number) | 0;
  }
  return result;
}
function middle(numbers, seed) { return innermost(numbers, seed) + innermost(numbers, seed + 1); }
function outermost(numbers) {
  let sum = 0;
  for (let i = 0; i < 10; ++i) sum += middle(numbers, i);
  return sum;
}
const numbers = Array.from({length: 1000}, (_, i) => i * 7919);
const endMs = Date.now() + Number(process.argv[2]);
let sum = 0;
while (Date.now() < endMs) sum += outermost(numbers);
console.log('pid=' + process.pid + ' sum=' + (sum & 1));
)";

constexpr const char* kRustProgram = R"(
struct Engine<T> { seed: T }
trait Burn { fn burn(&self, rounds: u64) -> u64; }
impl Burn for Engine<u64> {
    #[inline(never)]
    fn burn(&self, rounds: u64) -> u64 {
        let mut x = self.seed;
        for i in 0..rounds { x = x.wrapping_mul(6364136223846793005).wrapping_add(i ^ (x >> 7)); }
        x
    }
}
#[inline(never)]
fn keep_burning<B: Burn>(engine: &B, milliseconds: u128) -> u64 {
    let start = std::time::Instant::now();
    let mut sum = 0u64;
    while start.elapsed().as_millis() < milliseconds { sum = sum.wrapping_add(engine.burn(100_000)); }
    sum
}
fn main() {
    let engine = Engine { seed: std::env::args().count() as u64 };
    println!("pid={} sum={}", std::process::id(), keep_burning(&engine, 1500) & 1);
}
)";

bool IsInstalled(const std::string& program) {
  const Workplace workplace;
  return RunToEnd(workplace, {"sh", "-c", "command -v " + program}).status == 0;
}

void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  ASSERT_TRUE(file.good());
}

struct Frames {
  uint64_t named = 0;  // of code made at run time, each as often as it was sampled
  uint64_t unnamed = 0;

  double NamedPercent() const {
    return named + unnamed == 0 ? 0 : 100.0 * double(named) / double(named + unnamed);
  }
};

Frames FramesOfRuntimeCode(const Capture& capture) {
  Frames frames;
  for (const Interval& interval : capture.intervals) {
    const CpuRows cpu = interval.cpu.value_or(CpuRows());
    for (const CpuRow& row : cpu.rows) {
      for (StackId id = row.user_stack; id.value != 0; id = capture.GetStack(id).parent) {
        const Frame& frame = capture.GetFrame(capture.GetStack(id).frame);
        const ModuleKind kind = capture.GetModule(frame.module).kind;
        if (kind == ModuleKind::kRuntime) frames.named += row.samples;
        if (kind == ModuleKind::kAnonymous) frames.unnamed += row.samples;
      }
    }
  }
  return frames;
}

// CPU time of stacks in which functions whose names contain these stand in this order, outermost
// first.
uint64_t CpuNsInOrder(const Capture& capture, const std::vector<std::string>& parts) {
  uint64_t sum_ns = 0;
  for (const Interval& interval : capture.intervals) {
    const CpuRows cpu = interval.cpu.value_or(CpuRows());
    for (const CpuRow& row : cpu.rows) {
      size_t found = 0;
      for (const std::string& name : StackNames(capture, row.user_stack)) {
        if (found < parts.size() && name.find(parts[found]) != std::string::npos) ++found;
      }
      if (found == parts.size()) sum_ns += row.samples * cpu.period_ns;
    }
  }
  return sum_ns;
}

TEST(RealRuntimes, JavaMethodsHaveNamesAndCallers) {
  for (const char* program : {"java", "javac"}) {
    if (!IsInstalled(program)) GTEST_SKIP() << program << " is not installed (JDK 17 or later)";
  }
  const Workplace programs;
  const Outcome asked = RunToEnd(
      programs, {"java", "-XX:+UnlockDiagnosticVMOptions", "-XX:-DumpPerfMapAtExit", "-version"});
  if (asked.status != 0) GTEST_SKIP() << "this java writes no perf map: it is older than JDK 17";
  WriteFile(programs.Path("Hot.java"), kJavaProgram);
  const Outcome compiled =
      RunToEnd(programs, {"javac", "-d", programs.Path(""), programs.Path("Hot.java")});
  ASSERT_EQ(compiled.status, 0) << compiled.errors;
  // Inlining would leave one frame for all three. The map is written when the JVM ends, and names
  // the one interval.
  const auto [capture, truth] = RecordCommand(
      {"--record", "cpu", "--frequency", "499", "--interval", "60"},
      {"java", "-XX:+PreserveFramePointer", "-XX:-Inline", "-XX:+UnlockDiagnosticVMOptions",
       "-XX:+DumpPerfMapAtExit", "-cp", programs.Path(""), "Hot", "3000"});
  std::filesystem::remove("/tmp/perf-" + std::to_string(truth["pid"]) + ".map");
  const Frames frames = FramesOfRuntimeCode(capture);
  EXPECT_GT(frames.named, 100u);  // however busy the machine is
  EXPECT_GE(frames.NamedPercent(), kJavaSharePercent);
  const uint64_t hot_ns = CpuNsInOrder(capture, {"Hot.innermost("});
  EXPECT_GT(double(hot_ns), kHotShare * double(CpuNs(capture, {})));
  const uint64_t called_ns =
      CpuNsInOrder(capture, {"JavaCalls", "Hot.outermost(", "Hot.middle(", "Hot.innermost("});
  EXPECT_GT(double(called_ns), 0.75 * double(hot_ns));
}

TEST(RealRuntimes, NodeFunctionsHaveNamesAndCallers) {
  if (!IsInstalled("node")) GTEST_SKIP() << "node is not installed";
  const Workplace programs;
  WriteFile(programs.Path("hot.js"), kNodeProgram);
  const auto [capture, truth] = RecordCommand(
      {"--record", "cpu", "--frequency", "499"},
      {"node", "--perf-basic-prof-only-functions", "--interpreted-frames-native-stack",
       "--max-inlined-bytecode-size=0", programs.Path("hot.js"), "3000"});
  std::filesystem::remove("/tmp/perf-" + std::to_string(truth["pid"]) + ".map");
  const Frames frames = FramesOfRuntimeCode(capture);
  EXPECT_GT(frames.named, 100u);  // however busy the machine is
  EXPECT_GE(frames.NamedPercent(), kNodeSharePercent);
  const uint64_t hot_ns = CpuNsInOrder(capture, {"innermost"});
  EXPECT_GT(double(hot_ns), kHotShare * double(CpuNs(capture, {})));
  const uint64_t called_ns = CpuNsInOrder(capture, {"outermost", "middle", "innermost"});
  EXPECT_GT(double(called_ns), 0.9 * double(hot_ns));
}

// Mangled names are in the capture; the analyzer shows them as in the source, in both of Rust's
// ways to mangle.
TEST(RealRuntimes, RustFunctionsHaveTheirNamesOfTheSource) {
  if (!IsInstalled("rustc")) GTEST_SKIP() << "rustc is not installed";
  for (const char* mangling : {"legacy", "v0"}) {
    SCOPED_TRACE(mangling);
    const Workplace place;
    WriteFile(place.Path("hot.rs"), kRustProgram);
    const Outcome compiled = RunToEnd(place, {"rustc", "-O", "-C", "force-frame-pointers=yes", "-C",
                                              std::string("symbol-mangling-version=") + mangling,
                                              "-o", place.Path("hot"), place.Path("hot.rs")});
    if (compiled.status != 0) GTEST_SKIP() << "this rustc is too old: " << compiled.errors;
    const std::string capture = place.Path("hot.twofold");
    ASSERT_EQ(RunToEnd(place, {RecorderPath(), "--record", "cpu", "--frequency", "499", "-o",
                               capture, "--", place.Path("hot")})
                  .status,
              0);
    const Outcome folded = RunToEnd(place, {TWOFOLD_BIN_DIR "/twofold", "fold", capture});
    ASSERT_EQ(folded.status, 0) << folded.errors;
    uint64_t all_us = 0;
    uint64_t named_us = 0;
    std::istringstream lines(folded.output);
    for (std::string line; std::getline(lines, line);) {
      const uint64_t value_us = std::stoull(line.substr(line.rfind(' ') + 1));
      all_us += value_us;
      const size_t caller = line.find(";hot::keep_burning");
      const size_t callee = line.find(";<hot::Engine<u64> as hot::Burn>::burn");
      if (caller != std::string::npos && callee != std::string::npos && caller < callee) {
        named_us += value_us;
      }
    }
    EXPECT_GT(double(named_us), 0.9 * double(all_us)) << folded.output;
  }
}

}  // namespace
}  // namespace twofold::live
