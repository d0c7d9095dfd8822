#include "recorder/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace twofold {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Options Parse(const std::vector<std::string>& arguments) {
  Result<Options> options = ParseOptions(arguments);
  EXPECT_TRUE(options) << (options ? "" : options.error().Message());
  return options ? *options : Options();
}

std::string Refusal(const std::vector<std::string>& arguments) {
  const Result<Options> options = ParseOptions(arguments);
  if (options) return "accepted";
  EXPECT_EQ(options.error().kind, Error::Kind::kUsage);
  EXPECT_FALSE(options.error().remedy.empty());
  return options.error().Message();
}

TEST(Options, DefaultsRecordEverythingOfTheWholeSystem) {
  const Options options = Parse({});
  EXPECT_TRUE(options.cpu && options.offcpu);
  EXPECT_EQ(options.frequency_hz, 99u);
  EXPECT_EQ(options.interval_s, 1);
  EXPECT_EQ(options.memory_mib, 64u);
  EXPECT_FALSE(options.duration_s.has_value());
  EXPECT_TRUE(options.pids.empty() && options.command.empty() && options.output.empty());
}

TEST(Options, ShortAndLongFormsMeanTheSame) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"-d", "2.5", "-p", "12,13,12", "-o", "x"},
        std::vector<std::string>{"-d2.5", "-p12,13", "-ox"},
        std::vector<std::string>{"--duration", "2.5", "--pid=12,13", "--output", "x"}}) {
    const Options options = Parse(words);
    EXPECT_EQ(options.duration_s, 2.5);
    EXPECT_THAT(options.pids, ElementsAre(Pid(12), Pid(13)));
    EXPECT_EQ(options.output, "x");
  }
}

TEST(Options, EverythingBehindTheDashesBelongsToTheCommand) {
  const Options options = Parse({"--quiet", "--", "ls", "-d", "-5", "--", "--help"});
  EXPECT_THAT(options.command, ElementsAre("ls", "-d", "-5", "--", "--help"));
  EXPECT_TRUE(options.quiet);
  EXPECT_FALSE(options.help || options.duration_s.has_value());
}

TEST(Options, SourcesAreChosenByName) {
  EXPECT_FALSE(Parse({"--record", "cpu"}).offcpu);
  EXPECT_FALSE(Parse({"--record", "offcpu"}).cpu);
  EXPECT_TRUE(Parse({"--record", "offcpu,cpu"}).cpu);
  EXPECT_THAT(Refusal({"--record", ""}), HasSubstr("no source ''"));
  EXPECT_THAT(Refusal({"--record", "cpu,"}), HasSubstr("no source ''"));
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

TEST(Options, HelpFitsATerminal) {
  std::istringstream lines(HelpText());
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
