// Which functions of a file are probed, and where in them.
#include "recorder/parser/elf_allocators.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "recorder/parser/elf_symbols.h"
#include "recorder/parser/probe_place.h"

namespace twofold {
namespace {

using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

using F = AllocatorFunction;

UniqueFd Open(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

// By the name of the function that holds the place.
std::map<std::string, AllocatorFunction> FunctionsOf(const std::string& path) {
  Result<ElfSymbols> symbols = ElfSymbols::Read(Open(path), path);
  EXPECT_TRUE(symbols.has_value()) << path;
  std::map<std::string, AllocatorFunction> functions;
  for (const AllocatorPlace& place : FindAllocatorPlaces(Open(path).get())) {
    functions.emplace(symbols->FindByFileOffset(place.file_offset).value_or("(none)"),
                      place.function);
  }
  return functions;
}

std::string Library(const std::string& name) {
  return std::string(TWOFOLD_NAMES_DIR) + "/lib" + name + ".so";
}

TEST(ElfAllocators, FileWithAnAllocatorHasOperatorsOfItsOwn) {
  EXPECT_THAT(
      FunctionsOf(Library("names_allocator")),
      UnorderedElementsAre(Pair("malloc", F::kMalloc), Pair("calloc", F::kCalloc),
                           Pair("free", F::kFree), Pair("_Znwm", F::kThrowingNew),
                           Pair("_ZnwmRKSt9nothrow_t", F::kMalloc), Pair("_ZdlPv", F::kFree)));
}

TEST(ElfAllocators, OperatorsOfOtherFilesCallMalloc) {
  EXPECT_THAT(FunctionsOf(Library("names_operators")),
              UnorderedElementsAre(Pair("_Znwm", F::kNew), Pair("_ZnwmRKSt9nothrow_t", F::kNew)));
}

TEST(ElfAllocators, FileWithoutAllocatorHasNoPlaces) {
  EXPECT_THAT(FindAllocatorPlaces(Open(std::string(TWOFOLD_NAMES_DIR) + "/names_pie").get()),
              IsEmpty());
  EXPECT_THAT(FindAllocatorPlaces(Open("/proc/self/maps").get()), IsEmpty());
  EXPECT_THAT(FindAllocatorPlaces(-1), IsEmpty());
}

// A static C program has malloc, free and mmap in its own file.
TEST(ElfAllocators, StaticProgramHasTheLibrarysFunctions) {
  const auto functions = FunctionsOf(std::string(TWOFOLD_NAMES_DIR) + "/names_calls_static");
  EXPECT_EQ(functions.count("malloc"), 1u);
  EXPECT_EQ(functions.count("free"), 1u);
  EXPECT_EQ(functions.count("munmap"), 1u);
}

TEST(ElfAllocators, TextTellsTheSamePlaces) {
  const std::vector<AllocatorPlace> places = {{F::kMalloc, 4096}, {F::kThrowingNew, 1ULL << 40}};
  EXPECT_EQ(ParseAllocatorPlaces(AllocatorPlacesText(places)), places);
  EXPECT_EQ(ParseAllocatorPlaces(""), std::vector<AllocatorPlace>());
  for (const char* text : {"0", "0 ", "0 1", "x 1\n", "0 1\n2", "99 1\n", "0  1\n", "-1 1\n",
                           "0 99999999999999999999999\n"}) {
    EXPECT_EQ(ParseAllocatorPlaces(text), std::nullopt) << text;
  }
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "0 " + std::to_string(i) + "\n";
  EXPECT_EQ(ParseAllocatorPlaces(many), std::nullopt);
}

#if defined(__x86_64__)

size_t Place(const std::vector<uint8_t>& code, unsigned arguments = 1) {
  return CheapProbePlace(code, arguments);
}

TEST(ProbePlace, FirstInstructionThatTheKernelCarriesOutIsTaken) {
  EXPECT_EQ(Place({0x55, 0x48, 0x89, 0xe5}), 0u);                       // push %rbp
  EXPECT_EQ(Place({0x48, 0x85, 0xff, 0x0f, 0x84, 0xbf, 0, 0, 0}), 3u);  // test; je
  EXPECT_EQ(Place({0xf3, 0x0f, 0x1e, 0xfa, 0x41, 0x54}), 4u);           // endbr64; push %r12
  EXPECT_EQ(Place({0xf3, 0x0f, 0x1e, 0xfa, 0xe9, 1, 2, 3, 4}), 4u);     // endbr64; jmp
  EXPECT_EQ(Place({0x48, 0x81, 0xff, 0, 0x10, 0, 0, 0x77, 0x10}), 7u);  // cmp $,%rdi; ja
  EXPECT_EQ(Place({0x48, 0x8b, 0x05, 1, 2, 3, 4, 0x48, 0x85, 0xc0, 0x75, 8}),
            10u);                                                             // mov; test; jne
  EXPECT_EQ(Place({0x80, 0x3d, 1, 2, 3, 4, 0, 0x74, 7}), 7u);                 // cmpb $0,x(%rip); je
  EXPECT_EQ(Place({0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0, 0x53}), 9u);  // mov %fs:0x28; push
}

TEST(ProbePlace, WhatChangesArgumentsOrTheStackStaysUnskipped) {
  EXPECT_EQ(Place({0x48, 0x83, 0xec, 0x18, 0x55}), 0u);  // sub $0x18,%rsp
  EXPECT_EQ(Place({0x48, 0x89, 0xf7, 0x55}), 0u);        // mov %rsi,%rdi
  EXPECT_EQ(Place({0x31, 0xff, 0x55}), 0u);              // xor %edi,%edi
  EXPECT_EQ(Place({0x31, 0xf6, 0x55}, 1), 2u);           // xor %esi,%esi: no argument of it
  EXPECT_EQ(Place({0x31, 0xf6, 0x55}, 2), 0u);
  EXPECT_EQ(Place({0xba, 1, 0, 0, 0, 0x55}, 2), 5u);  // mov $1,%edx
  EXPECT_EQ(Place({0xba, 1, 0, 0, 0, 0x55}, 3), 0u);
  EXPECT_EQ(Place({0x48, 0x89, 0x3c, 0x24, 0x55}), 0u);              // mov %rdi,(%rsp): writes
  EXPECT_EQ(Place({0xc7, 0x05, 0, 0, 0, 0, 1, 0, 0, 0, 0x55}), 0u);  // movl $1,x(%rip)
}

TEST(ProbePlace, UnknownOrCutCodeIsProbedAtItsBegin) {
  EXPECT_EQ(Place({}), 0u);
  EXPECT_EQ(Place({0x0f, 0x05, 0x55}), 0u);  // syscall
  EXPECT_EQ(Place({0x48}), 0u);
  EXPECT_EQ(Place({0x48, 0x85}), 0u);
  EXPECT_EQ(Place({0x48, 0x8b, 0x05, 1, 2}), 0u);
  // Too far away: a loop could come back to it.
  std::vector<uint8_t> far;
  for (int i = 0; i < 16; ++i) far.insert(far.end(), {0x48, 0x85, 0xff});
  far.push_back(0x55);
  EXPECT_EQ(Place(far), 0u);
  // Whatever the bytes are, it comes to an end and stays inside of them.
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const size_t place = Place({uint8_t(first), uint8_t(second), 0x24, 0x25, 0x55}, 3);
      EXPECT_LT(place, 5u);
    }
  }
}

#endif

}  // namespace
}  // namespace twofold
