// One mangled name as people write it: C++ (Itanium), Rust v0 and Rust legacy. libiberty does the
// work and stays inside demangle.cc.
//
// The readable form is short, because it is read in frames a few pixels wide: without the
// parameters and the return type of the function itself, with its template arguments, and without
// the hash of a Rust crate. What a compiler put behind a name stays: "std::sort<int*>.isra.0".
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace twofold {

// A longer name stays as it is, and so does one whose readable form would be longer. libiberty
// takes no more of C++ either: its stack would not do.
constexpr size_t kMaxMangledBytes = 4096;
constexpr size_t kMaxMangledCppBytes = 1024;
constexpr size_t kMaxDemangledBytes = 4096;

// Whether it is worth the try: by its first two letters, its length and its characters.
bool LooksMangled(std::string_view name);

// nullopt: it is not mangled, or a limit is in the way. A crafted name can take time without end:
// see demangle_many.h.
std::optional<std::string> Demangle(std::string_view name);

}  // namespace twofold
