// The table "top", against times worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "format/base/escape_text.h"
#include "tests/analyzer/capture_maker.h"
#include "tests/analyzer/terminal.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

RunResult Top(const std::string& capture, std::vector<std::string> options = {}) {
  options.insert(options.begin(), {"table", "--view", "top"});
  options.push_back(WriteTemporary("top.twofold", capture));
  RunResult result = RunTwofold(options);
  EXPECT_EQ(result.status, 0) << result.words;
  return result;
}

std::string Recursion() {
  CaptureMaker maker;
  ThreadId one = maker.AddThread("one", 1);
  ThreadId two = maker.AddThread("two", 2);
  maker.Cpu(one, maker.Stack({"main", "walk", "walk"}), StackId(), 5);
  maker.Cpu(one, maker.Stack({"main", "walk"}), maker.Stack({"k:fault"}), 3);
  maker.Cpu(two, maker.Stack({"main", "[/lib/libz.so+0x10]"}), StackId(), 2);
  maker.EndInterval();
  return maker.Finish();
}

TEST(TableTop, CountsAFunctionOnceForAStack) {
  EXPECT_EQ(Top(Recursion()).output,
            "Functions of the view cpu, 100 ms in all\n"
            "   self    %   total     % module  function\n"
            "50.0 ms 50.0 80.0 ms  80.0 app     walk\n"
            "30.0 ms 30.0 30.0 ms  30.0 kernel  fault\n"
            "20.0 ms 20.0 20.0 ms  20.0 libz.so [libz.so+0x10]\n"
            "    0 s  0.0  100 ms 100.0 app     main\n");
}

TEST(TableTop, IsAlsoForPrograms) {
  EXPECT_EQ(Top(Recursion(), {"--format", "csv", "--limit", "1"}).output,
            "function,module,self_ns,self_percent,total_ns,total_percent\r\n"
            "walk,app,50000000,50.00,80000000,80.00\r\n");
  EXPECT_EQ(Top(Recursion(), {"--format", "json", "--pid", "2", "--focus", "libz"}).output,
            "[\n{\"function\": \"[libz.so+0x10]\", \"module\": \"libz.so\", \"self_ns\": 20000000, "
            "\"self_percent\": 100.00, \"total_ns\": 20000000, \"total_percent\": 100.00},\n"
            "{\"function\": \"main\", \"module\": \"app\", \"self_ns\": 0, \"self_percent\": 0.00, "
            "\"total_ns\": 20000000, \"total_percent\": 100.00}\n]\n");
}

TEST(TableTop, SaysHowMuchItShows) {
  RunResult result = Top(Recursion(), {"--limit", "2"});
  EXPECT_THAT(result.words, HasSubstr("shows the 2 of 4 functions"));
  RunResult none = RunTwofold(
      {"table", "--view", "top", "--focus", "nowhere", WriteTemporary("top.twofold", Recursion())});
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.words, HasSubstr("no row matches"));
}

TEST(TableTop, IsOfAnyViewOfStacks) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Blocked(thread, BlockState::kInterruptible, maker.Stack({"main"}),
                maker.Stack({"k:futex_wait"}), 4000);
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_THAT(Top(capture, {"--of", "offcpu", "--state", "S"}).output,
              HasSubstr("4.00 us 100.0 4.00 us 100.0 app    main\n"));
  std::string path = WriteTemporary("top.twofold", capture);
  EXPECT_EQ(RunTwofold({"table", "--view", "top", "--of", "offwake", path}).status, 1);
  EXPECT_EQ(RunTwofold({"table", "--view", "top", "--of", "offcup", path}).status, 2);
  EXPECT_EQ(RunTwofold({"table", "--view", "states", "--of", "cpu", path}).status, 2);
  EXPECT_EQ(RunTwofold({"table", "--view", "states", "--focus", "x", path}).status, 2);
}

TEST(TableTop, FitsIn80ColumnsWhateverNamesAre) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Cpu(thread, maker.Stack({std::string(300, 'n'), "\x1b[2J" + std::string(90, '\n')}),
            StackId(), 1);
  maker.Cpu(thread, maker.Stack({"[/lib/" + std::string(200, 'm') + "+0x10]"}), StackId(), 1);
  maker.EndInterval();
  std::string path = WriteTemporary("wide.twofold", maker.Finish());
  EXPECT_THAT(RunTwofold({"table", "--view", "top", path}).output, HasSubstr(std::string(300, 'n')))
      << "a pipe cuts nothing";
  EXPECT_THAT(RunOnTerminal({"table", "--view", "top", path}, 140), HasSubstr(std::string(90, 'n')))
      << "a wide terminal cuts less";
  std::istringstream lines(RunOnTerminal({"table", "--view", "top", path}));
  size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_LE(DisplayWidth(line), 80u) << line;
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
  }
  EXPECT_EQ(count, 5u);
}

}  // namespace
}  // namespace twofold::testing
