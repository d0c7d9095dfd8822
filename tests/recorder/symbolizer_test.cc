// This process's own addresses, through /proc and back to names that are known.
#include "recorder/names/symbolizer.h"

#include <dlfcn.h>
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tests/recorder/frame_reader.h"
#include "tests/recorder/temporary_file.h"

namespace twofold {

// Known by its C name, so that the test need not mangle.
extern "C" __attribute__((noinline)) int twofold_test_function(int n) {
  volatile int sum = 0;
  for (int i = 0; i < n; ++i) sum = sum + i;
  return sum;
}

namespace {

using testing::EndsWith;
using testing::HasSubstr;

template <typename Function>
uint64_t AddressOf(Function* function) {
  return reinterpret_cast<uint64_t>(function);
}

class SymbolizerTest : public testing::Test {
 protected:
  SymbolizerTest() : kernel_symbols_(LoadKernelSymbols()) {}

  KernelSymbols LoadKernelSymbols() {
    Result<KernelSymbols> symbols = KernelSymbols::Load(
        directory_.Write("kallsyms",
                         "ffffffff81000000 T _stext\n"
                         "ffffffff81000100 T first\n"
                         "ffffffff81000200 T second\n"
                         "ffffffff81000300 T _etext\n"
                         "ffffffffc0201000 t read_block\t[no_such_module]\n"
                         "ffffffffc0300000 t bpf_prog_6deef7357e7b4530_count\t[bpf]\n"));
    EXPECT_TRUE(symbols.has_value());
    return std::move(symbols).value();
  }

  ProcessImage& Self() {
    ProcessImage* image = processes_.ReadFromProc(Pid(uint32_t(getpid())));
    EXPECT_NE(image, nullptr);
    return *image;
  }

  FrameReader::Described User(uint64_t address, bool is_return_address = false) {
    return frames_.Describe(symbolizer_.UserFrame(Self(), address, is_return_address));
  }
  FrameReader::Described Kernel(uint64_t address, bool is_return_address = false) {
    return frames_.Describe(symbolizer_.KernelFrame(address, is_return_address));
  }

  TemporaryDirectory directory_;
  KernelSymbols kernel_symbols_;
  FrameReader frames_;
  ProcessTable processes_{ProcessTable::Scope{}};
  NameReader reader_{TWOFOLD_BIN_DIR "/twofold-record"};
  Symbolizer symbolizer_{frames_.builder(), kernel_symbols_, reader_};
};

TEST_F(SymbolizerTest, OwnFunctionsHaveTheirNames) {
  const uint64_t address = AddressOf(&twofold_test_function);
  const auto frame = User(address + 1);
  EXPECT_EQ(frame.symbol, "twofold_test_function");
  EXPECT_EQ(frame.kind, ModuleKind::kUserFile);
  EXPECT_EQ(frame.path, Self().executable);
  const Mapping* mapping = Self().FindMapping(address);
  ASSERT_NE(mapping, nullptr);
  EXPECT_EQ(frame.offset, address + 1 - mapping->start + mapping->file_offset);
  EXPECT_EQ(symbolizer_.TakeUnreadableModules(), 0u);
}

TEST_F(SymbolizerTest, ReturnAddressesBelongToTheCallBefore) {
  const uint64_t address = AddressOf(&twofold_test_function);
  EXPECT_EQ(User(address, false).symbol, "twofold_test_function");
  EXPECT_NE(User(address, true).symbol, "twofold_test_function");
  EXPECT_EQ(User(address + 1, true).symbol, "twofold_test_function");
  EXPECT_EQ(User(address, true).offset, User(address, false).offset);
}

TEST_F(SymbolizerTest, LibcFunctionsHaveTheirPublicNames) {
  // Asked of the library itself, as a sanitizer puts its own functions before some.
  void* libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
  ASSERT_NE(libc, nullptr) << dlerror();
  for (const char* name : {"qsort", "getpid", "malloc", "fprintf"}) {
    void* address = dlsym(libc, name);
    ASSERT_NE(address, nullptr) << name;
    const auto frame = User(reinterpret_cast<uint64_t>(address) + 2);
    EXPECT_EQ(frame.symbol, name);
    EXPECT_THAT(frame.path, HasSubstr("libc"));
    EXPECT_FALSE(frame.build_id.empty());
  }
  dlclose(libc);
}

TEST_F(SymbolizerTest, LoadedLibrariesHaveNamesOfLocalFunctionsToo) {
  void* library = dlopen(TWOFOLD_NAMES_DIR "/libnames_library.so", RTLD_NOW);
  ASSERT_NE(library, nullptr) << dlerror();
  void* global = dlsym(library, "library_function");
  const auto local_address = reinterpret_cast<void* (*)()>(dlsym(library, "library_local_address"));
  ASSERT_NE(global, nullptr);
  ASSERT_NE(local_address, nullptr);
  const auto frame = User(reinterpret_cast<uint64_t>(global) + 1);
  EXPECT_EQ(frame.symbol, "library_function");
  EXPECT_THAT(frame.path, EndsWith("/libnames_library.so"));
  EXPECT_EQ(frame.build_id.size(), 40u);
  EXPECT_EQ(User(reinterpret_cast<uint64_t>(local_address()) + 1).symbol, "library_local");
  dlclose(library);
}

TEST_F(SymbolizerTest, VdsoFunctionsHaveNames) {
  const uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
  if (vdso == 0) GTEST_SKIP() << "this kernel has no vDSO";
  // The address of clock_gettime in it, as the C library finds it.
  const auto* dynamic = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD);
  ASSERT_NE(dynamic, nullptr);
  void* function = dlsym(const_cast<void*>(dynamic), "__vdso_clock_gettime");
  ASSERT_NE(function, nullptr);
  const uint64_t address = reinterpret_cast<uint64_t>(function);
  const auto frame = User(address + 1);
  EXPECT_EQ(frame.kind, ModuleKind::kVdso);
  EXPECT_EQ(frame.path, "[vdso]");
  EXPECT_THAT(frame.symbol, EndsWith("clock_gettime"));
  EXPECT_EQ(frame.offset, address + 1 - vdso);
}

TEST_F(SymbolizerTest, RunTimeCodeCountsFromItsMapping) {
  void* code = mmap(nullptr, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(code, MAP_FAILED);
  const uint64_t address = reinterpret_cast<uint64_t>(code) + 4100;
  const auto frame = User(address);
  EXPECT_EQ(frame.kind, ModuleKind::kAnonymous);
  EXPECT_EQ(frame.path, "");
  EXPECT_EQ(frame.symbol, "");
  EXPECT_EQ(frame.offset, address - Self().FindMapping(address)->start);
  munmap(code, 8192);
}

TEST_F(SymbolizerTest, RunTimeCodeHasTheNamesOfThePerfMap) {
  void* code = mmap(nullptr, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(code, MAP_FAILED);
  const uint64_t address = reinterpret_cast<uint64_t>(code) + 4096;
  EXPECT_EQ(User(address + 5).symbol, "");
  EXPECT_EQ(symbolizer_.TakeProcessesWithoutRuntimeNames(), 1u);
  const uint64_t version = symbolizer_.VersionOfRuntimeNames(Self());

  char name[64];
  (void)snprintf(name, sizeof name, "/tmp/perf-%d.map", int(getpid()));
  std::ofstream(name) << std::hex << address << " 20 made\n";
  symbolizer_.ReleaseMemory();  // an interval later
  EXPECT_NE(symbolizer_.VersionOfRuntimeNames(Self()), version);
  const auto frame = User(address + 5);
  EXPECT_EQ(frame.kind, ModuleKind::kRuntime);
  EXPECT_EQ(frame.path, "[jit]");
  EXPECT_EQ(frame.symbol, "made");
  EXPECT_EQ(frame.offset, 5u);
  EXPECT_EQ(User(address + 0x20, true).symbol, "made");
  EXPECT_EQ(User(address + 0x20, false).symbol, "");
  const auto may_change = [&](uint64_t of) {
    NameValidity validity;
    (void)symbolizer_.UserFrame(Self(), of, false, TimeRange(), validity);
    EXPECT_FALSE(validity.this_interval_only);
    return validity.runtime_code;
  };
  EXPECT_TRUE(may_change(address));
  EXPECT_FALSE(may_change(AddressOf(&twofold_test_function)));
  EXPECT_EQ(symbolizer_.TakeProcessesWithoutRuntimeNames(), 0u);
  EXPECT_EQ(symbolizer_.TakeUnusableRuntimeFiles(), 0u);
  unlink(name);
  munmap(code, 8192);
}

TEST_F(SymbolizerTest, AddressesWithoutMappingAreMessages) {
  for (const uint64_t address :
       {uint64_t{0}, uint64_t{1}, uint64_t{0x123}, UINT64_MAX, uint64_t{0xffffffff81000100}}) {
    for (const bool is_return_address : {false, true}) {
      const auto frame = User(address, is_return_address);
      EXPECT_EQ(frame.kind, ModuleKind::kSpecial);
      EXPECT_EQ(frame.symbol, "[unmapped address]");
      EXPECT_EQ(frame.offset, 0u);
    }
  }
  ProcessImage gone;
  gone.mappings_known = false;
  EXPECT_EQ(frames_.Describe(symbolizer_.UserFrame(gone, 0x401000, false)).symbol,
            "[process gone before its mappings were read]");
}

TEST_F(SymbolizerTest, PlaceThatTwoFilesHadInATimeHasNeithersName) {
  const auto file = [](const std::string& path, uint64_t inode) {
    MappedFile mapped;
    mapped.path = path;
    mapped.inode = inode;
    return std::make_shared<const MappedFile>(mapped);
  };
  ProcessImage image;
  image.pid = Pid(5'000'001);
  image.start_boottime_ns = 1;
  image.AddMapping({0x10000, 0x20000, 0, file("/lib/old.so", 1), 100});
  image.AddMapping({0x10000, 0x20000, 0, file("/lib/new.so", 2), 200});
  const auto at = [&](const TimeRange& when) {
    NameValidity validity;
    const FrameId id = symbolizer_.UserFrame(image, 0x10010, false, when, validity);
    // Files that cannot be read may be readable later.
    EXPECT_TRUE(validity.this_interval_only);
    return frames_.Describe(id);
  };
  EXPECT_EQ(at({100, 199}).path, "/lib/old.so");
  EXPECT_EQ(at({200, 300}).path, "/lib/new.so");
  const auto either = at({150, 250});
  EXPECT_EQ(either.kind, ModuleKind::kSpecial);
  EXPECT_EQ(either.symbol, "[module replaced: new.so or old.so]");
  image.AddMapping(
      {0x10000, 0x20000, 0, std::make_shared<const MappedFile>(ClassifyMappingText("")), 300});
  for (int i = 0; i < 5; ++i) {
    image.AddMapping({0x10000, 0x20000, 0, file("/lib/" + std::to_string(i), 10 + i), 400});
  }
  EXPECT_EQ(at({0, 500}).symbol, "[module replaced: 0, 1, 2, 3 or [others]]");
  EXPECT_EQ(at({250, 350}).symbol, "[module replaced: [no file] or new.so]");
}

TEST_F(SymbolizerTest, UnreadableModulesKeepTheirOffsetsAndAreCountedOnce) {
  MappedFile file;
  file.path = "/no/such/library.so";
  file.inode = 1;
  ProcessImage image;
  image.pid = Pid(5'000'001);
  image.start_boottime_ns = 1;
  image.AddMapping({0x10000, 0x20000, 0x3000, std::make_shared<const MappedFile>(file)});
  const auto frame = frames_.Describe(symbolizer_.UserFrame(image, 0x10010, true));
  EXPECT_EQ(frame.kind, ModuleKind::kUserFile);
  EXPECT_EQ(frame.path, "/no/such/library.so");
  EXPECT_EQ(frame.build_id, "");
  EXPECT_EQ(frame.symbol, "");
  EXPECT_EQ(frame.offset, 0x3010u);
  (void)symbolizer_.UserFrame(image, 0x10020, true);
  EXPECT_EQ(symbolizer_.TakeUnreadableModules(), 1u);
  EXPECT_EQ(symbolizer_.TakeUnreadableModules(), 0u);
}

TEST_F(SymbolizerTest, SameAddressIsTheSameFrameAlsoAfterRelease) {
  const uint64_t address = AddressOf(&twofold_test_function) + 4;
  const FrameId first = symbolizer_.UserFrame(Self(), address, true);
  symbolizer_.ReleaseMemory();
  symbolizer_.ReleaseMemory();
  EXPECT_EQ(symbolizer_.UserFrame(Self(), address, true), first);
  EXPECT_EQ(User(address + 1, true).symbol, "twofold_test_function");
}

TEST_F(SymbolizerTest, KernelFramesCountFromTheirSymbol) {
  const auto frame = Kernel(0xffffffff81000110);
  EXPECT_EQ(frame.kind, ModuleKind::kKernel);
  EXPECT_EQ(frame.path, "[kernel]");
  EXPECT_EQ(frame.symbol, "first");
  EXPECT_EQ(frame.offset, 0x10u);
  // The call is the last instruction of `first`, which never returns.
  const auto last = Kernel(0xffffffff81000200, true);
  EXPECT_EQ(last.symbol, "first");
  EXPECT_EQ(last.offset, 0x100u);
  EXPECT_EQ(Kernel(0xffffffff81000200, false).symbol, "second");
}

TEST_F(SymbolizerTest, ModulesAndProgramsAreModulesOfTheirOwn) {
  const auto module = Kernel(0xffffffffc0201010);
  EXPECT_EQ(module.kind, ModuleKind::kKernelModule);
  EXPECT_EQ(module.path, "no_such_module");
  EXPECT_EQ(module.symbol, "read_block");
  const auto program = Kernel(0xffffffffc0300010);
  EXPECT_EQ(program.kind, ModuleKind::kKernelModule);
  EXPECT_EQ(program.path, "bpf");
  EXPECT_EQ(program.symbol, "bpf_prog_6deef7357e7b4530_count");
}

TEST_F(SymbolizerTest, KernelAddressesWithoutSymbolAreMessages) {
  for (const uint64_t address : {uint64_t{0}, uint64_t{0xffffffff83000000}, UINT64_MAX}) {
    const auto frame = Kernel(address);
    EXPECT_EQ(frame.kind, ModuleKind::kSpecial);
    EXPECT_EQ(frame.symbol, "[kernel address without symbol]");
    EXPECT_EQ(frame.offset, 0u);
  }
}

TEST_F(SymbolizerTest, KernelModulesLoadedLaterAreFoundWithinASecond) {
  constexpr uint64_t kLater = 0xffffffffc0900010;
  EXPECT_EQ(Kernel(kLater).symbol, "[kernel address without symbol]");
  directory_.Write("kallsyms",
                   "ffffffff81000000 T _stext\n"
                   "ffffffff81000300 T _etext\n"
                   "ffffffffc0900000 t later\t[late_module]\n");
  // Too early: the file is read once per second at most.
  EXPECT_EQ(Kernel(kLater).symbol, "[kernel address without symbol]");
  usleep(1'050'000);
  EXPECT_EQ(Kernel(kLater).symbol, "later");
  EXPECT_EQ(Kernel(kLater).path, "late_module");
}

}  // namespace
}  // namespace twofold
