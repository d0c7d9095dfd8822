// Cycles per instruction in every output, against ratios worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analyzer/fold/ratio.h"
#include "analyzer/output/colours.h"
#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Two processes. In "app", `copy` has 400 M cycles for 100 M instructions (CPI 4), of which one row
// is of each of two intervals, `add` 200 M for 400 M (0.5), with the kernel below it for 8 M of
// either; `rare` has 3 samples.
std::string Memory() {
  CaptureMaker maker({"cpi"});
  ThreadId app = maker.AddThread("app", 1);
  ThreadId other = maker.AddThread("other", 2);
  StackId copy = maker.Stack({"main", "copy"});
  StackId add = maker.Stack({"main", "add"});
  maker.Count(app, copy, StackId(), 300'000'000, 300, 80'000'000, 80);
  maker.Count(app, add, StackId(), 200'000'000, 200, 400'000'000, 400);
  maker.interval().counters->cycles = {2'000'000'000, 1'000'000'000, 1'000'000'000};
  maker.interval().counters->instructions = {1'500'000'000, 1'000'000'000, 500'000'000};
  maker.EndInterval();
  maker.Count(app, copy, StackId(), 100'000'000, 100, 20'000'000, 20);
  maker.Count(app, add, maker.Stack({"k:fault"}), 8'000'000, 8, 8'000'000, 8);
  maker.Count(other, maker.Stack({"rare"}), StackId(), 2'000'000, 2, 0, 0);
  maker.Count(other, maker.Stack({"rare", "leaf"}), StackId(), 0, 0, 1'000'000, 1);
  maker.EndInterval();
  return maker.Finish();
}

RunResult OfMemory(std::vector<std::string> words) {
  words.push_back(WriteTemporary("cpi.twofold", Memory()));
  RunResult result = RunTwofold(words);
  EXPECT_EQ(result.status, 0) << result.words;
  return result;
}

TEST(Cpi, FoldedStacksAreInCycles) {
  EXPECT_EQ(OfMemory({"fold", "--view", "cpi"}).output,
            "app;main;add 200000000\n"
            "app;main;add;fault 8000000\n"
            "app;main;copy 400000000\n"
            "other;rare 2000000\n"
            "other;rare;leaf 0\n");
}

TEST(Cpi, RowsTellBothNumbersAndTheirSamples) {
  EXPECT_EQ(OfMemory({"export", "--format", "csv", "--view", "cpi", "--comm", "app"}).output,
            "cycles,count,instructions,instruction_samples,first_frame,last_frame,stack\r\n"
            "200000000,200,400000000,400,app,add,app;main;add\r\n"
            "8000000,8,8000000,8,app,fault,app;main;add;fault\r\n"
            "400000000,400,100000000,100,app,copy,app;main;copy\r\n");
  std::string json = OfMemory({"export", "--format", "json", "--view", "cpi"}).output;
  EXPECT_THAT(json, HasSubstr("\"unit\": \"cycles\""));
  EXPECT_THAT(json, HasSubstr("{\"weight\": 400000000, \"count\": 400, \"instructions\": "
                              "100000000, \"instruction_samples\": 100, \"frames\""));
  EXPECT_THAT(OfMemory({"export", "--format", "speedscope", "--view", "cpi"}).output,
              HasSubstr("\"unit\":\"none\""));
}

// copy: 4 x sqrt(1/400 + 1/100) = 0.447; add: 0.5 x sqrt(1/200 + 1/400) = 0.0433; all: 610 M / 509
// M with 610 and 509 samples: 1.198 x 0.0600 = 0.0719.
TEST(Cpi, TopFunctionsHaveTheirRatioWithItsError) {
  EXPECT_EQ(OfMemory({"table", "--view", "cpi"}).output,
            "Functions of the view cpi, 610 M cycles in all, CPI 1.198 +- 0.072\n"
            "  self    %             CPI  total    % module function\n"
            " 400 M 65.6    4.00 +- 0.45  400 M 65.6 app    copy\n"
            " 200 M 32.8  0.500 +- 0.043  208 M 34.1 app    add\n"
            "8.00 M  1.3 too few samples 8.00 M  1.3 kernel fault\n"
            "2.00 M  0.3 too few samples 2.00 M  0.3 app    rare\n"
            "     0  0.0                  608 M 99.7 app    main\n"
            "     0  0.0                      0  0.0 app    leaf\n");
  std::string csv =
      OfMemory({"table", "--view", "top", "--of", "cpi", "--format", "csv", "--limit", "2"}).output;
  EXPECT_EQ(csv,
            "function,module,self_cycles,self_percent,self_samples,self_instructions,"
            "self_instruction_samples,self_cpi,self_cpi_standard_error,total_cycles,total_percent,"
            "total_samples,total_instructions,total_instruction_samples,total_cpi,"
            "total_cpi_standard_error\r\n"
            "copy,app,400000000,65.57,400,100000000,100,4.0000,0.4472,400000000,65.57,400,"
            "100000000,100,4.0000,0.4472\r\n"
            "add,app,200000000,32.79,200,400000000,400,0.5000,0.0433,208000000,34.10,208,"
            "408000000,408,0.5098,0.0434\r\n");
  EXPECT_THAT(OfMemory({"table", "--view", "cpi", "--format", "json", "--focus", "rare"}).output,
              HasSubstr("\"self_cpi\": null"));
}

TEST(Cpi, FiltersOfStacksKeepBothNumbers) {
  EXPECT_EQ(OfMemory({"export", "--format", "csv", "--view", "cpi", "--root", "none",
                      "--min-percent", "10", "--hide", "main"})
                .output,
            "cycles,count,instructions,instruction_samples,first_frame,last_frame,stack\r\n"
            "2000000,2,1000000,1,[below 10 %],[below 10 %],[below 10 %]\r\n"
            "200000000,200,400000000,400,add,add,add\r\n"
            "8000000,8,8000000,8,add,[below 10 %],add;[below 10 %]\r\n"
            "400000000,400,100000000,100,copy,copy,copy\r\n");
  EXPECT_EQ(OfMemory({"fold", "--view", "cpi", "--from", "1"}).output,
            "app;main;add;fault 8000000\napp;main;copy 100000000\nother;rare "
            "2000000\nother;rare;leaf 0\n");
}

// All: 610 M / 509 M = 1.198. copy is 3.3 times as much, add 0.42 times; a factor of 4 is the full
// colour.
TEST(Cpi, PictureIsAsWideAsCyclesAndColouredByTheRatio) {
  std::string svg = OfMemory({"flame", "--view", "cpi"}).output;
  EXPECT_THAT(svg, HasSubstr("cpi view: 610 M cycles in a window of 2.00 s; CPI: 1.198 +- 0.072"));
  EXPECT_THAT(svg, HasSubstr("<title>copy\nCPI: 4.00 +- 0.45; 400 M cycles, 65.6 %</title>"));
  EXPECT_THAT(svg, HasSubstr("<title>fault\nCPI: too few samples; 8.00 M cycles"));
  EXPECT_THAT(svg, HasSubstr("CPI &lt;= 0.30"));
  EXPECT_THAT(svg, HasSubstr("CPI 1.20, as all"));
  EXPECT_THAT(svg, HasSubstr("CPI &gt;= 4.79"));
  EXPECT_THAT(svg, HasSubstr("data-v=\"400000000\""));
}

TEST(Cpi, ColoursGoFromRedToBlue) {
  const RatioSums all = {1000, 1000, 1000, 1000};
  const auto of = [&](uint64_t value, uint64_t divisor) {
    return ColourOfRatio({value, 1000, divisor, 1000}, all);
  };
  EXPECT_EQ(of(100, 1000), of(250, 1000));  // no redder than a quarter
  EXPECT_EQ(of(4000, 1000), of(9000, 1000));
  EXPECT_EQ(of(700, 700), ColourOfFactor(1));
  EXPECT_NE(of(500, 1000), of(250, 1000));
  const auto channel = [](const std::string& colour, size_t place) {
    return std::stoi(colour.substr(1 + 2 * place, 2), nullptr, 16);
  };
  EXPECT_GT(channel(of(250, 1000), 0), channel(of(250, 1000), 2) + 60);    // red
  EXPECT_GT(channel(of(4000, 1000), 2), channel(of(4000, 1000), 0) + 60);  // blue
  EXPECT_EQ(ColourOfRatio({4000, 16, 1000, 16}, all), ColourOfUnknownRatio());
  EXPECT_EQ(ColourOfRatio({4000, 1000, 0, 0}, all), ColourOfUnknownRatio());
}

TEST(Cpi, RatioIsToldFrom32SamplesOn) {
  EXPECT_EQ(FormatRatio({64, 32, 32, 32}), "2.00 +- 0.50");
  EXPECT_EQ(FormatRatio({64, 31, 32, 32}), "too few samples");
  EXPECT_EQ(FormatRatio({0, 0, 32, 32}), "too few samples");
  EXPECT_EQ(FormatRatio({1'000'000, 1'000'000, 800'000, 800'000}), "1.250 +- 0.002");
}

TEST(Cpi, InfoTellsWhatTheCountersCountedAndForHowLong) {
  std::string info = OfMemory({"info"}).output;
  EXPECT_THAT(info,
              HasSubstr("cycles        2.00 G on all CPUs; 610 samples of what was recorded"));
  EXPECT_THAT(info, HasSubstr("50.0 % of the time, since the counters had other users"));
  EXPECT_THAT(info, HasSubstr("CPI           1.198 +- 0.072 cycles per instruction"));
  EXPECT_THAT(info, HasSubstr("CPU cycles: 610 M cycles"));
}

TEST(Cpi, SqlHasBothNumbers) {
  std::string path = WriteTemporary("cpi-sql.twofold", Memory());
  RunResult result = RunTwofold(
      {"sql", "--csv", path,
       "SELECT sum(cycles), sum(count), sum(instructions), sum(instruction_samples) FROM cpi"});
  EXPECT_THAT(result.output, HasSubstr("610000000,610,509000000,509"));
  result = RunTwofold({"sql", "--csv", path,
                       "SELECT event, sum(counted), sum(enabled_ns), sum(running_ns) FROM counter "
                       "GROUP BY event ORDER BY event"});
  EXPECT_THAT(result.output, HasSubstr("cycles,2000000000,1000000000,1000000000"));
  EXPECT_THAT(result.output, HasSubstr("instructions,1500000000,1000000000,500000000"));
}

TEST(Cpi, CaptureWithoutCountersSaysHowToRecordThem) {
  CaptureMaker maker;
  maker.EndInterval();
  RunResult result =
      RunTwofold({"fold", "--view", "cpi", WriteTemporary("no-cpi.twofold", maker.Finish())});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("--record cpi"));
}

}  // namespace
}  // namespace twofold::testing
