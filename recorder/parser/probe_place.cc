#include "recorder/parser/probe_place.h"

#include <optional>

namespace twofold {
namespace {

#if defined(__x86_64__)

// Further on, a jump back into what was skipped becomes likely.
constexpr size_t kMostSkippedBytes = 32;

constexpr uint8_t kStackPointer = 4;
constexpr uint8_t kArguments[] = {7, 6, 2};  // rdi, rsi, rdx

bool KernelEmulates(std::span<const uint8_t> code) {
  const auto is_push = [](uint8_t opcode) { return opcode >= 0x50 && opcode <= 0x57; };
  if (code.empty()) return false;
  const uint8_t opcode = code[0];
  if (is_push(opcode) || opcode == 0x90 || opcode == 0xe8 || opcode == 0xe9 || opcode == 0xeb) {
    return true;
  }
  if (opcode >= 0x70 && opcode <= 0x7f) return true;
  if (code.size() < 2) return false;
  return (opcode == 0x41 && is_push(code[1])) ||
         (opcode == 0x0f && code[1] >= 0x80 && code[1] <= 0x8f);
}

struct Instruction {
  size_t bytes = 0;
  std::optional<uint8_t> changed;  // register
};

// Decodes the few instructions that compilers put in front of a function's first jump or push, and
// that change at most a register. nullopt: another one.
std::optional<Instruction> DecodeHarmless(std::span<const uint8_t> code) {
  size_t at = 0;
  const auto next = [&]() -> int { return at < code.size() ? code[at++] : -1; };
  int opcode = next();
  if (opcode == 0xf3) {  // endbr64
    const bool is_endbr = next() == 0x0f && next() == 0x1e && next() == 0xfa;
    return is_endbr ? std::optional(Instruction{.bytes = at, .changed = {}}) : std::nullopt;
  }
  if (opcode == 0x64) opcode = next();  // of the thread's own memory
  uint8_t rex = 0;
  if ((opcode & ~0xf) == 0x40) {
    rex = uint8_t(opcode);
    opcode = next();
  }
  const bool wide = (rex & 8) != 0;
  if (opcode >= 0xb8 && opcode <= 0xbf) {  // mov immediate
    return Instruction{.bytes = at + (wide ? 8 : 4),
                       .changed = uint8_t((opcode & 7) | (rex & 1) << 3)};
  }
  const bool two_bytes = opcode == 0x0f;
  if (two_bytes) opcode = next();
  const int modrm = next();
  if (opcode < 0 || modrm < 0) return std::nullopt;
  const int mode = modrm >> 6;
  const uint8_t reg = uint8_t((modrm >> 3 & 7) | (rex & 4) << 1);
  const uint8_t rm = uint8_t((modrm & 7) | (rex & 1) << 3);
  const bool to_register = mode == 3;
  if (!to_register && (modrm & 7) == 4) {
    const int sib = next();
    if (sib < 0) return std::nullopt;
    if (mode == 0 && (sib & 7) == 5) at += 4;
  }
  if (mode == 0 && (modrm & 7) == 5) at += 4;
  if (mode == 1) at += 1;
  if (mode == 2) at += 4;

  if (two_bytes) {  // movzx, movsx
    if (opcode != 0xb6 && opcode != 0xb7 && opcode != 0xbe && opcode != 0xbf) return std::nullopt;
    return Instruction{.bytes = at, .changed = reg};
  }
  const int extension = modrm >> 3 & 7;
  switch (opcode) {
    case 0x38:  // cmp
    case 0x39:
    case 0x3a:
    case 0x3b:
    case 0x84:  // test
    case 0x85:
      return Instruction{.bytes = at, .changed = {}};
    case 0x8b:  // mov
    case 0x8d:  // lea
    case 0x03:  // add, or, and, sub, xor
    case 0x0b:
    case 0x23:
    case 0x2b:
    case 0x33:
      return Instruction{.bytes = at, .changed = reg};
    case 0x89:  // the same, into the other operand
    case 0x01:
    case 0x09:
    case 0x21:
    case 0x29:
    case 0x31:
      if (!to_register) return std::nullopt;
      return Instruction{.bytes = at, .changed = rm};
    case 0x80:  // with an immediate; 7: cmp
    case 0x81:
    case 0x83:
      at += opcode == 0x81 ? 4 : 1;
      if (extension == 7) return Instruction{.bytes = at, .changed = {}};
      if (!to_register) return std::nullopt;
      return Instruction{.bytes = at, .changed = rm};
    case 0xf6:  // test with an immediate
    case 0xf7:
      if (extension != 0) return std::nullopt;
      return Instruction{.bytes = at + (opcode == 0xf6 ? 1 : 4), .changed = {}};
    case 0xc1:  // shift
      if (!to_register) return std::nullopt;
      return Instruction{.bytes = at + 1, .changed = rm};
    default:
      return std::nullopt;
  }
}

#endif

}  // namespace

size_t CheapProbePlace([[maybe_unused]] std::span<const uint8_t> code,
                       [[maybe_unused]] unsigned arguments) {
#if defined(__x86_64__)
  size_t at = 0;
  while (at < code.size() && at <= kMostSkippedBytes) {
    if (KernelEmulates(code.subspan(at))) return at;
    const std::optional<Instruction> skipped = DecodeHarmless(code.subspan(at));
    if (!skipped) return 0;
    if (skipped->changed == kStackPointer) return 0;
    for (unsigned i = 0; i < arguments && i < std::size(kArguments); ++i) {
      if (skipped->changed == kArguments[i]) return 0;
    }
    at += skipped->bytes;
  }
#endif
  return 0;
}

}  // namespace twofold
