// The picture as a file: what is drawn, what is left out, and that nothing in a name is markup. How
// it behaves in a browser is tests/web's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analyzer/data/input.h"
#include "analyzer/output/flame_tree.h"
#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Flame(const std::string& capture, std::vector<std::string> options = {}) {
  options.insert(options.begin(), "flame");
  options.push_back(WriteTemporary("flame.twofold", capture));
  RunResult result = RunTwofold(options);
  EXPECT_EQ(result.status, 0) << result.words;
  return result.output;
}

std::string FourStacks() {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("app", 1);
  maker.Cpu(thread, maker.Stack({"main", "a"}), StackId(), 50);
  maker.Cpu(thread, maker.Stack({"main", "b"}), maker.Stack({"k:sys"}), 30);
  maker.Cpu(thread, maker.Stack({"main"}), StackId(), 19);
  maker.Cpu(thread, maker.Stack({"main", "c", "d"}), StackId(), 1);
  maker.EndInterval();
  return maker.Finish();
}

TEST(FlameTree, HasTheRectanglesOfTheFoldedStacks) {
  Result<Input> input =
      OpenInput(WriteTemporary("tree.twofold", FourStacks()), TableKind::kInPlace);
  ASSERT_TRUE(input.has_value());
  FoldRequest request;
  request.view = *FindView("cpu");
  Result<Folded> folded = Fold(input->database, request);
  ASSERT_TRUE(folded.has_value());
  auto rectangles = [&](double min_value) {
    std::vector<std::string> texts;
    FlameTree tree = BuildFlameTree(*folded, min_value);
    for (const FlameFrame& frame : tree.frames) {
      texts.push_back(std::string(folded->Text(frame.name)) + " " + std::to_string(frame.depth) +
                      " " + std::to_string(frame.start / 1000000) + "+" +
                      std::to_string(frame.value / 1000000));
    }
    texts.push_back(std::to_string(tree.frames_left_out) + " left out, deepest " +
                    std::to_string(tree.deepest));
    return texts;
  };
  EXPECT_THAT(rectangles(0), ::testing::ElementsAre("app 1 0+1000", "main 2 0+1000", "a 3 190+500",
                                                    "b 3 690+300", "sys 4 690+300", "c 3 990+10",
                                                    "d 4 990+10", "0 left out, deepest 4"));
  EXPECT_THAT(rectangles(400e6), ::testing::ElementsAre("app 1 0+1000", "main 2 0+1000",
                                                        "a 3 190+500", "4 left out, deepest 3"));
}

TEST(Flame, SaysHowManyFramesAreTooNarrow) {
  EXPECT_THAT(Flame(FourStacks()), Not(HasSubstr("not drawn")));
  std::string svg = Flame(FourStacks(), {"--min-width", "5"});
  EXPECT_THAT(svg, HasSubstr("2 frames narrower than 5 % (50.0 ms) not drawn"));
  EXPECT_THAT(svg, Not(HasSubstr("<title>d\n")));
}

TEST(Flame, IsOneFileThatFetchesNothing) {
  std::string svg = Flame(FourStacks());
  for (const char* word : {"href", "@import", "url(", "<image", "fetch(", "XMLHttpRequest"}) {
    EXPECT_EQ(svg.find(word), std::string::npos) << word;
  }
  // The only addresses are names of XML's vocabularies.
  for (size_t at = 0; (at = svg.find("http", at)) != std::string::npos; ++at) {
    EXPECT_EQ(svg.compare(at, 18, "http://www.w3.org/"), 0) << svg.substr(at, 60);
  }
}

TEST(Flame, TellsViewWindowTotalAndTitle) {
  std::string svg = Flame(FourStacks());
  EXPECT_THAT(svg, HasSubstr(">On-CPU time</text>"));
  EXPECT_THAT(svg, HasSubstr("cpu view: 1.00 s in a window of 1.00 s"));
  EXPECT_THAT(svg, HasSubstr("<title>a\n500 ms, 50.0 %</title>"));
  EXPECT_THAT(svg, HasSubstr(">Host web-7, flame.twofold, recorded "));
  svg = Flame(FourStacks(), {"--title", "A <b> & \"c\""});
  EXPECT_THAT(svg, HasSubstr(">A &lt;b&gt; &amp; &quot;c&quot;</text>"));
}

TEST(Flame, HasTheWidthAndHeightThatWereAsked) {
  std::string svg = Flame(FourStacks(), {"--width", "640"});
  EXPECT_THAT(svg, HasSubstr("width=\"640\""));
  // Title, facts, controls; five rows of 17; details.
  std::string deep = [] {
    CaptureMaker maker;
    ThreadId thread = maker.AddThread("app", 1);
    std::vector<std::string> frames;
    for (int i = 0; i < 100; ++i) frames.push_back("f" + std::to_string(i));
    maker.Cpu(thread, maker.Stack(frames), StackId(), 1);
    maker.EndInterval();
    return maker.Finish();
  }();
  auto height = [](const std::string& picture) {
    return std::stod(picture.substr(picture.find("height=\"") + 8));
  };
  EXPECT_EQ(height(Flame(deep)) - height(svg), (102 - 5) * 17);
}

TEST(Flame, WarmForCpuAndCoolForOffcpuWithAnotherHueForTheKernel) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("app", 1);
  maker.Cpu(thread, maker.Stack({"u"}), maker.Stack({"k:u"}), 1);
  maker.Blocked(thread, BlockState::kInterruptible, maker.Stack({"u"}), maker.Stack({"k:u"}), 1000);
  maker.EndInterval();
  std::string capture = maker.Finish();
  auto fills = [&](const char* view) {
    std::string svg = Flame(capture, {"--view", view});
    std::vector<std::string> colours;
    for (size_t at = 0; (at = svg.find("<title>u\n", at)) != std::string::npos; ++at) {
      colours.push_back(svg.substr(svg.find("fill=\"#", at) + 7, 6));
    }
    return colours;
  };
  std::vector<std::string> cpu = fills("cpu");
  std::vector<std::string> offcpu = fills("offcpu");
  ASSERT_EQ(cpu.size(), 2u);
  ASSERT_EQ(offcpu.size(), 2u);
  EXPECT_NE(cpu[0], cpu[1]);
  EXPECT_NE(offcpu[0], offcpu[1]);
  auto red = [](const std::string& c) { return std::stoi(c.substr(0, 2), nullptr, 16); };
  auto blue = [](const std::string& c) { return std::stoi(c.substr(4, 2), nullptr, 16); };
  for (const std::string& colour : cpu) EXPECT_GT(red(colour), blue(colour));
  for (const std::string& colour : offcpu) EXPECT_GT(blue(colour), red(colour));
}

TEST(Flame, HostileNamesAreTextOnly) {
  const std::vector<std::string> names = {"<script>alert(1)</script>",
                                          "]]><script>alert(1)</script>",
                                          "--><img src=x onerror=alert(1)>",
                                          "\" onload=\"alert(1)",
                                          "' onload='alert(1)",
                                          "&lt;script&gt;",
                                          "</style><script>",
                                          "<!ENTITY x SYSTEM \"file:///etc/passwd\">",
                                          "\x1b[2J",
                                          "\xe2\x80\xae"
                                          "txt.exe",
                                          "a\nb",
                                          "\xef\xbf\xbf"};
  CaptureMaker maker;
  for (size_t i = 0; i < names.size(); ++i) {
    ThreadId thread = maker.AddThread(names[i], uint32_t(i + 1));
    maker.Cpu(thread, maker.Stack({names[i]}), StackId(), 1);
  }
  maker.EndInterval();
  std::string svg = Flame(maker.Finish());
  auto count = [&](const std::string& word) {
    size_t found = 0;
    for (size_t at = 0; (at = svg.find(word, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  EXPECT_EQ(count("<script"), 1u);
  EXPECT_EQ(count("</script"), 1u);
  EXPECT_EQ(count("]]>"), 1u);
  EXPECT_EQ(count("<style"), 1u);
  EXPECT_EQ(count("<img"), 0u);
  EXPECT_EQ(count("<!ENTITY"), 0u);
  EXPECT_EQ(count("onload=\""), 0u);
  EXPECT_EQ(svg.find('\x1b'), std::string::npos);
  EXPECT_EQ(svg.find("\xe2\x80\xae"), std::string::npos);
  EXPECT_EQ(svg.find("\xef\xbf\xbf"), std::string::npos);
}

TEST(Flame, ShowsNotesAboutWhatIsMissing) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Cpu(thread, maker.Stack({"f"}), StackId(), 3);
  maker.Lose(LossCause::kMapBusy, LossSource::kCpu, 1, 10 * kMillisecondNs);
  maker.EndInterval();
  std::string svg = Flame(maker.CutShort());
  EXPECT_THAT(svg, HasSubstr("10.0 ms (25.0 %) were lost while recording"));
  EXPECT_THAT(svg, HasSubstr("flame.twofold is partial: cut short after interval 0"));
  EXPECT_THAT(svg, HasSubstr("<title>[lost: map busy]\n10.0 ms, 25.0 %</title>"));
}

TEST(Flame, ACaptureWithoutTimeGivesAPictureThatSaysSo) {
  CaptureMaker maker;
  maker.EndInterval();
  EXPECT_THAT(Flame(maker.Finish()), HasSubstr("the capture holds no time in the view cpu"));
}

}  // namespace
}  // namespace twofold::testing
