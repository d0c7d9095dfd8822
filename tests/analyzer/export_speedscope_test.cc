// What the output "speedscope" says of places in the source.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

// A function that was sampled at two addresses of one line, and on another line with the kernel
// below it.
std::string Capture() {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("app", 7);
  DefinitionsBuilder& builder = maker.definitions();
  ModuleId program = builder.InternModule(
      {ModuleKind::kUserFile, builder.InternString("/usr/bin/app"), StringId()});
  auto stack = [&](uint64_t offset, uint32_t line) {
    Frame frame;
    frame.module = program;
    frame.symbol = builder.InternString("f");
    frame.offset = offset;
    frame.file = builder.InternString("<a>\\\x1b.c");
    frame.line = line;
    return builder.InternStackNode(StackId(), builder.InternFrame(frame));
  };
  maker.Cpu(thread, stack(0x1010, 1), StackId(), 1);
  maker.Cpu(thread, stack(0x1020, 1), StackId(), 2);
  maker.Cpu(thread, stack(0x1030, 2), maker.Stack({"k:f"}), 4);
  maker.EndInterval();
  return WriteTemporary("lines.twofold", maker.Finish());
}

std::string Export(const std::vector<std::string>& options) {
  std::vector<std::string> words = {"export", "--format", "speedscope"};
  words.insert(words.end(), options.begin(), options.end());
  words.push_back(Capture());
  RunResult result = RunTwofold(words);
  EXPECT_EQ(result.status, 0) << result.words;
  return result.output;
}

constexpr char kFile[] = R"("file":"<a>\\\\\\x1b.c")";

TEST(ExportSpeedscope, TellsFramesApartByTheirLines) {
  std::string text = Export({});
  EXPECT_THAT(text, HasSubstr("\"samples\":[\n[0,1],\n[0,2,3]],\n\"weights\":[30000,40000],"));
  EXPECT_THAT(text, EndsWith(std::string("\"frames\":[\n{\"name\":\"app\"},\n{\"name\":\"f\",") +
                             kFile + ",\"line\":1},\n{\"name\":\"f\"," + kFile +
                             ",\"line\":2},\n{\"name\":\"f\"}]}}\n"));
}

TEST(ExportSpeedscope, AnnotatesFramesWithLines) {
  std::string text = Export({"--annotate"});
  EXPECT_THAT(text, HasSubstr(std::string("{\"name\":\"f\",") + kFile + ",\"line\":2},\n"));
  EXPECT_THAT(text, EndsWith("{\"name\":\"f_[k]\"}]}}\n"));
}

TEST(ExportSpeedscope, FiltersSeeWhatIsShown) {
  // By text, f has 100 %: no line of it is put away.
  EXPECT_EQ(Export({"--min-percent", "50"}), Export({}));
  EXPECT_EQ(RunTwofold({"export", "--format", "speedscope", "--hide", "^f$", Capture()}).status, 1);
}

}  // namespace
}  // namespace twofold::testing
