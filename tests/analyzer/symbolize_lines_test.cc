// Functions, lines and inlined calls of symbolized captures, against addr2line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/analyzer/debug_programs.h"

namespace twofold::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

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

}  // namespace
}  // namespace twofold::testing
