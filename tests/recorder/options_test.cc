#include "recorder/cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <sstream>

#include "recorder/cli/note.h"
#include "recorder/sources/cpi/cpi_source.h"
#include "recorder/sources/cpu/cpu_source.h"
#include "recorder/sources/exec/exec_source.h"
#include "recorder/sources/faults/faults_source.h"
#include "recorder/sources/memory/memory_source.h"
#include "recorder/sources/offcpu/offcpu_source.h"
#include "recorder/sources/sources.h"
#include "recorder/sources/tcp/tcp_source.h"

namespace twofold {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// What a command line says: to the recorder, and to the sources that have options of their own.
struct Parsed : Options {
  OffCpuOptions blocks;
  MemoryOptions memory;
  bool arguments = false;
  uint32_t faults_period = 0;

  bool Records(const std::string& source) const {
    return std::find(sources.begin(), sources.end(), source) != sources.end();
  }
};

Result<Parsed> TryToParse(const std::vector<std::string>& words) {
  Options options;
  const Notes notes(options.quiet);
  CpuSource cpu(options);
  OffCpuSource offcpu(options, notes);
  CpiSource cpi(options);
  MemorySource memory(options, notes);
  FaultsSource faults(options);
  TcpSource tcp;
  ExecSource exec(options, notes);
  std::vector<SourceWords> sources;
  for (Source* source :
       std::initializer_list<Source*>{&cpu, &offcpu, &cpi, &faults, &memory, &tcp, &exec}) {
    sources.push_back({.name = std::string(source->words().name),
                       .help = std::string(source->words().help),
                       .by_default = source->words().by_default,
                       .declare = [source](OptionSet& table) { source->DeclareOptions(table); }});
  }
  TWOFOLD_RETURN_IF_ERROR(ParseOptions(words, sources, options));
  return Parsed{
      {options}, offcpu.options(), memory.options(), exec.with_arguments(), faults.period()};
}

Parsed Parse(const std::vector<std::string>& words) {
  const Result<Parsed> parsed = TryToParse(words);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().Message());
  return parsed ? *parsed : Parsed();
}

std::string Refusal(const std::vector<std::string>& words) {
  const Result<Parsed> parsed = TryToParse(words);
  if (parsed) return "accepted";
  EXPECT_EQ(parsed.error().kind, Error::Kind::kUsage);
  EXPECT_FALSE(parsed.error().remedy.empty());
  return parsed.error().Message();
}

std::string Help() {
  Options options;
  return HelpText(Sources(options).words());
}

TEST(Options, DefaultsRecordEverythingOfTheWholeSystem) {
  const Parsed options = Parse({});
  EXPECT_TRUE(options.Records("cpu") && options.Records("offcpu"));
  EXPECT_EQ(options.frequency_hz, 99u);
  EXPECT_EQ(options.interval_s, 1);
  EXPECT_EQ(options.memory_mib, 64u);
  EXPECT_FALSE(options.duration_s.has_value());
  EXPECT_TRUE(options.pids.empty() && options.command.empty() && options.output.empty());
}

TEST(Options, DefaultsBoundTheCost) {
  const Parsed options = Parse({});
  EXPECT_EQ(options.blocks.wakers, 1u);
  EXPECT_EQ(options.quantum_us, 1000u);
  EXPECT_FALSE(options.exact);
  EXPECT_EQ(options.max_overhead_permyriad, 100u);
  EXPECT_EQ(options.blocks.min_block_us, 0u);
  EXPECT_EQ(options.blocks.max_block_us, 0u);
}

TEST(Options, MemoryIsRecordedWhereItIsSaidWhose) {
  const Parsed user = Parse({"--record", "cpu,memleak", "--leak-scope", "user", "-p", "12"});
  EXPECT_TRUE(user.Records("memleak") && user.Records("cpu") && !user.Records("offcpu") &&
              !user.memory.of_kernel);
  EXPECT_EQ(user.memory.sample_bytes, 16384u);
  EXPECT_EQ(user.memory.age_s, 0.5);
  EXPECT_FALSE(user.memory.sample_bytes_given);
  const Parsed kernel = Parse({"--record", "memleak", "--leak-scope", "kernel",
                               "--leak-sample-bytes", "1", "--leak-age", "30"});
  EXPECT_TRUE(kernel.Records("memleak") && kernel.memory.of_kernel &&
              kernel.memory.sample_bytes_given);
  EXPECT_EQ(kernel.memory.sample_bytes, 1u);
  EXPECT_EQ(kernel.memory.age_s, 30);
  EXPECT_FALSE(Parse({}).Records("memleak"));
  EXPECT_EQ(Parse({"--record", "memleak", "--leak-scope", "kernel"}).memory.sample_bytes, 65536u);
}

TEST(Options, SourcesAreCounted) {
  EXPECT_EQ(Parse({}).sources.size(), 2u);
  EXPECT_EQ(Parse({"--record", "tcp"}).sources.size(), 1u);
  EXPECT_EQ(Parse({"--record", "cpi,exec,exec"}).sources.size(), 2u);
  EXPECT_EQ(Parse({"--record", "cpu,offcpu,cpi,memleak,tcp,exec", "--leak-scope", "kernel"})
                .sources.size(),
            6);
}

TEST(Options, PeriodOfFaultsIsTheirsAlone) {
  EXPECT_EQ(Parse({"--record", "faults"}).faults_period, 0u);
  EXPECT_EQ(Parse({"--record", "faults,cpu", "--faults-period", "61"}).faults_period, 61u);
  EXPECT_THAT(Refusal({"--faults-period", "61"}), HasSubstr("--record faults"));
  for (const char* period : {"0", "1000001", "-1", "1.5", "each"}) {
    EXPECT_THAT(Refusal({"--record", "faults", "--faults-period", period}),
                HasSubstr("--faults-period"));
  }
}

TEST(Options, MemoryOfNobodyIsRefused) {
  EXPECT_THAT(Refusal({"--record", "memleak"}), HasSubstr("--leak-scope"));
  EXPECT_THAT(Refusal({"--record", "memleak", "--leak-scope", "all"}), HasSubstr("'all'"));
  EXPECT_THAT(Refusal({"--record", "memleak", "--leak-scope", "user"}), HasSubstr("-p"));
  EXPECT_THAT(Refusal({"--record", "memleak", "--leak-scope", "user", "-t", "5"}), HasSubstr("-p"));
  EXPECT_THAT(Refusal({"--record", "memleak", "--leak-scope", "user", "--", "make"}),
              HasSubstr("-p"));
  EXPECT_THAT(Refusal({"--leak-scope", "kernel"}), HasSubstr("memleak"));
  EXPECT_THAT(Refusal({"--leak-age", "3"}), HasSubstr("--record memleak"));
  for (const char* bytes : {"0", "1048577", "-1", "64k", ""}) {
    EXPECT_THAT(
        Refusal({"--record", "memleak", "--leak-scope", "kernel", "--leak-sample-bytes", bytes}),
        HasSubstr("1048576"))
        << bytes;
  }
  for (const char* age : {"0", "-1", "100000", "soon"}) {
    EXPECT_THAT(Refusal({"--record", "memleak", "--leak-scope", "kernel", "--leak-age", age}),
                HasSubstr("--leak-age"))
        << age;
  }
}

TEST(Options, ShortAndLongFormsMeanTheSame) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"-d", "2.5", "-p", "12,13,12", "-o", "x"},
        std::vector<std::string>{"-d2.5", "-p12,13", "-ox"},
        std::vector<std::string>{"--duration", "2.5", "--pid=12,13", "--output", "x"}}) {
    const Parsed options = Parse(words);
    EXPECT_EQ(options.duration_s, 2.5);
    EXPECT_THAT(options.pids, ElementsAre(Pid(12), Pid(13)));
    EXPECT_EQ(options.output, "x");
  }
}

TEST(Options, EverythingBehindTheDashesBelongsToTheCommand) {
  const Parsed options = Parse({"--quiet", "--", "ls", "-d", "-5", "--", "--help"});
  EXPECT_THAT(options.command, ElementsAre("ls", "-d", "-5", "--", "--help"));
  EXPECT_TRUE(options.quiet);
  EXPECT_FALSE(options.help || options.duration_s.has_value());
}

TEST(Options, CheckGoesAlone) {
  EXPECT_TRUE(Parse({"--check"}).check);
  EXPECT_THAT(Refusal({"--check", "-d", "3"}), HasSubstr("--check"));
  EXPECT_THAT(Refusal({"--check", "--", "true"}), HasSubstr("--check"));
}

TEST(Options, SourcesAreChosenByName) {
  EXPECT_FALSE(Parse({"--record", "cpu"}).Records("offcpu"));
  EXPECT_FALSE(Parse({"--record", "offcpu"}).Records("cpu"));
  EXPECT_TRUE(Parse({"--record", "offcpu,cpu"}).Records("cpu"));
  EXPECT_FALSE(Parse({}).Records("exec"));
  EXPECT_TRUE(Parse({"--record", "exec"}).Records("exec"));
  EXPECT_FALSE(Parse({"--record", "exec"}).Records("cpu"));
  EXPECT_TRUE(Parse({"--record", "cpu,exec"}).Records("cpu"));
  EXPECT_FALSE(Parse({}).Records("tcp"));
  EXPECT_TRUE(Parse({"--record", "exec,tcp"}).Records("tcp"));
  EXPECT_THAT(Refusal({"--record", ""}), HasSubstr("no source ''"));
  EXPECT_THAT(Refusal({"--record", "cpu,"}), HasSubstr("no source ''"));
}

TEST(Options, ArgumentsAreOnlyThoseOfExecutedPrograms) {
  EXPECT_FALSE(Parse({"--record", "exec"}).arguments);
  EXPECT_TRUE(Parse({"--record", "exec", "--args"}).arguments);
  EXPECT_THAT(Refusal({"--args"}), HasSubstr("--record cpu,offcpu,exec --args"));
  EXPECT_THAT(Refusal({"--record", "cpu", "--args"}), HasSubstr("executed programs are not"));
}

TEST(Options, NumbersOutOfRangeAreNamedWithTheirRange) {
  EXPECT_THAT(Refusal({"-d", "-5"}), HasSubstr("a time of -5 s is negative"));
  EXPECT_THAT(Refusal({"--duration", "-.5"}), HasSubstr("negative"));
  EXPECT_THAT(Refusal({"-d", "0"}), HasSubstr("out of range"));
  EXPECT_THAT(Refusal({"-d", "1e99"}), HasSubstr("out of range"));
  EXPECT_THAT(Refusal({"-d", "nan"}), HasSubstr("no number of seconds"));
  EXPECT_THAT(Refusal({"-d", "5s"}), HasSubstr("no number of seconds"));
  EXPECT_THAT(Refusal({"--frequency", "99.5"}), HasSubstr("hertz from 1 to 10000"));
  EXPECT_THAT(Refusal({"--frequency", "-1"}), HasSubstr("--frequency"));
  EXPECT_THAT(Refusal({"--memory", "99999"}), HasSubstr("MiB from 8 to 4096"));
  EXPECT_THAT(Refusal({"-p", "0"}), HasSubstr("'0' is no process id"));
  EXPECT_THAT(Refusal({"-p", "-7"}), HasSubstr("'-7' is no process id"));
  EXPECT_THAT(Refusal({"-p", "4194305"}), HasSubstr("no process id"));
  EXPECT_THAT(Refusal({"-p", "1,,2"}), HasSubstr("'' is no process id"));
}

TEST(Options, UnknownOrIncompleteOptionsAreNamed) {
  EXPECT_THAT(Refusal({"--frequencies", "7"}), HasSubstr("--frequencies"));
  EXPECT_THAT(Refusal({"--freq", "7"}), HasSubstr("--freq"));
  EXPECT_THAT(Refusal({"-o"}), HasSubstr("output"));
  EXPECT_THAT(Refusal({"-d", "1", "-d", "2"}), HasSubstr("duration"));
  EXPECT_THAT(Refusal({"make"}), HasSubstr("twofold-record -- make"));
  EXPECT_THAT(Refusal({"--"}), HasSubstr("a command is missing"));
  EXPECT_THAT(Refusal({"-o", ""}), HasSubstr("empty"));
}

TEST(Options, HabitsOfPerfAreUnderstood) {
  EXPECT_EQ(Parse({"-F", "49"}).frequency_hz, 49u);
  EXPECT_EQ(Parse({"-F49"}).frequency_hz, 49u);
  EXPECT_EQ(Parse({"-ag", "-F", "49", "-d", "3"}).frequency_hz, 49u);
  EXPECT_EQ(Parse({"-g", "-p", "12"}).pids, std::vector{Pid(12)});
  EXPECT_THAT(Parse({"-g", "--", "make"}).command, ElementsAre("make"));
  EXPECT_THAT(Refusal({"-F", "0"}), HasSubstr("--frequency: '0'"));
}

TEST(Options, HabitsOfPerfThatMeanSomethingElseAreAnswered) {
  EXPECT_THAT(Refusal({"-a", "--", "sleep", "10"}), HasSubstr("that command alone"));
  EXPECT_THAT(Refusal({"-a", "-p", "12"}), HasSubstr("are a part of it"));
  EXPECT_THAT(Refusal({"-e", "cycles"}), HasSubstr("--record chooses"));
  EXPECT_THAT(Refusal({"-ecycles"}), HasSubstr("--record chooses"));
  EXPECT_THAT(Refusal({"--event=cycles"}), HasSubstr("--record chooses"));
  EXPECT_THAT(Refusal({"--call-graph", "dwarf"}), HasSubstr("stacks are always taken"));
  EXPECT_THAT(Refusal({"-c", "1000"}), HasSubstr("--frequency HZ"));
  EXPECT_THAT(Refusal({"--no-such-thing"}), HasSubstr("--help lists the options"));
}

TEST(Options, ScopeIsOneOfFourAndANameNarrowsAnyOfThem) {
  EXPECT_THAT(Parse({"-t", "31,7,31"}).tids, ElementsAre(Tid(31), Tid(7)));
  EXPECT_THAT(Parse({"--tid=7"}).tids, ElementsAre(Tid(7)));
  EXPECT_EQ(Parse({"--cgroup", "/system.slice"}).cgroup, "/system.slice");
  EXPECT_EQ(Parse({"--comm", "post*"}).comm, "post*");
  EXPECT_EQ(Parse({"--comm", "cc1*", "--", "make"}).comm, "cc1*");
  EXPECT_EQ(Parse({"--comm", "a", "-p", "1"}).comm, "a");
  EXPECT_EQ(Parse({"--comm", "a", "--cgroup", "/"}).cgroup, "/");

  const std::vector<std::vector<std::string>> scopes = {
      {"-p", "1"}, {"-t", "1"}, {"--cgroup", "/"}, {"--", "true"}};
  for (size_t first = 0; first < scopes.size(); ++first) {
    for (size_t second = first + 1; second < scopes.size(); ++second) {
      std::vector<std::string> words = scopes[first];
      words.insert(words.end(), scopes[second].begin(), scopes[second].end());
      EXPECT_THAT(Refusal(words), HasSubstr("cannot be recorded together")) << first << second;
    }
  }
  EXPECT_THAT(Refusal({"-t", "1", "--cgroup", "/"}),
              HasSubstr("-t: threads and a cgroup cannot be recorded together"));
}

TEST(Options, ScopeThatSelectsNothingIsRefused) {
  EXPECT_THAT(Refusal({"-t", "abc"}), HasSubstr("-t: 'abc' is no thread id"));
  EXPECT_THAT(Refusal({"-t", "1,,2"}), HasSubstr("'' is no thread id"));
  EXPECT_THAT(Refusal({"-t", "0"}), HasSubstr("'0' is no thread id"));
  EXPECT_THAT(Refusal({"--cgroup", ""}), HasSubstr("--cgroup: the path is empty"));
  EXPECT_THAT(Refusal({"--comm", ""}), HasSubstr("--comm: the pattern is empty"));
  EXPECT_THAT(Refusal({"--comm", "sixteen-letters-"}), HasSubstr("longer than any thread's name"));
}

TEST(Options, BlocksAreChosenByQuantumOrAllTaken) {
  EXPECT_EQ(Parse({"--quantum", "1"}).quantum_us, 1u);
  EXPECT_EQ(Parse({"--quantum", "1000000"}).quantum_us, 1'000'000u);
  EXPECT_TRUE(Parse({"--exact"}).exact);
  EXPECT_THAT(Refusal({"--quantum", "0"}), HasSubstr("microseconds from 1 to 1000000"));
  EXPECT_THAT(Refusal({"--quantum", "1000001"}), HasSubstr("--quantum"));
  EXPECT_THAT(Refusal({"--quantum", "100", "--exact"}), HasSubstr("--exact"));
}

TEST(Options, ChainsOfWakersAreEightLongAtMost) {
  EXPECT_EQ(Parse({"--wakers", "0"}).blocks.wakers, 0u);
  EXPECT_EQ(Parse({"--wakers", "8"}).blocks.wakers, 8u);
  EXPECT_THAT(Refusal({"--wakers", "9"}), HasSubstr("a number of wakers from 0 to 8"));
  EXPECT_THAT(Refusal({"--wakers", "-1"}), HasSubstr("--wakers"));
}

TEST(Options, OverheadIsInPerCentOrUnlimited) {
  EXPECT_EQ(Parse({"--max-overhead", "0.5"}).max_overhead_permyriad, 50u);
  EXPECT_EQ(Parse({"--max-overhead", "0.29"}).max_overhead_permyriad, 29u);
  EXPECT_EQ(Parse({"--max-overhead", "100"}).max_overhead_permyriad, 10'000u);
  EXPECT_EQ(Parse({"--max-overhead", "0"}).max_overhead_permyriad, 0u);
  EXPECT_EQ(Parse({"--max-overhead", "none"}).max_overhead_permyriad, 0u);
  EXPECT_FALSE(Parse({"--max-overhead", "2"}).or_stop);
  EXPECT_TRUE(Parse({"--max-overhead", "2", "--or-stop"}).or_stop);
  EXPECT_THAT(Refusal({"--or-stop"}), HasSubstr("--max-overhead 2 --or-stop"));
  EXPECT_THAT(Refusal({"--or-stop", "--max-overhead", "none"}), HasSubstr("it takes a limit"));
  // Whoever wants every block gets every block.
  EXPECT_EQ(Parse({"--exact"}).max_overhead_permyriad, 0u);
  EXPECT_EQ(Parse({"--exact", "--max-overhead", "2"}).max_overhead_permyriad, 200u);
  for (const char* wrong : {"-1", "101", "1%", "nan", "0.001", "", "None"}) {
    EXPECT_THAT(Refusal({"--max-overhead", wrong}), HasSubstr("per cent from 0.01 to 100"))
        << wrong;
  }
}

TEST(Options, BlocksAreChosenByTheirLength) {
  const Parsed options = Parse({"--min-block", "100", "--max-block", "100"});
  EXPECT_EQ(options.blocks.min_block_us, 100u);
  EXPECT_EQ(options.blocks.max_block_us, 100u);
  EXPECT_THAT(Refusal({"--min-block", "101", "--max-block", "100"}),
              HasSubstr("less than --min-block"));
  EXPECT_THAT(Refusal({"--max-block", "0"}), HasSubstr("microseconds from 1 to"));
  EXPECT_THAT(Refusal({"--min-block", "1.5"}), HasSubstr("no whole number"));
}

TEST(Options, HelpNamesEveryOption) {
  for (const char* option :
       {"--pid",       "--tid",       "--cgroup",       "--comm",    "--record",
        "--min-block", "--max-block", "--duration",     "--output",  "--wakers",
        "--quantum",   "--exact",     "--max-overhead", "--or-stop", "--frequency",
        "--interval",  "--memory",    "--quiet",        "--help",    "--version"}) {
    EXPECT_THAT(Help(), HasSubstr(option));
  }
}

TEST(Options, HelpNamesEveryOptionOfTheTable) {
  Options unused;
  Sources sources(unused);
  const OptionSet table = DeclareOptions(sources.words(), unused);
  EXPECT_GT(table.options().size(), 25u);
  for (const Option& option : table.options()) {
    EXPECT_THAT(Help(), testing::ContainsRegex("[ ,] " + option.Shown() + "[ \n]"))
        << option.Shown();
  }
}

TEST(Options, AMistypedOptionGetsASuggestion) {
  EXPECT_EQ(
      Refusal({"--outptu", "x"}),
      "unrecognised option '--outptu'. Did you mean --output? twofold-record --help lists the "
      "options.");
  EXPECT_EQ(Refusal({"--xyzzy"}),
            "unrecognised option '--xyzzy'. twofold-record --help lists the options.");
}

TEST(Options, ValuesStandBesideTheirOptionsInEveryUsualWay) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"-d", "5"},
                                                {"-d5"},
                                                {"--duration", "5"},
                                                {"--duration=5"},
                                                {"-agd5"},
                                                {"-ad", "5"}}) {
    EXPECT_EQ(Parse(words).duration_s, 5) << words.front();
  }
  EXPECT_THAT(Refusal({"-d", "-5"}), HasSubstr("a time of -5 s is negative"));
  EXPECT_THAT(Refusal({"--quantum", "-5"}), HasSubstr("'-5' is out of range"));
  EXPECT_THAT(Refusal({"-d", "-a"}), HasSubstr("the required argument for option '--duration'"));
  EXPECT_THAT(Refusal({"-d", "1", "--duration=2"}), HasSubstr("more than once"));
}

TEST(Options, HelpFitsATerminal) {
  std::istringstream lines(Help());
  std::string line;
  size_t count = 0;
  while (std::getline(lines, line)) {
    EXPECT_LE(line.size(), 80u) << line;
    ++count;
  }
  EXPECT_GT(count, 10u);
}

}  // namespace
}  // namespace twofold
