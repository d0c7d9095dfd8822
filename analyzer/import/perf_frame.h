// One frame of a stack, as 'perf script' and simpleperf print it: an address, and what -F asked
// for.
//
//   559b17ece18b inner+0x22 (/usr/bin/program)     fields ip, sym, symoff, dso
//   559b17ece18b inner                             ip, sym
//   559b17ece18b                                   ip
//           15f4 helper (inlined)                  inlined into the frame that follows
#pragma once

#include <optional>
#include <string_view>

#include "analyzer/import/imported_capture.h"

namespace twofold {

// "1f3a" in hexadecimal, without "0x". False: it is no such number, or has more than 64 bits.
bool ParseAddress(std::string_view word, uint64_t& address);

// Whether the line only tells where the frame before it is in the source, as of the field srcline:
// "  dl-load.c:1525" or "  libc.so.6[2724a]".
bool IsPlaceInSource(std::string_view line);

// The frame that a line of a stack is; nullopt: it is none.
std::optional<ImportedFrame> ParsePerfFrame(std::string_view line);

// The frame at the end of a header line, where 'perf script' puts the only one of a sample without
// a stack. What stands before it (other fields, arguments of tracepoints) is left out; `before` is
// its length. `behind_arguments`: the event is a tracepoint, so that numbers may be its arguments,
// and only a long address with a module is a frame. nullopt: there is none.
std::optional<ImportedFrame> FindPerfFrame(std::string_view text, bool behind_arguments,
                                           size_t& before);

}  // namespace twofold
