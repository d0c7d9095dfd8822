// What is recorded here does not spoil what others record on the host meanwhile.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/live/scope_harness.h"

namespace twofold::live {
namespace {

// Where perf is, or why it cannot be asked.
std::string WhyNoPerf(const Workplace& workplace) {
  const Outcome version = RunToEnd(workplace, {"sh", "-c", "perf --version"});
  return version.status == 0 ? "" : "there is no perf (tools/setup --test installs it)";
}

TEST(OtherTools, PerfReadsAllSamplesThatItTookBesideARecording) {
  const Workplace workplace;
  if (const std::string why = WhyNoPerf(workplace); !why.empty()) GTEST_SKIP() << why;
  Workloads workloads;
  Recorder recorder({"-p", std::to_string(workloads.StartOurs("burn_shares"))});
  const std::string file = workplace.Path("perf.data");
  const Outcome recorded =
      RunToEnd(workplace, {"perf", "record", "-e", "cpu-clock", "-F", "499", "-g", "-o", file, "--",
                           WorkloadPath("named_burner"), "0.6"});
  ASSERT_EQ(recorded.status, 0) << recorded.errors;
  const Truth truth(recorded.output);
  const Outcome read = RunToEnd(workplace, {"perf", "script", "-i", file, "-F", "pid,event"});
  EXPECT_EQ(read.status, 0) << read.errors;
  const auto samples = double(std::count(read.output.begin(), read.output.end(), '\n'));
  // As many as it says; that are fewer than asked for where the host's own host took the CPU away.
  EXPECT_NE(recorded.errors.find("(" + std::to_string(int(samples)) + " samples)"),
            std::string::npos)
      << samples << " were read; " << recorded.errors;
  EXPECT_GT(samples, 0.5 * double(truth["burned_ns"]) / 1e9 * 499);
  const Outcome named = RunToEnd(workplace, {"perf", "script", "-i", file, "-F", "ip,sym"});
  EXPECT_EQ(named.status, 0) << named.errors;
  EXPECT_NE(named.output.find("burn_named"), std::string::npos);
  recorder.Finish();
}

}  // namespace
}  // namespace twofold::live
