// The command symbolize, with debug files that are there, missing, wrong or hostile.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/analyzer/capture_maker.h"
#include "tests/analyzer/debug_programs.h"

namespace twofold::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

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

TEST_F(Symbolized, TotalsOfEveryViewStay) {
  CaptureMaker maker;
  maker.recording().settings.wakers = 8;
  ThreadId thread = maker.AddThread("app", 1);
  DefinitionsBuilder& builder = maker.definitions();
  Frame frame;
  frame.module = builder.InternModule({ModuleKind::kUserFile, builder.InternString("/bin/app"),
                                       builder.InternString(program_->elf.build_id)});
  StackId user;
  for (size_t i = 0; i < program_->addresses.size(); i += 7) {
    frame.offset = program_->OffsetOf(program_->addresses[i]);
    // Stacks of one to twenty frames.
    user = builder.InternStackNode(i % 20 == 0 ? StackId() : user, builder.InternFrame(frame));
    StackId kernel = maker.Stack({"k:schedule"});
    maker.Cpu(thread, user, {}, 1 + i);
    maker.AddBlocked({.thread = thread,
                      .state = BlockState::kInterruptible,
                      .kernel_stack = kernel,
                      .user_stack = user,
                      .time_ns = (1 + i) * 1000,
                      .chain = maker.Chain({maker.Task(thread, user, kernel)})});
  }
  maker.EndInterval();
  std::string bytes = maker.Finish();
  std::string before = WriteTemporary("before.twofold", bytes);
  std::string after = Symbolize(bytes, {FolderWith(DebugFile())});
  auto total = [](const std::string& path, const std::string& view) {
    std::istringstream lines(RunTwofold({"fold", "--view", view, path}).output);
    uint64_t sum = 0;
    for (std::string line; std::getline(lines, line);) {
      sum += std::stoull(line.substr(line.rfind(' ')));
    }
    return sum;
  };
  for (const char* view : {"cpu", "offcpu", "wakeup", "offwake", "chain"}) {
    EXPECT_EQ(total(after, view), total(before, view)) << view;
    EXPECT_GT(total(after, view), 0U) << view;
  }
  RunResult folded = RunTwofold({"fold", "--lines", after});
  EXPECT_EQ(folded.status, 0);
  EXPECT_THAT(folded.output, HasSubstr("app::Cache::Sum (inlined.cc:"));
  EXPECT_THAT(folded.output, HasSubstr(";app::Twice<int> (inlined.cc:"));
  EXPECT_THAT(RunTwofold({"flame", "--lines", after}).output, HasSubstr("(inlined.cc:"));
  EXPECT_EQ(RunTwofold({"fold", after}).output.find("inlined.cc"), std::string::npos);
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
      bad[random() % bad.size()] ^= char(1 << random() % 8);
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
