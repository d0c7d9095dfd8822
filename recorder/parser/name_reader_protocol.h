// What the recorder and its name reader (recorder/names/name_reader.h) say to each other: over a
// socket of kind SOCK_SEQPACKET, one request and one reply at a time. After it has given up its
// rights the reader sends one reply of its own accord: kOk, or kError with the reason as text.
#pragma once

#include <cstddef>
#include <cstdint>

namespace twofold {

enum class NameRequestKind : uint32_t {
  // A descriptor comes with it; `file` is the number that later requests call it by.
  kOpenElf = 1,   // reply: text: build id, newline, name of the debug file that its link tells of;
                  // values: functions, has a .symtab (0, 1), the link's CRC-32
  kOpenPerfMap,   //
  kOpenJitDump,   //
  kAddDebugFile,  // to an ELF file; kError: it does not belong to it
  // Of an open file.
  kFindFunction,  // a: offset in the file; text: name; kNothing: there is none
  kRefreshCode,   // a: most bytes to read; values: bytes read, changes, damaged (0, 1), memory
  kFindCode,      // a: address; values: start, size; text: name; kNothing: there is none
  kDropCode,      // forget what was read
  kClose,
  // Of a file that comes with it and is not kept.
  kFindAllocators,  // text: AllocatorPlacesText (recorder/parser/elf_allocators.h); kNothing: it
                    // has none
  // Of the reader itself.
  kEndInterval,  // drop the symbol tables that were not used since the last one
  kUsage,        // values: CPU time in user and in kernel mode, in ns
};

struct NameRequest {
  NameRequestKind kind = NameRequestKind::kClose;
  uint32_t file = 0;
  uint64_t a = 0;
};
static_assert(sizeof(NameRequest) == 16);

enum class NameReplyKind : uint32_t { kOk = 1, kNothing = 2, kError = 3 };

struct NameReplyHeader {
  NameReplyKind kind = NameReplyKind::kError;
  uint32_t text_bytes = 0;  // that follow
  uint64_t values[4] = {};
};
static_assert(sizeof(NameReplyHeader) == 40);

// Longer names are cut before they come here.
constexpr size_t kMaxReplyTextBytes = size_t{16} * 1024;

}  // namespace twofold
