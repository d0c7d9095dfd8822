// The program as a person meets it: help, mistakes, exit statuses, pipes, files in the way.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "analyzer/commands/command.h"
#include "format/base/escape_text.h"
#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

void ExpectFits(const std::string& text, const std::string& what) {
  for (const std::string& line : LinesOf(text)) {
    EXPECT_LE(DisplayWidth(line), 80u) << what << ": " << line;
  }
}

std::string SmallCapture() {
  CaptureMaker maker({"cpu", "offcpu", "memleak", "tcp", "exec"});
  ThreadId thread = maker.AddThread("tar", 100);
  maker.Cpu(thread, maker.Stack({"main"}), StackId(), 3);
  maker.Blocked(thread, BlockState::kUninterruptible, maker.Stack({"main"}), StackId(), 5000);
  maker.AddAccount(
      {.thread = thread, .existed_ns = 30005000, .on_cpu_ns = 30000000, .blocked_ns = {0, 5000}});
  maker.Executed({.thread = thread, .time_ns = 1});
  maker.EndInterval();
  return maker.Finish();
}

// Something for every filter of the examples.
std::string ExampleCapture() {
  CaptureMaker maker({"cpu", "offcpu", "memleak", "tcp", "exec"});
  ThreadId tar = maker.AddThread("tar", 100);
  ThreadId nginx = maker.AddThread("nginx", 200);
  StackId main = maker.Stack({"main"});
  for (int second = 0; second < 4; ++second) {
    for (ThreadId thread : {tar, nginx}) {
      maker.Cpu(thread, main, StackId(), 3);
      maker.Blocked(thread, BlockState::kUninterruptible, main, StackId(), 5000);
      maker.AddAccount({.thread = thread,
                        .existed_ns = 30005000,
                        .on_cpu_ns = 30000000,
                        .blocked_ns = {0, 5000}});
    }
    maker.Executed({.thread = tar, .time_ns = 1});
    Exemplar block;
    block.kind = ExemplarKind::kUninterruptible;
    block.thread = tar;
    block.state = BlockState::kUninterruptible;
    block.end_ns = 5000;
    maker.interval().exemplars = {block};
    maker.EndInterval();
  }
  return maker.Finish();
}

TEST(Help, FitsOneScreen) {
  RunResult result = RunTwofold({"--help"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.words, "");
  EXPECT_LE(LinesOf(result.output).size(), 24u);
  ExpectFits(result.output, "--help");
  for (const Command* command : Commands()) {
    EXPECT_THAT(result.output, HasSubstr("\n  " + std::string(command->name) + " "));
  }
}

TEST(Help, EverySubcommandExplainsItselfIn80Columns) {
  for (const Command* command : Commands()) {
    std::string name(command->name);
    RunResult result = RunTwofold({name, "--help"});
    EXPECT_EQ(result.status, 0) << name;
    ExpectFits(result.output, name);
    EXPECT_THAT(result.output, HasSubstr("Usage: twofold " + name));
    EXPECT_THAT(result.output, HasSubstr("\nExamples:\n  twofold " + name));
    EXPECT_EQ(RunTwofold({"help", name}).output, result.output);
    EXPECT_EQ(RunTwofold({name, "-h"}).output, result.output);
  }
}

TEST(Help, EveryExampleWorks) {
  std::string folder = TemporaryPath("examples");
  std::filesystem::create_directory(folder);
  std::string path = std::string(TWOFOLD_BIN_DIR) + ":" + getenv("PATH");
  int examples = 0;
  for (const Command* command : Commands()) {
    for (const std::string& line : LinesOf(std::string(command->examples))) {
      for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        std::filesystem::remove(entry.path());
      }
      for (const char* name : {"host", "before", "after"}) {
        WriteTemporary(std::string("examples/") + name + ".twofold", ExampleCapture());
      }
      // Of several hosts; not under *.twofold, for all of which there are examples.
      int64_t start_ns = 1;
      for (const char* name : {"web1", "web2"}) {
        CaptureMaker maker;
        maker.recording().start_realtime_ns = start_ns++;
        maker.Cpu(maker.AddThread("tar", 7), maker.Stack({"main"}), {}, 1);
        maker.EndInterval();
        WriteTemporary(std::string("examples/") + name + ".twofold", maker.Finish());
      }
      WriteTemporary("examples/old.folded", "tar;main;read 1000\n");
      WriteTemporary("examples/go.pb.gz",
                     RunTwofold({"export", "--format", "pprof", folder + "/host.twofold"}).output);
      WriteTemporary("examples/perf.txt", "tar 7 1.5: 1 cycles:\n\t15f4 main+0x1 (/bin/tar)\n\n");
      std::string script =
          "cd '" + folder + "' && PATH='" + path + "' && " + line + " > out 2> words";
      EXPECT_EQ(std::system(script.c_str()), 0) << line << "\n" << ReadAll(folder + "/words");
      ++examples;
    }
  }
  EXPECT_GE(examples, 12);
}

TEST(Version, IsPrinted) {
  RunResult result = RunTwofold({"--version"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.output, ::testing::MatchesRegex("twofold [0-9.]+\n"));
}

TEST(Mistakes, GetASuggestionAndStatus2) {
  struct Case {
    std::vector<std::string> arguments;
    std::string suggestion;
  };
  std::string capture = WriteTemporary("small.twofold", SmallCapture());
  for (const Case& c :
       std::vector<Case>{{{"flod", capture}, "Did you mean 'fold'?"},
                         {{"verfy", capture}, "Did you mean 'verify'?"},
                         {{"xyzzy"}, "Known: info"},
                         {{"fold", "--view", "offcup", capture}, "'offcpu'?"},
                         {{"fold", "--view", "memory", capture}, "Known: cpu"},
                         {{"fold", "--veiw", "cpu", capture}, "'--view'?"},
                         {{"flame", "--iccle", capture}, "'--icicle'?"},
                         {{"fold", "--root", "proces", capture}, "'process'?"},
                         {{"--hlep"}, "--help"},
                         {{"fold"}, "no capture is given"},
                         {{"fold", capture, capture}, "one capture"},
                         {{"fold", "--view"}, "needs a value"},
                         {{"fold", "--strict=1", capture}, "takes no value"},
                         {{"fold", "--view", "cpu", "--view", "cpu", capture}, "twice"},
                         {{"flame", "--width", "wide", capture}, "300 to 10000"},
                         {{"flame", "--width", "-5", capture}, "--width"},
                         {{"flame", "--min-width", "101", capture}, "0 to 100"},
                         {{"table", "--view", "state", capture}, "'states'?"},
                         {{"table", "--format", "jsn", capture}, "'json'?"},
                         {{"table", "--root", "capture", capture}, "thread, process"},
                         {{"table", "--state", "D", capture}, "--state"},
                         {{"table"}, "no capture is given"},
                         {{"table", "--focus", "x", capture}, "--view top"},
                         {{"export", "--format", "pporf", capture}, "'pprof'?"},
                         {{"export", "--focus", "a(", capture}, "at letter 2"},
                         {{"export", "--min-percent", "101", capture}, "0 to 100"},
                         {{"info"}, "no capture"},
                         {{"verify"}, "no capture"},
                         {{"load", capture}, "-o FILE"},
                         {{"sql", capture}, "query"},
                         {{"sql", capture, "  -- nothing"}, "empty"}}) {
    RunResult result = RunTwofold(c.arguments);
    std::string line;
    for (const std::string& word : c.arguments) line += " " + word;
    EXPECT_EQ(result.status, 2) << line << "\n" << result.words;
    EXPECT_EQ(result.output, "") << line;
    EXPECT_THAT(result.words, HasSubstr(c.suggestion)) << line;
    EXPECT_THAT(result.words, HasSubstr("--help")) << line;
  }
  EXPECT_EQ(RunTwofold({}).status, 2);
}

TEST(Mistakes, WordsOfOthersCannotCommandTheTerminal) {
  RunResult result = RunTwofold({"fo\x1b]0;x\x07ld\n"});
  EXPECT_EQ(result.words.find('\x1b'), std::string::npos);
  EXPECT_EQ(result.words.find('\x07'), std::string::npos);
}

TEST(BadInput, IsASentenceAndStatus1) {
  std::string no_capture = WriteTemporary("text.twofold", "This is no capture at all.\n");
  std::string empty = WriteTemporary("empty.twofold", "");
  std::string folder = TemporaryPath("");
  for (const char* command : {"info", "fold", "flame", "table", "export"}) {
    for (const std::string& path : {no_capture, empty, folder, TemporaryPath("missing.twofold")}) {
      RunResult result = RunTwofold({command, path});
      EXPECT_EQ(result.status, 1) << command << " " << path;
      EXPECT_EQ(result.output, "");
      EXPECT_THAT(result.words, HasSubstr(path));
    }
  }
}

TEST(Output, AFileInTheWayStaysUnlessForced) {
  std::string capture = WriteTemporary("small.twofold", SmallCapture());
  for (const char* command : {"fold", "flame", "table", "export"}) {
    std::string target = WriteTemporary("there.txt", "precious");
    RunResult result = RunTwofold({command, "-o", target, capture});
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(result.words, HasSubstr("--force"));
    EXPECT_EQ(ReadAll(target), "precious");
    EXPECT_EQ(RunTwofold({command, "--force", "-o", target, capture}).status, 0);
    EXPECT_EQ(ReadAll(target), RunTwofold({command, capture}).output);
  }
}

TEST(Output, FailureLeavesNothingBehind) {
  std::string target = TemporaryPath("never.txt");
  std::string broken = WriteTemporary("text.twofold", "no capture");
  EXPECT_EQ(RunTwofold({"fold", "-o", target, broken}).status, 1);
  EXPECT_FALSE(std::filesystem::exists(target));
  EXPECT_FALSE(std::filesystem::exists(target + ".partial"));
  std::string capture = WriteTemporary("small.twofold", SmallCapture());
  RunResult result = RunTwofold({"fold", "-o", "/nonexistent/x.txt", capture});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("/nonexistent/x.txt"));
}

TEST(Output, AFullDiskIsAnError) {
  std::string capture = WriteTemporary("small.twofold", SmallCapture());
  RunResult result = RunTwofold({"fold", "-o", "/dev/full", capture});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("/dev/full"));
}

TEST(Output, ABrokenPipeIsSilent) {
  // Enough output to fill the pipe's buffer; head goes away after one line.
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  for (int i = 0; i < 20000; ++i) {
    maker.Cpu(thread, maker.Stack({"a_rather_long_function_name_" + std::to_string(i)}), StackId(),
              1);
  }
  maker.EndInterval();
  std::string capture = WriteTemporary("long.twofold", maker.Finish());
  std::string words = TemporaryPath("words");
  for (const char* trap : {"", "trap '' PIPE; "}) {
    std::string script = std::string(trap) + "'" + TWOFOLD_BIN_DIR + "/twofold' fold '" + capture +
                         "' 2> '" + words + "' | head -n 1 > /dev/null";
    ASSERT_EQ(std::system(script.c_str()), 0);
    EXPECT_EQ(ReadAll(words), "");
  }
}

TEST(Output, IsTheSameOnEveryRun) {
  std::string capture = WriteTemporary("small.twofold", SmallCapture());
  for (const char* command : {"info", "fold", "flame", "table", "export", "verify"}) {
    EXPECT_EQ(RunTwofold({command, capture}).output, RunTwofold({command, capture}).output);
  }
}

TEST(Info, TellsWhatACaptureIsIn80Columns) {
  CaptureMaker maker;
  maker.recording().host.cpu_model = std::string(120, 'c');
  maker.recording().host.hostname = "host\x1b[2J";
  ThreadId tar = maker.AddThread("tar\x1b[2J", 100);
  ThreadId gzip = maker.AddThread("gzip", 200);
  maker.Cpu(tar, maker.Stack({"main", "[/lib/x.so+0x10]"}), maker.Stack({"k:sys_read"}), 25);
  maker.Cpu(gzip, maker.Stack({"main"}), StackId(), 75);
  maker.Blocked(tar, BlockState::kInterruptible, maker.Stack({"main"}), StackId(),
                400 * kMillisecondNs);
  maker.Lose(LossCause::kRowMapFull, LossSource::kOffCpu, 1234, 100 * kMillisecondNs);
  maker.cost() = {4 * kMillisecondNs, 5000,     3 * kMillisecondNs,
                  7 * kMillisecondNs, 20 << 20, 8 << 20};
  maker.EndInterval();
  std::string path = WriteTemporary("info.twofold", maker.Finish());
  RunResult result = RunTwofold({"info", path});
  EXPECT_EQ(result.status, 0) << result.words;
  const std::string& text = result.output;
  ExpectFits(text, "info");
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  for (const char* wanted : {"info.twofold: whole",
                             "2023-11-14 22:13:20 UTC",
                             "1.00 s",
                             "cpu, offcpu",
                             "100 Hz",
                             "the whole host",
                             "when its duration was over",
                             "host\\x1b[2J",
                             "Debian GNU/Linux 12",
                             "6.1.0-21-amd64",
                             "16.0 GiB",
                             "2, with 2 threads",
                             "3 distinct",
                             "1, 100.0 % with a name",
                             "On-CPU time: 1.00 s",
                             "  750 ms  75.0 %  200  gzip",
                             "  250 ms  25.0 %  100  tar\\x1b[2J",
                             "Blocked time: 500 ms",
                             "400 ms  80.0 %  100",
                             "row-map-full (offcpu): 1,234 times, 100 ms, shown as [lost: ...]",
                             "--memory",
                             "4.00 ms: 0.4 % of one CPU, 0.1 % of the host",
                             "10.0 ms: 1.0 % of one CPU",
                             "20.0 MiB at most"}) {
    EXPECT_THAT(text, HasSubstr(wanted));
  }
  EXPECT_EQ(RunTwofold({"info", "--strict", path}).status, 3);
}

TEST(Info, SaysWhatIsMissingFromAPartialCapture) {
  CaptureMaker maker;
  for (int i = 0; i < 3; ++i) maker.EndInterval();
  std::string path = WriteTemporary("cut.twofold", maker.CutShort());
  RunResult result = RunTwofold({"info", path});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.output, HasSubstr("cut.twofold: partial"));
  EXPECT_THAT(result.output, HasSubstr("cut short: it has no end"));
  EXPECT_EQ(result.words, "twofold: cut.twofold is partial: cut short after interval 2 (3.00 s)\n");
  EXPECT_EQ(RunTwofold({"info", "--strict", path}).status, 3);
}

TEST(Info, WorksOnACaptureWithNothingInIt) {
  CaptureMaker maker;
  std::string path = WriteTemporary("nothing.twofold", maker.CutShort());
  RunResult result = RunTwofold({"info", path});
  EXPECT_EQ(result.status, 0) << result.words;
  EXPECT_THAT(result.words, HasSubstr("before the first interval"));
  ExpectFits(result.output, "info");
}

TEST(Info, TellsWhereACaptureIsDamaged) {
  std::string bytes = [] {
    CaptureMaker maker;
    ThreadId thread = maker.AddThread("a", 1);
    for (int i = 0; i < 3; ++i) {
      maker.Cpu(thread, maker.Stack({"f" + std::to_string(i)}), StackId(), 1);
      maker.EndInterval();
    }
    return maker.Finish();
  }();
  bytes[bytes.size() / 2] = char(bytes[bytes.size() / 2] ^ 0x55);
  std::string path = WriteTemporary("damaged.twofold", bytes);
  RunResult result = RunTwofold({"info", path});
  EXPECT_EQ(result.status, 0) << result.words;
  EXPECT_THAT(result.output, HasSubstr("damaged.twofold: partial"));
  EXPECT_THAT(result.words, HasSubstr("damaged.twofold is damaged at byte "));
}

TEST(Verify, OneLinePerFileAndTheWorstStatus) {
  CaptureMaker cut;
  cut.AddThread("a", 1);
  cut.EndInterval();
  std::string cut_bytes = cut.CutShort();
  std::string good = SmallCapture();
  std::string ok_path = WriteTemporary("ok.twofold", good);
  std::string cut_path = WriteTemporary("cut.twofold", cut_bytes);
  std::string flipped = good;
  flipped[flipped.size() / 2] = char(flipped[flipped.size() / 2] ^ 1);
  std::string bad_path = WriteTemporary("bad.twofold", flipped);
  std::string text_path = WriteTemporary("text.twofold", "hello");

  RunResult result = RunTwofold({"verify", ok_path, cut_path});
  EXPECT_EQ(result.status, 0);
  std::vector<std::string> lines = LinesOf(result.output);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], ::testing::StartsWith(ok_path + ": ok (1 interval, "));
  EXPECT_THAT(lines[1],
              ::testing::StartsWith(cut_path + ": partial: cut short at byte " +
                                    std::to_string(cut_bytes.size()) + ", after interval 0"));
  EXPECT_EQ(RunTwofold({"verify", "--strict", cut_path, ok_path}).status, 3);
  result = RunTwofold({"verify", "--strict", bad_path, cut_path});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.output, HasSubstr(bad_path + ": damaged: at byte "));
  result = RunTwofold({"verify", text_path});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.output, HasSubstr(text_path));
  EXPECT_EQ(LinesOf(result.output).size(), 1u);
}

TEST(Verify, EveryTruncationIsPartialOrDamagedAndNeverOk) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  for (int i = 0; i < 2; ++i) {
    maker.Cpu(thread, maker.Stack({"f" + std::to_string(i)}), StackId(), 1);
    maker.EndInterval();
  }
  std::string bytes = maker.Finish();
  int partial = 0;
  for (size_t length = 1; length < bytes.size(); length += 37) {
    std::string path = WriteTemporary("prefix.twofold", bytes.substr(0, length));
    RunResult result = RunTwofold({"verify", path});
    EXPECT_EQ(result.output.find(": ok"), std::string::npos) << length;
    bool is_partial = result.output.find(": partial: ") != std::string::npos;
    EXPECT_EQ(result.status, is_partial ? 0 : 1) << length << result.output;
    partial += is_partial ? 1 : 0;
  }
  EXPECT_GT(partial, 5);
}

}  // namespace
}  // namespace twofold::testing
