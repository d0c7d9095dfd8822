// Names as two builds of a program have in common. What a compiler numbers or adds differs from
// build to build although the source does not, and would make one function two.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "analyzer/fold/folded.h"

namespace twofold {

// Modules, by the name that frames show, whose build is the same on all sides: their addresses may
// be compared.
using SameModules = std::set<std::string, std::less<>>;

// What a frame is called in a diff. `text` is escaped, and so is the result:
//   parse.isra.0, parse.constprop.2.cold, parse.llvm.123    parse
//   main::{lambda(int)#3}, run::{closure#2}, $_12           main::{lambda(int)}, run::{closure}, $_
//   [libc.so.6+0x8f2b0]                                     [libc.so.6], unless it is in `same`
//   kworker/3:1-events (a process or thread)                kworker
std::string FoldName(std::string_view text, FrameKind kind, const SameModules& same);

// A kernel function that only puts the thread to sleep: what it slept for is its caller.
bool OnlySchedules(std::string_view text, FrameKind kind);

}  // namespace twofold
