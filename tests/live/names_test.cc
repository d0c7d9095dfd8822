// One function that burns CPU, in programs that were built, stripped, loaded, deleted and replaced
// in every way: whatever was done to the file, its samples have its name.

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/live/record_harness.h"

namespace twofold::live {
namespace {

// Programs whose function's name is found, and what else there is of their CPU time: they begin,
// and end.
constexpr double kLeastShare = 0.93;
constexpr const char* kBurnSeconds = "0.4";

Recorded Record(const std::vector<std::string>& command) {
  return RecordCommand({"--frequency", "997", "--record", "cpu"}, command);
}

Recorded RecordScript(const std::string& script) { return Record({"sh", "-c", script}); }

std::string Quoted(const std::string& path) { return "'" + path + "'"; }

// CPU time of a process, by pid or by its executable's last name.
uint64_t CpuOf(const Capture& capture, const std::string& executable) {
  uint64_t sum_ns = 0;
  for (const Process& process : capture.definitions.processes) {
    const std::string& path = capture.String(process.executable);
    if (path.substr(path.rfind('/') + 1) == executable) {
      sum_ns += CpuNs(capture, {.pid = process.pid.value});
    }
  }
  return sum_ns;
}

void ExpectNamed(const Recorded& recorded, const std::string& function) {
  const auto& [capture, truth] = recorded;
  const auto pid = uint32_t(truth["pid"]);
  const auto all_ns = double(CpuNs(capture, {.pid = pid}));
  EXPECT_GT(all_ns, 0.5 * double(truth["burned_ns"]));
  EXPECT_GT(double(CpuNs(capture, {.pid = pid, .function = function})), kLeastShare * all_ns)
      << function;
  EXPECT_EQ(LossCountOf(capture, LossCause::kModuleUnreadable), 0u);
  EXPECT_EQ(LossCountOf(capture, LossCause::kFileGivenUp), 0u);
}

TEST(Names, HoweverAProgramWasLinked) {
  for (const char* program : {"named_burner", "named_burner_fixed", "named_burner_static",
                              "named_burner_static_pie", "named_burner_segments"}) {
    SCOPED_TRACE(program);
    ExpectNamed(Record({WorkloadPath(program), kBurnSeconds}), "burn_named");
  }
}

TEST(Names, StrippedProgramWithCompressedSymbols) {
  ExpectNamed(Record({WorkloadPath("named_burner.mini"), kBurnSeconds}), "burn_named");
}

TEST(Names, StrippedProgramWithADebugFileBesideIt) {
  ExpectNamed(Record({WorkloadPath("named_burner.link"), kBurnSeconds}), "burn_named");
}

TEST(Names, StrippedProgramKeepsOffsetsAndBuildId) {
  const auto [capture, truth] = Record({WorkloadPath("named_burner.bare"), kBurnSeconds});
  EXPECT_EQ(CpuNs(capture, {.function = "burn_named"}), 0u);
  size_t unnamed = 0;
  for (const Frame& frame : capture.definitions.frames) {
    const Module& module = capture.GetModule(frame.module);
    const std::string& path = capture.String(module.path);
    if (path.substr(path.rfind('/') + 1) != "named_burner.bare") continue;
    EXPECT_EQ(capture.String(frame.symbol), "");
    EXPECT_GT(frame.offset, 0u);
    EXPECT_EQ(capture.String(module.build_id).size(), 40u);
    ++unnamed;
  }
  EXPECT_GT(unnamed, 0u);
}

// False: the kernel knows no such programs. It may lack CONFIG_IA32_EMULATION, or its hypervisor
// the mode of the processor.
bool RunsHere(const std::string& path) {
  std::string program = path;
  char* arguments[] = {program.data(), nullptr};
  pid_t pid = 0;
  const int error = posix_spawn(&pid, program.data(), nullptr, nullptr, arguments, environ);
  if (error == 0) waitpid(pid, nullptr, 0);
  return error != ENOEXEC;
}

TEST(Names, ProgramOf32Bits) {
#if defined(__x86_64__)
  if (!RunsHere(WorkloadPath("named_burner_32"))) {
    GTEST_SKIP() << "this kernel runs no programs of 32 bits";
  }
  const auto [capture, truth] = Record({WorkloadPath("named_burner_32"), "400"});
  const double all_ns = double(CpuOf(capture, "named_burner_32"));
  EXPECT_GT(all_ns, 0.35e9);
  for (const char* function : {"burn_in_32_bits", "call_burner", "begin"}) {
    EXPECT_GT(double(CpuNs(capture, {.function = function})), kLeastShare * all_ns) << function;
  }
#else
  GTEST_SKIP() << "this processor has no programs of 32 bits that the tests can make";
#endif
}

TEST(Names, LibraryThatWasLoadedLate) {
  ExpectNamed(
      Record({WorkloadPath("dlopen_burner"), kBurnSeconds, WorkloadPath("libnamed_burner.so")}),
      "burn_in_library");
}

TEST(Names, LibraryThatIsDeletedWhileItRuns) {
  const Workplace files;
  std::filesystem::copy_file(WorkloadPath("libnamed_burner.so"), files.Path("deleted.so"));
  ExpectNamed(
      Record({WorkloadPath("dlopen_burner"), kBurnSeconds, files.Path("deleted.so"), "delete"}),
      "burn_in_library");
  EXPECT_EQ(files.Files().size(), 0u);
}

TEST(Names, ProgramThatIsReplacedWhileItRuns) {
  const Workplace files;
  const std::string program = files.Path("burner");
  std::filesystem::copy_file(WorkloadPath("named_burner"), program);
  std::filesystem::copy_file(WorkloadPath("named_burner_other"), files.Path("new"));
  const Recorded recorded =
      RecordScript(Quoted(program) + " " + kBurnSeconds + " & sleep 0.1; mv -f " +
                   Quoted(files.Path("new")) + " " + Quoted(program) + "; wait");
  ExpectNamed(recorded, "burn_named");
  EXPECT_EQ(CpuNs(recorded.capture, {.function = "burn_other"}), 0u);
}

TEST(Names, ProgramThatIsOverwrittenByALongerOneAfterItsEnd) {
  const Workplace files;
  const std::string program = files.Path("burner");
  std::filesystem::copy_file(WorkloadPath("named_burner"), program);
  // Over before anybody looks at it: what lies at its path by then is another program.
  const Recorded recorded =
      RecordScript(Quoted(program) + " 0.2; rm " + Quoted(program) + "; cp " +
                   Quoted(WorkloadPath("named_burner_other")) + " " + Quoted(program));
  EXPECT_EQ(CpuNs(recorded.capture, {.function = "burn_other"}), 0u);
}

TEST(Names, ProgramInAFileInMemory) {
  ExpectNamed(Record({WorkloadPath("memory_burner"), kBurnSeconds, WorkloadPath("named_burner")}),
              "burn_named");
}

// The same path and the same pid, in namespaces of their own, and different files.
TEST(Names, SamePathAndPidInTwoContainers) {
  const Workplace files;
  const std::string place = files.Path("burner");
  std::filesystem::copy_file(WorkloadPath("brief"), place);
  const auto container = [&](const std::string& program) {
    return "unshare --mount --pid --fork sh -c 'mount --bind " + WorkloadPath(program) + " " +
           place + " && exec " + place + " " + kBurnSeconds + "'";
  };
  const Recorded recorded = RecordScript("(" + container("named_burner") + " & " +
                                         container("named_burner_other") + " & wait) | sed q");
  const Capture& capture = recorded.capture;
  size_t burners = 0;
  for (const Process& process : capture.definitions.processes) {
    const std::string& path = capture.String(process.executable);
    if (path != place) continue;
    const Rows own = {.pid = process.pid.value};
    const double all_ns = double(CpuNs(capture, own));
    const auto named = double(CpuNs(capture, {.pid = own.pid, .function = "burn_named"}));
    const auto other = double(CpuNs(capture, {.pid = own.pid, .function = "burn_other"}));
    EXPECT_GT(std::max(named, other), 0.85 * all_ns);
    EXPECT_EQ(std::min(named, other), 0);
    ++burners;
  }
  EXPECT_EQ(burners, 2u);
  EXPECT_GT(CpuNs(capture, {.function = "burn_named"}), 0u);
  EXPECT_GT(CpuNs(capture, {.function = "burn_other"}), 0u);
}

}  // namespace
}  // namespace twofold::live
