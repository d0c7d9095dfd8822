// What other programs read: every output of stacks against values worked out by hand, what all of
// them must have in common, and names that were made to do harm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
#include <sstream>

#include "analyzer/output/csv.h"
#include "analyzer/output/gzip.h"
#include "analyzer/output/output.h"
#include "format/base/escape_text.h"
#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RunResult Export(const std::string& capture, const std::string& format,
                 std::vector<std::string> options = {}) {
  options.insert(options.begin(), {"export", "--format", format});
  options.push_back(WriteTemporary("export.twofold", capture));
  RunResult result = RunTwofold(options);
  EXPECT_EQ(result.status, 0) << format << ": " << result.words;
  return result;
}

// What an independent reader says of a profile.
std::string ReadPprof(const std::string& bytes) {
  std::string path = WriteTemporary("profile.pb.gz", bytes);
  std::string command = std::string(TWOFOLD_PYTHON) + " '" + TWOFOLD_TESTS_DIR +
                        "/read_pprof.py' '" + path + "' 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  std::array<char, 4096> buffer;
  for (size_t got = 0; (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    text.append(buffer.data(), got);
  }
  EXPECT_EQ(pclose(pipe), 0) << text;
  return text;
}

// A function with a line, one inlined into it, a kernel function, JIT code, and a frame without a
// name; two threads of one process.
std::string EveryKindOfFrame() {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("app", 7);
  ThreadId helper = maker.AddSibling("helper", 8);
  DefinitionsBuilder& builder = maker.definitions();
  ModuleId program =
      builder.InternModule({ModuleKind::kUserFile, builder.InternString("/usr/bin/app"),
                            builder.InternString("beef01")});
  ModuleId jit = builder.InternModule(
      {ModuleKind::kRuntime, builder.InternString("/tmp/perf-7.map"), StringId()});
  StringId source = builder.InternString("src/app.cc");
  auto frame = [&](ModuleId module, const char* symbol, uint64_t offset, uint32_t line,
                   bool inlined) {
    Frame made;
    made.module = module;
    if (symbol != nullptr) made.symbol = builder.InternString(symbol);
    made.offset = offset;
    if (line != 0) made.file = source;
    made.line = line;
    made.inlined = inlined;
    return builder.InternFrame(made);
  };
  FrameId main = frame(program, "_ZN3app4mainEv", 0x1100, 10, false);
  FrameId inlined = frame(program, "_ZN3app4stepEv", 0x1100, 20, true);
  FrameId code = frame(jit, "Interpreter", 0x20, 0, false);
  FrameId unnamed = frame(program, nullptr, 0x5000, 0, false);
  StackId stack = builder.InternStack(std::vector<FrameId>{main, inlined, code});
  maker.Cpu(thread, stack, maker.Stack({"k:sys_read"}), 3);
  maker.Cpu(helper, builder.InternStack(std::vector<FrameId>{main, inlined}), StackId(), 2);
  maker.Cpu(helper, builder.InternStack(std::vector<FrameId>{unnamed}), StackId(), 1);
  maker.EndInterval();
  return maker.Finish();
}

TEST(ExportPprof, HasSamplesLocationsAndLabels) {
  std::string text = ReadPprof(Export(EveryKindOfFrame(), "pprof").output);
  EXPECT_EQ(text,
            "types samples/count cpu/microseconds\n"
            "default cpu\n"
            "time 1700000000000000000 for 1000000000\n"
            "period 10000000 cpu/nanoseconds\n"
            "mapping /usr/bin/app [beef01] sli\n"
            "mapping /tmp/perf-7.map [] f\n"
            "mapping [kernel] [] f\n"
            "sample [1, 10000] pid=7 tid=8 process=app thread=helper\n"
            "  [app+0x5000] in /usr/bin/app+0x5000\n"
            "  app\n"
            "sample [2, 20000] pid=7 tid=8 process=app thread=helper\n"
            "  app::step=_ZN3app4stepEv@src/app.cc:20+app::main=_ZN3app4mainEv@src/app.cc:10 in "
            "/usr/bin/app+0x1100\n"
            "  app\n"
            "sample [3, 30000] pid=7 tid=7 process=app thread=app\n"
            "  sys_read in [kernel]+0x0\n"
            "  Interpreter in /tmp/perf-7.map+0x0\n"
            "  app::step=_ZN3app4stepEv@src/app.cc:20+app::main=_ZN3app4mainEv@src/app.cc:10 in "
            "/usr/bin/app+0x1100\n"
            "  app\n"
            "total [6, 60000]\n"
            "comment twofold, view cpu\n");
}

TEST(ExportPprof, AHiddenFunctionTakesNoInlinedOnesWithIt) {
  std::string text = ReadPprof(Export(EveryKindOfFrame(), "pprof", {"--hide", "app::main"}).output);
  EXPECT_THAT(text, HasSubstr("  app::step=_ZN3app4stepEv@src/app.cc:20 in /usr/bin/app+0x1100\n"));
  EXPECT_THAT(text, Not(HasSubstr("app::main")));
}

TEST(ExportPprof, NamesTimeViewsAndUsesTheirCounts) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Blocked(thread, BlockState::kInterruptible, maker.Stack({"f"}), StackId(), 7000, 5);
  maker.EndInterval();
  std::string text = ReadPprof(Export(maker.Finish(), "pprof", {"--view", "offcpu"}).output);
  EXPECT_THAT(text, HasSubstr("types events/count time/microseconds\ndefault time\n"));
  EXPECT_THAT(text, HasSubstr("sample [5, 7] pid=1 tid=1"));
  EXPECT_THAT(text, Not(HasSubstr("period")));
}

// What the tool of Go says of a profile, with single blanks.
std::string GoPprof(const std::string& report, const std::string& path) {
  std::string out = TemporaryPath("go.txt");
  std::string command = "cd '" + TemporaryPath("") + "' && HOME=$PWD go tool pprof " + report +
                        " -symbolize=none '" + path + "' > '" + out + "' 2> /dev/null";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  std::istringstream words(ReadAll(out));
  std::string text;
  for (std::string word; words >> word;) text += (text.empty() ? "" : " ") + word;
  return text;
}

TEST(ExportPprof, ToolsOfGoReadIt) {
  if (std::system("command -v go > /dev/null") != 0) {
    GTEST_SKIP() << "there is no go: tools/setup --test installs it";
  }
  std::string path =
      WriteTemporary("go.pb.gz", Export(EveryKindOfFrame(), "pprof", {"--root", "none"}).output);
  std::string top = GoPprof("-top", path);
  for (const char* wanted :
       {"Type: cpu", "Duration: 1s, Total samples = 60ms ( 6.00%)",
        "Showing nodes accounting for 60ms, 100% of 60ms total",
        " 30ms 50.00% 50.00% 30ms 50.00% sys_read", " 20ms 33.33% 83.33% 50ms 83.33% app::step",
        " 10ms 16.67% 100% 10ms 16.67% [app+0x5000]", " 0 0% 100% 30ms 50.00% Interpreter",
        " 0 0% 100% 50ms 83.33% app::main"}) {
    EXPECT_THAT(top, HasSubstr(wanted));
  }
  std::string raw = GoPprof("-raw", path);
  for (const char* wanted :
       {"Time: 2023-11-14 22:13:20 +0000 UTC", "Duration: 1s",
        "samples/count cpu/microseconds[dflt]",
        " 1 10000: 1 process:[app] thread:[helper] pid:[7] tid:[8]",
        " 2 20000: 2 process:[app] thread:[helper] pid:[7] tid:[8]",
        " 3 30000: 3 4 2 process:[app] thread:[app] pid:[7] tid:[7]", "app::step src/app.cc:20",
        "app::main src/app.cc:10", " /usr/bin/app beef01"}) {
    EXPECT_THAT(raw, HasSubstr(wanted));
  }
}

TEST(ExportJson, HasEverythingAboutEveryFrame) {
  std::string text = Export(EveryKindOfFrame(), "json").output;
  EXPECT_EQ(
      text,
      "{\n\"format\": \"twofold-stacks\",\n\"version\": 1,\n\"view\": \"cpu\",\n"
      "\"unit\": \"nanoseconds\",\n\"start_realtime_ns\": 1700000000000000000,\n"
      "\"window_ns\": 1000000000,\n\"total\": 60000000,\n\"lost\": 0,\n\"notes\": [],\n"
      "\"stacks\": [\n"
      "{\"weight\": 10000000, \"count\": 1, \"frames\": [0, 1]},\n"
      "{\"weight\": 20000000, \"count\": 2, \"frames\": [0, 2, 3]},\n"
      "{\"weight\": 30000000, \"count\": 3, \"frames\": [0, 2, 3, 4, 5]}\n"
      "],\n"
      "\"frames\": [\n"
      "{\"name\": \"app\", \"kind\": \"root\"},\n"
      "{\"name\": \"[app+0x5000]\", \"kind\": \"user\", \"module\": \"/usr/bin/app\", "
      "\"module_kind\": \"user\", \"build_id\": \"beef01\", \"offset\": \"0x5000\"},\n"
      "{\"name\": \"app::main\", \"kind\": \"user\", \"symbol\": \"_ZN3app4mainEv\", "
      "\"module\": \"/usr/bin/app\", \"module_kind\": \"user\", \"build_id\": \"beef01\", "
      "\"offset\": \"0x1100\", \"file\": \"src/app.cc\", \"line\": 10},\n"
      "{\"name\": \"app::step\", \"kind\": \"user\", \"symbol\": \"_ZN3app4stepEv\", "
      "\"module\": \"/usr/bin/app\", \"module_kind\": \"user\", \"build_id\": \"beef01\", "
      "\"offset\": \"0x1100\", \"file\": \"src/app.cc\", \"line\": 20, \"inlined\": true},\n"
      "{\"name\": \"Interpreter\", \"kind\": \"user\", \"symbol\": \"Interpreter\", "
      "\"module\": \"/tmp/perf-7.map\", \"module_kind\": \"runtime\", \"offset\": \"0x20\"},\n"
      "{\"name\": \"sys_read\", \"kind\": \"kernel\", \"symbol\": \"sys_read\", \"module\": "
      "\"kernel\", \"module_kind\": \"kernel\", \"offset\": \"0x1010\"}\n"
      "]\n}\n");
}

TEST(ExportSpeedscope, IsOneSampledProfile) {
  EXPECT_EQ(Export(EveryKindOfFrame(), "speedscope").output.substr(0, 65),
            "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n");
  std::string text = Export(EveryKindOfFrame(), "speedscope").output;
  EXPECT_THAT(text, HasSubstr("\"activeProfileIndex\":0,\n"
                              "\"profiles\":[{\"type\":\"sampled\",\"name\":\"On-CPU time\","
                              "\"unit\":\"microseconds\",\n"
                              "\"samples\":[\n[0,1],\n[0,2,3],\n[0,2,3,4,5]],\n"
                              "\"weights\":[10000,20000,30000],\n"
                              "\"startValue\":0,\"endValue\":60000}],\n"
                              "\"shared\":{\"frames\":[\n"
                              "{\"name\":\"app\"},\n"
                              "{\"name\":\"[app+0x5000]\"},\n"
                              "{\"name\":\"app::main\",\"file\":\"src/app.cc\",\"line\":10},\n"
                              "{\"name\":\"app::step\",\"file\":\"src/app.cc\",\"line\":20},\n"
                              "{\"name\":\"Interpreter\"},\n{\"name\":\"sys_read\"}]}}\n"));
}

TEST(ExportCsv, HasARowForEachStack) {
  EXPECT_EQ(Export(EveryKindOfFrame(), "csv").output,
            "time_ns,count,first_frame,last_frame,stack\r\n"
            "10000000,1,app,[app+0x5000],app;[app+0x5000]\r\n"
            "20000000,2,app,app::step,app;app::main;app::step\r\n"
            "30000000,3,app,sys_read,app;app::main;app::step;Interpreter;sys_read\r\n");
}

TEST(ExportFolded, AnnotatesAsFlameGraphToolsExpect) {
  EXPECT_EQ(Export(EveryKindOfFrame(), "folded", {"--annotate"}).output,
            "app;[app+0x5000] 10000\n"
            "app;app::main;app::step_[i] 20000\n"
            "app;app::main;app::step_[i];Interpreter_[j];sys_read_[k] 30000\n");
  std::string fold = RunTwofold({"fold", WriteTemporary("f.twofold", EveryKindOfFrame())}).output;
  EXPECT_EQ(Export(EveryKindOfFrame(), "folded").output, fold);
}

// Two processes, blocked and running, woken and lost.
std::string EveryView() {
  CaptureMaker maker;
  maker.recording().settings.wakers = 2;
  ThreadId tar = maker.AddThread("tar", 1);
  ThreadId gzip = maker.AddThread("gzip", 2);
  WakerId waker = maker.Task(gzip, maker.Stack({"main", "deflate"}), maker.Stack({"k:pipe_write"}));
  WakerId timer = maker.Interrupt(WakerKind::kTimer, maker.Stack({"k:hrtimer"}));
  for (int i = 0; i < 3; ++i) {
    maker.Cpu(tar, maker.Stack({"main", "f" + std::to_string(i)}), maker.Stack({"k:copy"}), 3);
    maker.Cpu(gzip, maker.Stack({"main"}), StackId(), 1);
    for (uint64_t j = 0; j < 5; ++j) {
      maker.AddBlocked({.thread = tar,
                        .state = BlockState::kInterruptible,
                        .kernel_stack = maker.Stack({"k:pipe_read"}),
                        .user_stack = maker.Stack({"main", "g" + std::to_string(j)}),
                        .time_ns = 1234567 + j * 333,
                        .count = 1,
                        .chain = maker.Chain({waker, timer})});
    }
    maker.Lose(LossCause::kRowMapFull, LossSource::kOffCpu, 1, 4321);
    maker.EndInterval();
  }
  return maker.Finish();
}

// The sum of what an output says, in microseconds.
double TotalUs(const std::string& format, const std::string& output) {
  std::istringstream lines(output);
  std::string line;
  double total = 0;
  if (format == "folded") {
    while (std::getline(lines, line)) total += std::stod(line.substr(line.rfind(' ')));
  } else if (format == "csv") {
    std::getline(lines, line);
    while (std::getline(lines, line)) total += std::stod(line) / 1000;
  } else if (format == "json") {
    for (size_t at = 0; (at = output.find("\"weight\": ", at)) != std::string::npos; ++at) {
      total += std::stod(output.substr(at + 10)) / 1000;
    }
  } else if (format == "speedscope") {
    std::string numbers = output.substr(output.find("\"weights\":[") + 11);
    std::istringstream stream(numbers.substr(0, numbers.find(']')));
    while (std::getline(stream, line, ',')) total += std::stod(line);
  } else if (format == "pprof") {
    std::string text = ReadPprof(output);
    total = std::stod(text.substr(text.find(", ", text.find("\ntotal [")) + 2));
  } else {
    total = std::stod(output.substr(output.find("data-total=\"") + 12)) / 1000;
  }
  return total;
}

TEST(Exports, AllHaveTheSameTotalWithAnyFilter) {
  std::string capture = EveryView();
  for (const char* view : {"cpu", "offcpu", "wakeup", "offwake", "chain"}) {
    for (const std::vector<std::string>& filter :
         std::vector<std::vector<std::string>>{{},
                                               {"--focus", "main"},
                                               {"--hide", "main"},
                                               {"--min-percent", "30"},
                                               {"--root", "none", "--show-from", "f1|pipe"},
                                               {"--pid", "1"}}) {
      std::vector<std::string> options = {"--view", view};
      options.insert(options.end(), filter.begin(), filter.end());
      double wanted = TotalUs("folded", Export(capture, "folded", options).output);
      EXPECT_GT(wanted, 0);
      for (const OutputFormat& format : OutputFormats()) {
        std::string name(format.name);
        double total = TotalUs(name, Export(capture, name, options).output);
        EXPECT_NEAR(total, wanted, 0.51) << name << " " << view << " " << filter.size();
      }
    }
  }
}

TEST(Exports, AreTheSameOnEveryRunAndFromStandardInput) {
  std::string capture = EveryView();
  for (const OutputFormat& format : OutputFormats()) {
    std::string name(format.name);
    std::string output = Export(capture, name, {"--view", "chain"}).output;
    EXPECT_EQ(Export(capture, name, {"--view", "chain"}).output, output);
    RunResult piped = RunTwofold({"export", "--format", name, "--view", "chain", "-"}, capture);
    EXPECT_EQ(piped.status, 0) << piped.words;
    // A picture names the file.
    size_t source = piped.output.find("standard input");
    EXPECT_EQ(source != std::string::npos, name == "svg") << name;
    if (source != std::string::npos) piped.output.replace(source, 14, "export.twofold");
    EXPECT_EQ(piped.output, output) << name;
    std::string target = TemporaryPath("target." + name);
    EXPECT_EQ(RunTwofold({"export", "--format", name, "--view", "chain", "-o", target,
                          WriteTemporary("export.twofold", capture)})
                  .status,
              0);
    EXPECT_EQ(ReadAll(target), output) << name;
  }
}

TEST(Exports, OfNothingAreWhole) {
  CaptureMaker maker;
  maker.EndInterval();
  std::string capture = maker.Finish();
  for (const OutputFormat& format : OutputFormats()) {
    RunResult result = Export(capture, std::string(format.name));
    EXPECT_THAT(result.words, HasSubstr("holds no time"));
    if (format.name == "pprof") {
      EXPECT_THAT(ReadPprof(result.output), HasSubstr("total [0, 0]\n"));
    }
  }
}

TEST(Exports, EndInSilenceWhenTheReaderGoes) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  for (int i = 0; i < 20000; ++i) {
    maker.Cpu(thread, maker.Stack({"a_rather_long_function_name_" + std::to_string(i)}), StackId(),
              1);
  }
  maker.EndInterval();
  std::string capture = WriteTemporary("long.twofold", maker.Finish());
  std::string words = TemporaryPath("words");
  for (const OutputFormat& format : OutputFormats()) {
    std::string script = std::string("'") + TWOFOLD_BIN_DIR + "/twofold' export --format " +
                         std::string(format.name) + " '" + capture + "' 2> '" + words +
                         "' | head -c 10 > /dev/null";
    ASSERT_EQ(std::system(script.c_str()), 0);
    EXPECT_EQ(ReadAll(words), "") << format.name;
  }
}

TEST(Exports, WrongUseIsASentence) {
  std::string path = WriteTemporary("export.twofold", EveryView());
  RunResult result = RunTwofold({"export", "--format", "pporf", path});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.words, HasSubstr("Did you mean 'pprof'?"));
  EXPECT_EQ(RunTwofold({"export"}).status, 2);
  EXPECT_EQ(RunTwofold({"export", "--min-percent", "200", path}).status, 2);
  EXPECT_EQ(RunTwofold({"export", "--focus", "(", path}).status, 2);
}

// 200 names: pieces that do harm somewhere, alone and together.
std::vector<std::string> HostileNames() {
  const std::vector<std::string> pieces = {"\x1b[2J",
                                           "\x1b]0;x\x07",
                                           "a;b",
                                           "line\nbreak",
                                           "cr\rlf",
                                           "\"quote\"",
                                           "'quote'",
                                           "</script>",
                                           "<script>",
                                           "]]>",
                                           "=1+1",
                                           "+cmd|' /C x'",
                                           "-2+3",
                                           "@SUM(A1)",
                                           "\tcell",
                                           "\\n",
                                           "\xe2\x80\xae"
                                           "txt",
                                           "\xe2\x80\xa8line",
                                           "\xff\xfe",
                                           "\xef\xbb\xbf"
                                           "bom",
                                           "{\"a\":1}",
                                           ",,,",
                                           "\x7f",
                                           "\xc2\x85nel",
                                           "-- "};
  std::vector<std::string> names = pieces;
  for (size_t i = 0; names.size() < 200; ++i) {
    names.push_back(pieces[i % pieces.size()] +
                    pieces[(i * 7 + i / pieces.size() + 3) % pieces.size()] + std::to_string(i));
  }
  return names;
}

TEST(Exports, HostileNamesStayText) {
  std::vector<std::string> names = HostileNames();
  ASSERT_EQ(names.size(), 200u);
  CaptureMaker maker;
  for (size_t i = 0; i < names.size(); ++i) {
    ThreadId thread = maker.AddThread(names[i], uint32_t(i + 1));
    maker.Cpu(thread, maker.Stack({"[/usr/lib/" + names[i] + "+0x10]", names[i]}), StackId(), 1);
  }
  maker.EndInterval();
  std::string capture = maker.Finish();
  auto expect_no_raw = [](const std::string& text, const std::string& what,
                          const std::string& allowed) {
    for (char c : text) {
      bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
      if (control && allowed.find(c) == std::string::npos) {
        ADD_FAILURE() << what << " has a raw byte " << int(c);
        return;
      }
    }
    for (const char* raw : {"\xe2\x80\xae", "\xe2\x80\xa8", "\xff", "\xef\xbb\xbf", "\xc2\x85"}) {
      EXPECT_EQ(text.find(raw), std::string::npos) << what;
    }
  };
  for (const OutputFormat& format : OutputFormats()) {
    std::string name(format.name);
    std::string text = Export(capture, name).output;
    if (name == "pprof") text = ReadPprof(text);
    expect_no_raw(text, name, name == "csv" ? "\r\n" : name == "svg" ? "\n" : "\n");
    size_t scripts = name == "svg" ? 1 : 0;
    if (name != "svg" && name != "json" && name != "speedscope") continue;
    size_t found = 0;
    for (size_t at = 0; (at = text.find("</script>", at)) != std::string::npos; ++at) ++found;
    EXPECT_EQ(found, scripts) << name;
  }
  // No cell begins like a formula, and every row has five cells.
  std::string csv = Export(capture, "csv").output;
  std::vector<std::string> cells = {""};
  bool quoted = false;
  size_t rows = 0;
  for (size_t i = 0; i < csv.size(); ++i) {
    char c = csv[i];
    if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == ',' || c == '\n')) {
      cells.emplace_back();
    } else if (c != '\r') {
      cells.back() += c;
    }
    if (!quoted && c == '\n') ++rows;
  }
  EXPECT_EQ(rows, names.size() + 1);
  EXPECT_EQ(cells.size(), rows * 5 + 1);
  for (const std::string& cell : cells) {
    EXPECT_EQ(std::string("=+-@").find(cell.empty() ? 'x' : cell[0]), std::string::npos) << cell;
  }
}

TEST(Gzip, PacksWhatIsLargerThanItsPieces) {
  std::string bytes(size_t{20} << 20, 'x');
  Result<std::string> packed = Gzip(bytes);
  ASSERT_TRUE(packed.has_value());
  std::string path = WriteTemporary("large.gz", *packed);
  std::string out = TemporaryPath("large");
  ASSERT_EQ(std::system(("gzip -dc '" + path + "' > '" + out + "'").c_str()), 0);
  EXPECT_TRUE(ReadAll(out) == bytes);
}

}  // namespace
}  // namespace twofold::testing
