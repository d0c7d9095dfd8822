// Which user stacks are whole, told from where they begin.
#include "recorder/names/stack_beginnings.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace twofold {
namespace {

// "main", "libc:start_thread", "libc:" (without a name), "exe:".
std::vector<FrameOfStack> Stack(const std::vector<std::string>& leaf_first) {
  std::vector<FrameOfStack> frames;
  for (const std::string& text : leaf_first) {
    const size_t colon = text.find(':');
    const std::string where = colon == text.npos ? "exe" : text.substr(0, colon);
    const std::string name = colon == text.npos ? text : text.substr(colon + 1);
    frames.push_back({.beginning = BeginningOf(name),
                      .in_c_library = where == "libc",
                      .in_program = where == "exe"});
  }
  return frames;
}

StackEnd Dynamic(const std::vector<std::string>& leaf_first) {
  return FindStackEnd(Stack(leaf_first), true);
}

StackEnd Static(const std::vector<std::string>& leaf_first) {
  return FindStackEnd(Stack(leaf_first), false);
}

void ExpectWhole(const StackEnd& end, size_t frames) {
  EXPECT_TRUE(end.begins);
  EXPECT_FALSE(end.ends_early);
  EXPECT_EQ(end.frames, frames);
}

void ExpectEarly(const StackEnd& end, size_t frames) {
  EXPECT_FALSE(end.begins);
  EXPECT_TRUE(end.ends_early);
  EXPECT_EQ(end.frames, frames);
}

void ExpectUntold(const StackEnd& end, size_t frames) {
  EXPECT_FALSE(end.begins);
  EXPECT_FALSE(end.ends_early);
  EXPECT_EQ(end.frames, frames);
}

TEST(StackBeginnings, ThreadsBeginInTheCLibraryOrTheProgramsEntry) {
  ExpectWhole(Dynamic({"work", "main", "libc:__libc_start_call_main"}), 3);
  ExpectWhole(Dynamic({"main", "libc:", "libc:__libc_start_main", "_start"}), 4);
  ExpectWhole(Dynamic({"work", "libc:start_thread", "libc:clone3"}), 3);
  ExpectWhole(Dynamic({"lib:work", "libc:start_thread"}), 2);
  ExpectWhole(Static({"main", "__libc_start_call_main", "__libc_start_main_impl", "_start"}), 4);
  ExpectWhole(Static({"main", "libc_start_main_stage2", "_start_c"}), 3);  // musl
  ExpectWhole(Static({"work", "start", "__clone"}), 3);
  ExpectWhole(Static({"main.main", "runtime.main", "runtime.goexit.abi0"}), 3);
  ExpectWhole(Static({"runtime.futex", "runtime.schedule", "runtime.mcall"}), 3);
}

TEST(StackBeginnings, OtherOutermostFunctionsAreNoBeginning) {
  ExpectEarly(Dynamic({"inflate"}), 1);
  ExpectEarly(Dynamic({"libc:read", "parse"}), 2);
  ExpectEarly(Dynamic({"inner", "main"}), 2);
  ExpectEarly(Dynamic({"lib:", "exe:"}), 2);
  ExpectEarly(Dynamic({"libc:"}), 1);
  ExpectEarly(Dynamic({"compare", "libc:qsort"}), 2);
  ExpectEarly(Static({"inner", "main"}), 2);
}

TEST(StackBeginnings, AProgramsOwnFunctionOfSuchANameHasCallers) {
  ExpectEarly(Dynamic({"work", "start_thread", "main"}), 3);
  ExpectWhole(Dynamic({"work", "clone", "main", "libc:__libc_start_call_main"}), 4);
  // A system call of that name is the leaf.
  ExpectWhole(Dynamic({"libc:clone3", "spawn", "libc:start_thread"}), 3);
  ExpectWhole(Static({"runtime.memmove", "runtime.systemstack", "main.main", "runtime.goexit"}), 4);
}

TEST(StackBeginnings, WhatIsOutsideOfABeginningIsNoise) {
  // A static program: main's caller keeps an address of its data where a frame pointer would be.
  ExpectWhole(Static({"main", "__libc_start_call_main", "register_tm_clones"}), 2);
  ExpectWhole(Dynamic({"work", "libc:start_thread", "lib:strange", "lib:"}), 2);
  ExpectWhole(Dynamic({"work", "libc:start_thread", "lib:"}), 2);
}

TEST(StackBeginnings, StrippedFilesAreNotAccused) {
  // Of a stripped C library: __libc_start_call_main; start_thread and clone3.
  ExpectUntold(Dynamic({"work", "main", "libc:"}), 3);
  ExpectUntold(Dynamic({"work", "libc:", "libc:"}), 3);
  // The entry of a stripped program.
  ExpectWhole(Dynamic({"exe:", "libc:", "libc:__libc_start_main", "exe:"}), 4);
  // Without names and without a C library nothing tells.
  ExpectUntold(Static({"exe:", "exe:"}), 2);
}

TEST(StackBeginnings, NoFramesAreNoStack) { ExpectUntold(Dynamic({}), 0); }

TEST(StackBeginnings, CLibrariesAreKnownByTheirFiles) {
  for (const char* path :
       {"/usr/lib/x86_64-linux-gnu/libc.so.6", "/lib/libc-2.31.so", "/lib64/libpthread-2.17.so",
        "/lib/ld-musl-x86_64.so.1", "/system/lib64/libc.so", "/lib/libc.musl-x86_64.so.1"}) {
    EXPECT_TRUE(IsCLibrary(path)) << path;
  }
  for (const char* path : {"", "/usr/lib/libc++.so.1", "/usr/lib/libcrypto.so.3",
                           "/usr/lib/libcap.so.2", "/usr/bin/libc"}) {
    EXPECT_FALSE(IsCLibrary(path)) << path;
  }
}

}  // namespace
}  // namespace twofold
