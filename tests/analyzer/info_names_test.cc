// What twofold info says of stacks that end early and of frames without names, and which files
// twofold info --modules lists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "format/base/escape_text.h"
#include "tests/analyzer/capture_maker.h"
#include "tests/analyzer/terminal.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint64_t kMs = kMillisecondNs;

std::string Info(const std::string& capture, std::vector<std::string> words = {}) {
  words.insert(words.begin(), "info");
  words.push_back(WriteTemporary("names.twofold", capture));
  RunResult result = RunTwofold(words);
  EXPECT_EQ(result.status, 0) << result.words;
  std::istringstream lines(result.output);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 80u) << line;
  EXPECT_THAT(result.output, Not(HasSubstr("\x1b")));
  return result.output;
}

// The part "Names"; empty: there is none.
std::string Names(const std::string& capture) {
  std::string text = Info(capture);
  size_t start = text.find("\nNames\n");
  if (start == std::string::npos) return "";
  return text.substr(start + 1, text.find("\n\n", start + 1) - start);
}

TEST(InfoNames, TellsByProcessHowMuchEndsEarlyAndHasNoName) {
  CaptureMaker maker;
  ThreadId gzip = maker.AddThread("gzip", 7);
  ThreadId good = maker.AddThread("good", 8);
  ThreadId java = maker.AddThread("java", 9);
  // gzip: 300 ms of 400 end early; of its 4 frames 3 have no name.
  maker.Cpu(
      gzip,
      maker.Stack({"![stack ends: no frame pointer]", "[/bin/gzip+0x10]", "[/bin/gzip+0x20]"}),
      StackId(), 10);
  StackId twice = maker.Stack({"![stack ends: no frame pointer]", "[/bin/gzip+0x10]"});
  maker.Cpu(gzip, twice, StackId(), 10);
  maker.Blocked(gzip, BlockState::kInterruptible, twice, maker.Stack({"k:pipe_read"}), 100 * kMs);
  maker.Cpu(gzip, maker.Stack({"main"}), StackId(), 10);
  maker.Cpu(good, maker.Stack({"main", "work"}), StackId(), 30);
  // java: no stack ends early; 1 of 2 frames was made at run time.
  maker.Cpu(java, maker.Stack({"main", "[anon+0x40]"}), StackId(), 20);
  maker.EndInterval();
  EXPECT_EQ(Names(maker.Finish()),
            "Names\n"
            "  user stacks   end early in 33.3 % of their time. By process, the busiest\n"
            "                first: the same, and the share of the frames in its stacks that\n"
            "                have no name\n"
            "     CPU  ends early  no name  pid  process  why\n"
            "  300 ms      75.0 %   75.0 %    7  gzip     no frame ptr, not read\n"
            "  200 ms         0 %   50.0 %    9  java     run-time code\n"
            "  no frame ptr  stacks end in code without frame pointers, short of where\n"
            "                threads begin. Build the program and its libraries with\n"
            "                -fno-omit-frame-pointer, or take packages that are built so\n"
            "  not read      files were not read, or have neither names nor a build id.\n"
            "                'twofold info --modules' lists them\n"
            "  run-time code code made at run time has names only by a perf map. Java:\n"
            "                -XX:+PreserveFramePointer and jcmd PID Compiler.perfmap; Node:\n"
            "                --perf-basic-prof-only-functions; Python 3.12: -X perf; .NET:\n"
            "                DOTNET_PerfMapEnabled=1\n");
}

TEST(InfoNames, TheBusiestProcessComesFirstHoweverLongOthersSleep) {
  CaptureMaker maker;
  ThreadId sleeper = maker.AddThread("sleeper", 7);
  ThreadId busy = maker.AddThread("busy", 8);
  StackId broken = maker.Stack({"![stack ends: no frame pointer]", "read"});
  maker.Blocked(sleeper, BlockState::kInterruptible, broken, maker.Stack({"k:pipe_read"}),
                100 * kSecondNs);
  maker.Cpu(sleeper, broken, StackId(), 1);
  maker.Cpu(busy, broken, StackId(), 30);
  maker.EndInterval();
  std::string names = Names(maker.Finish());
  EXPECT_LT(names.find("busy"), names.find("sleeper")) << names;
}

TEST(InfoNames, TellsEveryReason) {
  for (auto [frame, reason] :
       {std::pair{"![stack ends: no frame pointer]", "no frame ptr"},
        {"![stack ends: beginning not reached]", "no frame ptr"},
        {"![stack ends: memory not readable]", "unreadable"},
        {"![user stack unreadable]", "unreadable"},
        {"![truncated stack]", "too deep"},
        {"![user stack not taken: blocked before the recording]", "not taken"},
        {"![stack not sampled]", "not taken"},
        {"![stack lost: map full]", "lost"},
        {"![stack lost: ran unseen]", "lost"},
        {"![process gone before it was read]", "process gone"},
        {"![process gone before its mappings were read]", "process gone"},
        {"![unmapped address]", "unmapped"},
        {"![module replaced: a.so or b.so]", "replaced"},
        {"[anon+0x10]", "run-time code"},
        {"[/bin/x+0x10]", "not read"}}) {
    CaptureMaker maker;
    maker.Cpu(maker.AddThread("a", 1), maker.Stack({frame}), StackId(), 1);
    maker.EndInterval();
    std::string text = Names(maker.Finish());
    EXPECT_THAT(text, HasSubstr("    1  a        " + std::string(reason) + "\n")) << frame;
    EXPECT_THAT(text, HasSubstr("\n  " + std::string(reason) + " ")) << frame;
  }
}

TEST(InfoNames, AFileWithSomeNamesIsStrippedNotUnread) {
  CaptureMaker maker;
  maker.Cpu(maker.AddThread("a", 1), maker.Stack({"main", "[/usr/bin/app+0x10]"}), StackId(), 1);
  maker.EndInterval();
  EXPECT_THAT(Names(maker.Finish()), HasSubstr("  0 %   50.0 %    1  a        stripped\n"));
}

TEST(InfoNames, SaysThatAllIsWell) {
  CaptureMaker maker;
  maker.Cpu(maker.AddThread("a", 1), maker.Stack({"main"}), maker.Stack({"k:read"}), 1);
  maker.EndInterval();
  EXPECT_EQ(Names(maker.Finish()),
            "Names\n  user stacks   none ends early, and all of their frames have names\n");
}

TEST(InfoNames, IsLeftOutWithoutUserStacks) {
  CaptureMaker maker;
  maker.Cpu(maker.AddThread("a", 1), StackId(), maker.Stack({"k:read"}), 1);
  maker.EndInterval();
  EXPECT_EQ(Names(maker.Finish()), "");
}

TEST(InfoNames, FiveProcessesAndACountOfTheOthers) {
  CaptureMaker maker;
  for (uint32_t i = 1; i <= 7; ++i) {
    maker.Cpu(maker.AddThread("p" + std::to_string(i) + "\x1b[2J", i),
              maker.Stack({"[/bin/x+0x10]"}), StackId(), i);
  }
  maker.EndInterval();
  std::string text = Names(maker.Finish());
  EXPECT_THAT(text, HasSubstr("  7  p7\\x1b[2J  not read\n"));
  EXPECT_THAT(text, HasSubstr("  3  p3\\x1b[2J  not read\n  and 2 more processes\n"));
}

// A module with these offsets unnamed and this many functions named.
struct TestModule {
  ModuleKind kind;
  std::string path;
  std::string build_id;
  uint32_t unnamed;
  uint32_t named;
};

std::string CaptureOf(const std::vector<TestModule>& modules) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  DefinitionsBuilder& definitions = maker.definitions();
  for (const TestModule& test : modules) {
    Module module;
    module.kind = test.kind;
    module.path = definitions.InternString(test.path);
    module.build_id = definitions.InternString(test.build_id);
    ModuleId id = definitions.InternModule(module);
    for (uint32_t i = 0; i < test.unnamed + test.named; ++i) {
      Frame frame;
      frame.module = id;
      frame.offset = 16 * i;
      if (i >= test.unnamed) frame.symbol = definitions.InternString("f" + std::to_string(i));
      // Its own caller, too: the time counts once.
      FrameId frame_id = definitions.InternFrame(frame);
      maker.Cpu(thread, definitions.InternStack(std::vector<FrameId>{frame_id, frame_id}),
                StackId(), 1);
    }
  }
  maker.EndInterval();
  return maker.Finish();
}

TEST(InfoModules, ListsFilesByFramesWithoutNames) {
  std::string id = "abababababababababababababababababababab";
  EXPECT_EQ(Info(CaptureOf({{ModuleKind::kUserFile, "/usr/lib/libz.so.1", id, 2, 1},
                            {ModuleKind::kUserFile, "/usr/bin/named", id, 0, 4},
                            {ModuleKind::kUserFile, "/usr/bin/gone", "", 3, 0},
                            {ModuleKind::kAnonymous, "", "", 1, 0},
                            {ModuleKind::kVdso, "[vdso]", id, 1, 0}}),
                 {"--modules"}),
            "names.twofold: files whose frames lack names\n"
            "\n"
            "  frames  no name     time  kind    build id\n"
            "  /usr/bin/gone\n"
            "       3        3  30.0 ms  file    unknown\n"
            "  /usr/lib/libz.so.1\n"
            "       3        2  20.0 ms  file    abababababababababababababababababababab\n"
            "  memory without a file\n"
            "       1        1  10.0 ms  memory  unknown\n"
            "  [vdso]\n"
            "       1        1  10.0 ms  vdso    abababababababababababababababababababab\n"
            "\n"
            "  time: of stacks, on a CPU or blocked, that have such a frame\n"
            "  stripped      files: neither they nor debug files on the host told the names\n"
            "                of these functions. Debug packages (Debian: find-dbgsym-packages\n"
            "                FILE; debuginfod-find debuginfo BUILD-ID) hold them: install\n"
            "                those before recording, or let 'twofold symbolize' add the names\n"
            "                to this capture\n"
            "  not read      files without a build id: the recorder could not read them, or\n"
            "                they have none. Check that they still exist; containers' files\n"
            "                are read through their processes\n"
            "  run-time code code made at run time has names only by a perf map. Java:\n"
            "                -XX:+PreserveFramePointer and jcmd PID Compiler.perfmap; Node:\n"
            "                --perf-basic-prof-only-functions; Python 3.12: -X perf; .NET:\n"
            "                DOTNET_PerfMapEnabled=1\n");
}

TEST(InfoModules, HostilePathsAreHarmless) {
  std::string long_path = "/" + std::string(300, 'x');
  std::string path = WriteTemporary(
      "names.twofold", CaptureOf({{ModuleKind::kUserFile, "/\x1b[2J\n\u202e/x", "", 2, 0},
                                  {ModuleKind::kUserFile, long_path, std::string(64, 'b'), 1, 0},
                                  {ModuleKind::kOther, "", "", 1, 0}}));
  EXPECT_THAT(RunTwofold({"info", "--modules", path}).output, HasSubstr("\n  " + long_path + "\n"))
      << "a pipe cuts nothing";
  std::string text = RunOnTerminal({"info", "--modules", path});
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 80u) << line;
  EXPECT_THAT(text, HasSubstr("\n  /\\x1b[2J\\x0a\\u{202e}/x\n"));
  EXPECT_THAT(text, HasSubstr("xxx\u2026\n"));
}

TEST(InfoModules, SaysThatAllIsWell) {
  EXPECT_EQ(Info(CaptureOf({{ModuleKind::kUserFile, "/bin/a", "", 0, 1}}), {"--modules"}),
            "names.twofold: every frame has a name\n");
  CaptureMaker maker;
  maker.EndInterval();
  EXPECT_EQ(Info(maker.Finish(), {"--modules"}), "names.twofold: every frame has a name\n");
}

TEST(InfoModules, ADatabaseOfTwoCapturesGivesBoth) {
  std::string first =
      WriteTemporary("first.twofold", CaptureOf({{ModuleKind::kUserFile, "/bin/one", "", 1, 0}}));
  std::string second =
      WriteTemporary("second.twofold", CaptureOf({{ModuleKind::kUserFile, "/bin/two", "", 1, 0}}));
  std::string database = TemporaryPath("modules.db");
  ASSERT_EQ(RunTwofold({"load", "-o", database, first, second}).status, 0);
  EXPECT_EQ(RunTwofold({"info", "--modules", database}).output,
            RunTwofold({"info", "--modules", first, second}).output);
}

}  // namespace
}  // namespace twofold::testing
