// Names of files that their path no longer leads to. Needs root for /proc/PID/map_files.
#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "recorder/names/symbolizer.h"
#include "recorder/parser/elf_symbols.h"
#include "tests/recorder/elf_builder.h"
#include "tests/recorder/frame_reader.h"
#include "tests/recorder/temporary_file.h"

namespace twofold {
namespace {

class SymbolizerLive : public testing::Test {
 protected:
  void SetUp() override {
    Result<KernelSymbols> symbols = KernelSymbols::Load();
    ASSERT_TRUE(symbols.has_value()) << symbols.error().Message();
    kernel_symbols_.emplace(std::move(symbols).value());
    symbolizer_.emplace(frames_.builder(), *kernel_symbols_, reader_);
  }

  // Loads a copy of the library of that name and returns the address of its function.
  uint64_t LoadCopy(const std::string& path) {
    std::filesystem::copy_file(TWOFOLD_NAMES_DIR "/libnames_library.so", path);
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    EXPECT_NE(library, nullptr) << dlerror();
    void* function = library == nullptr ? nullptr : dlsym(library, "library_function");
    EXPECT_NE(function, nullptr);
    return reinterpret_cast<uint64_t>(function);
  }

  FrameReader::Described Describe(uint64_t address) {
    ProcessTable processes{ProcessTable::Scope{}};
    ProcessImage* self = processes.ReadFromProc(Pid(uint32_t(getpid())));
    EXPECT_NE(self, nullptr);
    return frames_.Describe(symbolizer_->UserFrame(*self, address, false));
  }

  TemporaryDirectory directory_;
  FrameReader frames_;
  std::optional<KernelSymbols> kernel_symbols_;
  NameReader reader_{TWOFOLD_BIN_DIR "/twofold-record"};
  std::optional<Symbolizer> symbolizer_;
};

TEST_F(SymbolizerLive, DeletedLibraryIsReadThroughTheMapping) {
  const std::string path = directory_.path() + "/deleted.so";
  const uint64_t address = LoadCopy(path);
  ASSERT_EQ(unlink(path.c_str()), 0);
  const auto frame = Describe(address + 1);
  EXPECT_EQ(frame.symbol, "library_function");
  EXPECT_EQ(frame.path, path);
  EXPECT_EQ(symbolizer_->TakeUnreadableModules(), 0u);
}

TEST_F(SymbolizerLive, ReplacedLibraryIsNotTakenForTheOldOne) {
  const std::string path = directory_.path() + "/replaced.so";
  const uint64_t address = LoadCopy(path);
  ElfBuilder other(0x4000);
  other.AddFunction("wrong_function", 0, 0x4000);
  const std::string fresh = directory_.Write("fresh.so", other.Build());
  ASSERT_EQ(rename(fresh.c_str(), path.c_str()), 0);
  const auto frame = Describe(address + 1);
  EXPECT_EQ(frame.symbol, "library_function");
  EXPECT_EQ(frame.path, path);
}

// A process in another root: its paths are not ours.
TEST_F(SymbolizerLive, PathsAreThoseOfTheProcesssOwnRoot) {
  std::filesystem::create_directory(directory_.path() + "/inside");
  std::filesystem::copy_file(TWOFOLD_NAMES_DIR "/names_tiny",
                             directory_.path() + "/inside/program");
  int gate[2];
  ASSERT_EQ(pipe(gate), 0);
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(gate[1]);
    if (chroot((directory_.path() + "/inside").c_str()) != 0 || chdir("/") != 0) _exit(1);
    char byte = 'r';
    if (write(ready[1], &byte, 1) != 1) _exit(1);
    if (read(gate[0], &byte, 1) < 0) _exit(1);
    _exit(0);
  }
  close(gate[0]);
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);

  // The kernel tells the path as the process sees it.
  Result<ElfSymbols> tiny = ElfSymbols::Read(
      UniqueFd(open(TWOFOLD_NAMES_DIR "/names_tiny", O_RDONLY | O_CLOEXEC)), "names_tiny");
  ASSERT_TRUE(tiny.has_value());
  MappedFile file = MappedFileAt(directory_.path() + "/inside/program");
  file.path = "/program";
  ProcessTable processes{ProcessTable::Scope{}};
  ProcessImage* image = processes.ReadFromProc(Pid(uint32_t(child)));
  ASSERT_NE(image, nullptr);
  image->mappings.clear();
  image->AddMapping({0x400000, 0x500000, 0, std::make_shared<const MappedFile>(file)});
  std::optional<uint64_t> offset;
  for (uint64_t at = 0; at < 0x100000 && !offset; at += 16) {
    if (tiny->FindByFileOffset(at) == "main") offset = at;
  }
  ASSERT_TRUE(offset.has_value());
  EXPECT_EQ(frames_.Describe(symbolizer_->UserFrame(*image, 0x400000 + *offset, false)).symbol,
            "main");
  close(gate[1]);
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
}

TEST_F(SymbolizerLive, KernelFramesOfTheRunningKernel) {
  const auto schedule = kernel_symbols_->AddressOf("schedule");
  ASSERT_TRUE(schedule.has_value());
  const auto frame = frames_.Describe(symbolizer_->KernelFrame(*schedule + 9, true));
  EXPECT_EQ(frame.kind, ModuleKind::kKernel);
  EXPECT_EQ(frame.symbol, "schedule");
  EXPECT_EQ(frame.offset, 9u);
}

}  // namespace
}  // namespace twofold
