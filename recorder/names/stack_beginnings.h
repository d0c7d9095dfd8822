// Whether a user stack is whole: threads begin in few functions (stack_beginnings.txt), and a stack
// whose outermost frame is another one has lost its callers, mostly because something on the way
// has no frame pointer. Works on names, so it knows nothing where there are none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace twofold {

// What the name of a function says.
enum class Beginning : uint8_t {
  kUnnamed,      // there is none
  kNo,           // no stack begins there
  kBegins,       // nothing calls it but others that begin
  kBeginsInC,    // the same, if it is in the C library or in a program without one
  kMayBegin,     // stacks begin there, and it has callers as well
  kMayBeginInC,  // the same, if it is in the C library or in a program without one
};

// `function` as in the file, without a symbol version; empty: no name.
Beginning BeginningOf(std::string_view function);

// Whether a file of this name is a C library, in which threads begin: glibc, musl, Android's.
bool IsCLibrary(std::string_view path);

struct FrameOfStack {
  Beginning beginning = Beginning::kUnnamed;
  bool in_c_library = false;
  bool in_program = false;  // the executable itself
};

struct StackEnd {
  size_t frames = 0;        // how many belong to the stack; what is outside of them is noise
  bool begins = false;      // the outermost of them begins a thread
  bool ends_early = false;  // it is known not to. Neither: nobody can tell, for lack of names
};

// `has_c_library`: the process has mapped one. Frames leaf first.
StackEnd FindStackEnd(std::span<const FrameOfStack> leaf_first, bool has_c_library);

}  // namespace twofold
