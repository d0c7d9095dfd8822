// Symbolizing against addr2line, and against debug files that are missing, wrong or hostile.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "format/capture_reader.h"
#include "tests/analyzer/capture_maker.h"
#include "tests/analyzer/debug_programs.h"

namespace twofold::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// A capture with one stack for each address, as the innermost frame and as the caller of a frame
// without a module; row i of the CPU samples is address i / 2.
std::string CaptureOf(const Program& program, const std::vector<uint64_t>& addresses,
                      const std::string& build_id) {
  CaptureMaker maker({"cpu"});
  ThreadId thread = maker.AddThread("app", 1);
  DefinitionsBuilder& builder = maker.definitions();
  ModuleId module = builder.InternModule(
      {ModuleKind::kUserFile, builder.InternString("/bin/app"), builder.InternString(build_id)});
  for (uint64_t address : addresses) {
    Frame frame;
    frame.module = module;
    frame.offset = program.OffsetOf(address);
    StackId alone = builder.InternStackNode({}, builder.InternFrame(frame));
    maker.Cpu(thread, alone, {}, 1);
    maker.Cpu(thread, builder.InternStackNode(alone, builder.InternSpecialFrame("[callee]")), {},
              2);
  }
  maker.EndInterval();
  return maker.Finish();
}

std::string CaptureOf(const Program& program) {
  return CaptureOf(program, program.addresses, program.elf.build_id);
}

Capture ReadGood(const std::string& path) {
  Result<Capture> capture = ReadCaptureFile(path);
  EXPECT_TRUE(capture.has_value()) << capture.error().Message();
  if (!capture) return {};
  EXPECT_TRUE(capture->damages.empty()) << path;
  return std::move(*capture);
}

// A stack as addr2line tells it, without special frames: "main /a.c:5|work /a.c:7".
std::string TextOf(const Capture& capture, StackId stack) {
  std::string text;
  for (; stack.value != 0; stack = capture.GetStack(stack).parent) {
    const Frame& frame = capture.GetFrame(capture.GetStack(stack).frame);
    if (capture.GetModule(frame.module).kind == ModuleKind::kSpecial) continue;
    std::string symbol = frame.symbol.value == 0 ? "??" : capture.String(frame.symbol);
    std::string file = frame.file.value == 0 ? "??" : capture.String(frame.file);
    std::string line = frame.line == 0 ? "?" : std::to_string(frame.line);
    text = symbol + " " + file + ":" + line + (text.empty() ? "" : "|") + text;
    bool is_function = !frame.inlined;
    EXPECT_EQ(is_function, capture.GetStack(stack).parent.value == 0);
  }
  return text;
}

// Symbolizes a capture; gives the path of the new one.
std::string Symbolize(const std::string& capture, const std::vector<std::string>& folders,
                      std::string* words = nullptr) {
  std::string input = WriteTemporary("input.twofold", capture);
  std::string output = TemporaryPath("output.twofold");
  fs::remove(output);
  std::vector<std::string> arguments = {"symbolize", "-o", output, input};
  for (const std::string& folder : folders) {
    arguments.insert(arguments.end(), {"--debug-dir", folder});
  }
  RunResult result = RunTwofold(arguments);
  EXPECT_EQ(result.status, 0) << result.words;
  if (words != nullptr) *words = result.words;
  return output;
}

// Every address, as the innermost frame and as a return address, is where addr2line says.
void ExpectAsAddr2line(const Program& program, const std::string& folder) {
  std::vector<uint64_t> before;
  for (uint64_t address : program.addresses) before.push_back(address - 1);
  const std::vector<std::string> here = program.ByAddr2line(program.addresses);
  const std::vector<std::string> calls = program.ByAddr2line(before);
  Capture capture = ReadGood(Symbolize(CaptureOf(program), {folder}));
  ASSERT_EQ(capture.intervals.size(), 1U);
  const std::vector<CpuRow>& rows = capture.intervals[0].cpu->rows;
  ASSERT_EQ(rows.size(), 2 * here.size());
  ASSERT_EQ(calls.size(), here.size());
  size_t inlined = 0;
  for (size_t i = 0; i < here.size(); ++i) {
    EXPECT_EQ(TextOf(capture, rows[2 * i].user_stack), here[i])
        << std::hex << program.addresses[i] << " in " << folder;
    if (i > 0 && program.addresses[i] - program.addresses[i - 1] == 1) {
      EXPECT_EQ(TextOf(capture, rows[2 * i + 1].user_stack), calls[i]) << "call, " << i;
    }
    if (here[i].find('|') != std::string::npos) ++inlined;
  }
  EXPECT_GT(inlined, 10U);
}

class SymbolizeAsAddr2line : public ::testing::TestWithParam<std::pair<std::string, std::string>> {
};

TEST_P(SymbolizeAsAddr2line, FromEveryKindOfDebugFile) {
  const auto& [name, options] = GetParam();
  Program program = Build(name, options);
  ASSERT_GT(program.addresses.size(), 100U);
  const std::string& id = program.elf.build_id;

  // The program itself.
  ExpectAsAddr2line(program, fs::path(program.path).parent_path());
  // Its debug information alone, with the offsets of its code as they were (elfutils) and without
  // (GNU objcopy), below the usual names and below any.
  std::string by_id = NewFolder();
  Shell("objcopy --only-keep-debug " + program.path + " " + BuildIdPath(by_id, id));
  ExpectAsAddr2line(program, by_id);
  std::string compressed = NewFolder();
  fs::create_directory(compressed + "/" + id);
  Shell("objcopy --only-keep-debug --compress-debug-sections " + program.path + " " + compressed +
        "/" + id + "/debuginfo");
  ExpectAsAddr2line(program, compressed);
  std::string anywhere = NewFolder();
  fs::create_directories(anywhere + "/a/b");
  Shell("eu-strip -f " + anywhere + "/a/b/c " + program.path + " -o " + anywhere + "/stripped");
  ExpectAsAddr2line(program, anywhere);
}

// With other layouts of the file, which its debug file alone may not tell.
INSTANTIATE_TEST_SUITE_P(
    Programs, SymbolizeAsAddr2line,
    ::testing::Values(std::pair("inlined.c", ""), std::pair("inlined.c", "-no-pie -gdwarf-4"),
                      std::pair("inlined.cc", ""), std::pair("inlined.cc", "-gdwarf-4 -no-pie"),
                      std::pair("inlined.cc", "-Wl,-z,noseparate-code"),
                      std::pair("inlined.c", "-no-pie -Wl,-z,max-page-size=0x200000"),
                      std::pair("inlined.cc", "-shared -fPIC")));

// What several debug files share lies in a file of its own, found by its own build id.
TEST(SymbolizeShared, NamesComeFromTheSharedFile) {
  Program one = Build("inlined.cc", "");
  Program two = Build("inlined.cc", "-DOTHER -no-pie");
  std::string folder = NewFolder();
  for (const Program* program : {&one, &two}) {
    Shell("objcopy --only-keep-debug " + program->path + " " +
          BuildIdPath(folder, program->elf.build_id));
  }
  Shell("dwz -m " + folder + "/shared " + BuildIdPath(folder, one.elf.build_id) + " " +
        BuildIdPath(folder, two.elf.build_id));
  for (const Program* program : {&one, &two}) ExpectAsAddr2line(*program, folder);
  fs::remove(folder + "/shared");
  std::string words;
  Symbolize(CaptureOf(one), {folder}, &words);
  EXPECT_THAT(words, HasSubstr("names are missing: they are in a file that several share"));
}

// A program, its capture, and a folder with its debug file.
class Symbolized : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    program_ = new Program(Build("inlined.cc", ""));
    capture_ = new std::string(CaptureOf(*program_));
  }
  static void TearDownTestSuite() {
    delete program_;
    delete capture_;
  }

  // The program's debug file as bytes.
  static std::string DebugFile() {
    std::string path = TemporaryPath("debug");
    Shell("objcopy --only-keep-debug " + program_->path + " " + path);
    return ReadAll(path);
  }
  static std::string FolderWith(const std::string& debug_file) {
    std::string folder = NewFolder();
    std::ofstream(BuildIdPath(folder, program_->elf.build_id), std::ios::binary) << debug_file;
    return folder;
  }

  static Program* program_;
  static std::string* capture_;
};

Program* Symbolized::program_ = nullptr;
std::string* Symbolized::capture_ = nullptr;

TEST_F(Symbolized, SaysWhatWasFound) {
  std::string words;
  std::string output = Symbolize(*capture_, {FolderWith(DebugFile())}, &words);
  EXPECT_THAT(words, HasSubstr("debug files for 1 of 1 file: "));
  EXPECT_THAT(words, HasSubstr(" inlined calls"));
  EXPECT_EQ(RunTwofold({"verify", output}).status, 0);
}

TEST_F(Symbolized, TotalsStay) {
  std::string before = WriteTemporary("before.twofold", *capture_);
  std::string after = Symbolize(*capture_, {FolderWith(DebugFile())});
  auto total = [](const std::string& path) {
    return RunTwofold({"sql", "--csv", path, "SELECT sum(value_ns), sum(count) FROM cpu"}).output;
  };
  EXPECT_EQ(total(after), total(before));
  RunResult folded = RunTwofold({"fold", "--lines", after});
  EXPECT_EQ(folded.status, 0);
  EXPECT_THAT(folded.output, HasSubstr("app::Cache::Sum (inlined.cc:"));
  EXPECT_THAT(folded.output, HasSubstr(";app::Twice<int> (inlined.cc:"));
}

TEST_F(Symbolized, AgainGivesTheSameBytes) {
  std::string folder = FolderWith(DebugFile());
  std::string once = ReadAll(Symbolize(*capture_, {folder}));
  EXPECT_EQ(ReadAll(Symbolize(*capture_, {folder})), once);
  EXPECT_EQ(ReadAll(Symbolize(once, {folder})), once);
  // Without the debug file, what is known stays.
  EXPECT_EQ(ReadAll(Symbolize(once, {NewFolder()})), once);
}

TEST_F(Symbolized, MissingFilesAreNamedAndCostNothing) {
  std::string words;
  Capture capture = ReadGood(Symbolize(*capture_, {NewFolder()}, &words));
  EXPECT_THAT(words,
              HasSubstr("no debug file for build id " + program_->elf.build_id + ": /bin/app"));
  EXPECT_THAT(words, HasSubstr("debug files for 0 of 1 file"));
  Capture original = ReadGood(WriteTemporary("original.twofold", *capture_));
  EXPECT_EQ(capture.definitions, original.definitions);
  EXPECT_EQ(capture.intervals, original.intervals);
}

TEST_F(Symbolized, FilesOfAnotherBuildAreNotTaken) {
  std::string folder = NewFolder();
  std::string other_id = program_->elf.build_id;
  other_id[5] = other_id[5] == '0' ? '1' : '0';
  fs::copy(program_->path, BuildIdPath(folder, other_id));
  std::string words;
  Symbolize(CaptureOf(*program_, {program_->addresses[0]}, other_id), {folder}, &words);
  EXPECT_THAT(words, HasSubstr("no debug file for build id " + other_id));
}

TEST_F(Symbolized, NothingButFilesBelowTheFolderIsOpened) {
  std::string folder = NewFolder();
  std::string path = BuildIdPath(folder, program_->elf.build_id);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  ASSERT_EQ(symlink(program_->path.c_str(), (folder + "/link").c_str()), 0);
  ASSERT_EQ(symlink("/dev/zero", (folder + "/endless").c_str()), 0);
  ASSERT_EQ(symlink("..", (folder + "/up").c_str()), 0);
  std::string words;
  Symbolize(*capture_, {folder}, &words);
  EXPECT_THAT(words, HasSubstr("no debug file for"));
  // Build ids that are paths.
  for (const char* id : {"../../../../etc/passwd", "/", "..", "zz", "AB12"}) {
    Symbolize(CaptureOf(*program_, {program_->addresses[0]}, id), {folder}, &words);
    EXPECT_THAT(words, HasSubstr("no debug file for"));
  }
}

TEST_F(Symbolized, NamesThatNoDebugFileTellsStay) {
  CaptureMaker maker({"cpu"});
  ThreadId thread = maker.AddThread("app", 1);
  maker.Cpu(thread, maker.Stack({"main", "work"}), maker.Stack({"k:read"}), 5);
  maker.EndInterval();
  std::string before = maker.Finish();
  std::string after = Symbolize(before, {FolderWith(DebugFile())});
  EXPECT_EQ(RunTwofold({"fold", after}).output, "app;main;work;read 50000\n");
}

TEST_F(Symbolized, HostileDebugFilesCostTheirNamesAlone) {
  // Enough addresses to reach everything that libdw is asked for.
  std::vector<uint64_t> some;
  for (size_t i = 0; i < program_->addresses.size(); i += 8) some.push_back(program_->addresses[i]);
  const std::string input = CaptureOf(*program_, some, program_->elf.build_id);
  const std::string good = DebugFile();
  std::string path = BuildIdPath(NewFolder(), program_->elf.build_id);
  std::string folder = fs::path(path).parent_path().parent_path().parent_path();
  const Capture original = ReadGood(WriteTemporary("original.twofold", input));
  auto expect_harmless = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    Capture capture = ReadGood(Symbolize(input, {folder}));
    ASSERT_EQ(capture.intervals.size(), 1U);
    const std::vector<CpuRow>& rows = capture.intervals[0].cpu->rows;
    const std::vector<CpuRow>& had = original.intervals[0].cpu->rows;
    ASSERT_EQ(rows.size(), had.size());
    for (size_t i = 0; i < rows.size(); ++i) ASSERT_EQ(rows[i].samples, had[i].samples);
  };
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    std::string bad = good;
    // Mostly one bit, sometimes many.
    for (int flips = i % 10 == 0 ? 200 : 1; flips > 0; --flips) {
      bad[random() % bad.size()] ^= static_cast<char>(1 << random() % 8);
    }
    expect_harmless(bad);
  }
  for (int i = 0; i < 40; ++i) expect_harmless(good.substr(0, random() % good.size()));
  // A file that claims to be huge.
  expect_harmless(good);
  ASSERT_EQ(truncate(path.c_str(), 1LL << 40), 0);
  ReadGood(Symbolize(input, {folder}));
}

TEST_F(Symbolized, DebugFilesThatDoNotTellTheLayoutAreNotTrusted) {
  CaptureMaker maker({"cpu"});
  ThreadId thread = maker.AddThread("app", 1);
  DefinitionsBuilder& builder = maker.definitions();
  Frame frame;
  frame.module = builder.InternModule({ModuleKind::kUserFile, builder.InternString("/bin/app"),
                                       builder.InternString(program_->elf.build_id)});
  // The recorder found other names at these places.
  for (size_t i = 0; i < 10; ++i) {
    frame.offset = program_->OffsetOf(program_->addresses[i]);
    frame.symbol = builder.InternString("xyzzy" + std::to_string(i));
    maker.Cpu(thread, builder.InternStackNode({}, builder.InternFrame(frame)), {}, 1);
  }
  maker.EndInterval();
  std::string words;
  std::string folder = FolderWith(DebugFile());
  const std::string capture = maker.Finish();
  Symbolize(capture, {folder}, &words);
  EXPECT_THAT(words, HasSubstr("does not tell where its code lies"));
  // The program itself tells.
  Symbolize(capture, {folder, fs::path(program_->path).parent_path()}, &words);
  EXPECT_THAT(words, HasSubstr("10 of 10 places"));
}

TEST_F(Symbolized, DamagedCapturesAreRefusedAndCutOnesStayCut) {
  std::string folder = FolderWith(DebugFile());
  CaptureMaker maker({"cpu"});
  maker.AddThread("app", 1);
  maker.EndInterval();
  maker.EndInterval();
  std::string cut = maker.CutShort();
  std::string input = WriteTemporary("cut.twofold", cut);
  std::string output = TemporaryPath("cut-output.twofold");
  RunResult result =
      RunTwofold({"symbolize", "--strict", "--debug-dir", folder, "-o", output, input});
  EXPECT_EQ(result.status, 3) << result.words;
  EXPECT_THAT(result.words, HasSubstr("cut short, and so is the new one"));
  result = RunTwofold({"verify", output});
  EXPECT_THAT(result.output, HasSubstr("partial: cut short"));

  std::string bad = maker.Finish();
  // In the block of definitions, behind that of the recording.
  bad[cut.size() / 2] ^= 1;
  input = WriteTemporary("bad.twofold", bad);
  output = TemporaryPath("bad-output.twofold");
  result = RunTwofold({"symbolize", "--debug-dir", folder, "-o", output, input});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("the capture is damaged"));
  EXPECT_FALSE(fs::exists(output));
}

TEST_F(Symbolized, WrongUseIsSaidWithAWayOut) {
  std::string input = WriteTemporary("input.twofold", *capture_);
  EXPECT_EQ(RunTwofold({"symbolize", "-o", "x"}).status, 2);
  RunResult result = RunTwofold({"symbolize", input});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.words, HasSubstr("Give -o FILE"));
  result = RunTwofold({"symbolize", "--debug-dirs", "x", "-o", "y", input});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.words, HasSubstr("'--debug-dir'"));
  result = RunTwofold(
      {"symbolize", "--debug-dir", TemporaryPath("nowhere"), "-o", TemporaryPath("y"), input});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("nowhere"));
  EXPECT_FALSE(fs::exists(TemporaryPath("y")));
}

TEST_F(Symbolized, WritesToAPipe) {
  std::string input = WriteTemporary("input.twofold", *capture_);
  std::string folder = FolderWith(DebugFile());
  RunResult result = RunTwofold({"symbolize", "--debug-dir", folder, "-o", "-", input});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.output, ReadAll(Symbolize(*capture_, {folder})));
}

}  // namespace
}  // namespace twofold::testing
