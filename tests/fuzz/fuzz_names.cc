// Fuzzes what reads other people's files while recording: symbols of ELF files, perf maps and
// jitdumps, through the answers of the name reader. The first byte of an input says what it is.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <span>

#include "format/base/check.h"
#include "recorder/parser/name_reader_process.h"

namespace twofold {
namespace {

constexpr uint32_t kFile = 1;

UniqueFd MemoryFile(std::span<const uint8_t> bytes) {
  UniqueFd fd(memfd_create("fuzzed", MFD_CLOEXEC));
  TWOFOLD_CHECK(fd && write(fd.get(), bytes.data(), bytes.size()) == ssize_t(bytes.size()));
  return fd;
}

void Ask(NameService& service, NameRequestKind kind, uint64_t a = 0, UniqueFd fd = UniqueFd()) {
  const NameService::Reply reply =
      service.Answer({.kind = kind, .file = kFile, .a = a}, std::move(fd));
  TWOFOLD_CHECK(reply.text.size() <= 2 * kMaxReplyTextBytes);
}

void ReadElf(std::span<const uint8_t> bytes) {
  NameService service;
  Ask(service, NameRequestKind::kOpenElf, 0, MemoryFile(bytes));
  const auto ask_for_all = [&] {
    for (uint64_t offset = 0; offset < bytes.size() + 64; offset += 61) {
      Ask(service, NameRequestKind::kFindFunction, offset);
    }
  };
  ask_for_all();
  // It is a debug file for itself, as far as it tells a build id.
  Ask(service, NameRequestKind::kAddDebugFile, 0, MemoryFile(bytes));
  ask_for_all();
}

void ReadCode(std::span<const uint8_t> bytes, NameRequestKind kind) {
  NameService service;
  Ask(service, kind, 0, MemoryFile(bytes));
  Ask(service, NameRequestKind::kRefreshCode, 1 << 16);
  for (uint64_t address = 0; address < 0x4000; address += 0x3f) {
    Ask(service, NameRequestKind::kFindCode, address);
  }
  Ask(service, NameRequestKind::kDropCode);
  Ask(service, NameRequestKind::kRefreshCode, 1 << 16);
}

}  // namespace
}  // namespace twofold

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      twofold::ReadElf(bytes);
      break;
    case 1:
      twofold::ReadCode(bytes, twofold::NameRequestKind::kOpenPerfMap);
      break;
    case 2:
      twofold::ReadCode(bytes, twofold::NameRequestKind::kOpenJitDump);
      break;
  }
  return 0;
}
