#include "tests/analyzer/debug_programs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <sstream>

#include "format/capture_reader.h"
#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {

std::string Shell(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  EXPECT_NE(pipe, nullptr) << command;
  std::string output;
  char buffer[4096];
  for (size_t got; (got = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) output.append(buffer, got);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return output;
}

std::string NewFolder() {
  static int number = 0;
  std::string path = TemporaryPath("folder-" + std::to_string(++number));
  std::filesystem::create_directory(path);
  return path;
}

std::string BuildIdPath(const std::string& folder, const std::string& build_id) {
  std::string below = folder + "/.build-id/" + build_id.substr(0, 2);
  std::filesystem::create_directories(below);
  return below + "/" + build_id.substr(2) + ".debug";
}

uint64_t Program::OffsetOf(uint64_t address) const {
  for (const ElfSegment& segment : elf.segments) {
    bool is_inside = address >= segment.address && address - segment.address < segment.size_bytes;
    if (is_inside) return address - segment.address + segment.file_offset;
  }
  ADD_FAILURE() << "no code at " << address;
  return 0;
}

std::vector<std::string> Program::ByAddr2line(const std::vector<uint64_t>& wanted) const {
  std::ostringstream list;
  for (uint64_t address : wanted) list << std::hex << "0x" << address << "\n";
  std::string input = WriteTemporary("addresses", list.str());
  std::istringstream lines(Shell("addr2line -a -f -i -e " + path + " < " + input));
  std::vector<std::string> places;
  std::string line;
  while (std::getline(lines, line)) {
    if (line.rfind("0x", 0) == 0) {
      places.emplace_back();
      continue;
    }
    std::string place;
    std::getline(lines, place);
    place = place.substr(0, place.find(" (discriminator"));
    std::string& all = places.back();
    all = line + " " + place + (all.empty() ? "" : "|") + all;
  }
  return places;
}

Program Build(const std::string& name, const std::string& options) {
  Program program;
  program.path = NewFolder() + "/program";
  bool is_c = name.find(".cc") == std::string::npos;
  Shell(std::string(is_c ? TWOFOLD_C_COMPILER : TWOFOLD_CXX_COMPILER) + " -O2 -g -Wl,--build-id " +
        options + " " + TWOFOLD_PROGRAMS_DIR + "/" + name + " -o " + program.path);
  int descriptor = open(program.path.c_str(), O_RDONLY | O_CLOEXEC);
  std::optional<ElfFile> elf = ReadElfFile(descriptor);
  close(descriptor);
  EXPECT_TRUE(elf.has_value());
  if (elf) program.elf = *elf;
  std::istringstream symbols(Shell("nm -S " + program.path));
  std::string line;
  while (std::getline(symbols, line)) {
    unsigned long long address = 0;
    unsigned long long size = 0;
    char kind = 0;
    char symbol[512] = {};
    if (sscanf(line.c_str(), "%llx %llx %c %511s", &address, &size, &kind, symbol) != 4) continue;
    std::string name = symbol;
    bool is_function = std::string("TtW").find(kind) != std::string::npos;
    // Neither what the C library adds, which has no debug information, nor clones such as
    // "f.constprop.0", whose lines addr2line gives with the name of another file.
    bool is_ours = name[0] != '_' || name.rfind("_Z", 0) == 0;
    if (!is_function || !is_ours || name.find('.') != std::string::npos) continue;
    for (unsigned long long i = 0; i < size; ++i) program.addresses.push_back(address + i);
  }
  return program;
}

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

std::string Symbolize(const std::string& capture, const std::vector<std::string>& folders,
                      std::string* words) {
  std::string input = WriteTemporary("input.twofold", capture);
  std::string output = TemporaryPath("output.twofold");
  std::filesystem::remove(output);
  std::vector<std::string> arguments = {"symbolize", "-o", output, input};
  for (const std::string& folder : folders) {
    arguments.insert(arguments.end(), {"--debug-dir", folder});
  }
  RunResult result = RunTwofold(arguments);
  EXPECT_EQ(result.status, 0) << result.words;
  if (words != nullptr) *words = result.words;
  return output;
}

}  // namespace twofold::testing
