// Where in a function's first instructions a probe costs least.
//
// A probe takes the place of an instruction. A few kinds of instructions the kernel carries out
// itself (arch/x86/kernel/uprobes.c: branch_setup_xol_ops, push_setup_xol_ops): pushing a register,
// jumps, calls, a plain nop. All others it lets the processor execute elsewhere in single-step
// mode, which takes a second exception: measured on a virtual machine, 9 us instead of 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace twofold {

// The offset, from the function's first instruction, of the first one that the kernel carries out
// itself, if everything before it leaves memory, the stack pointer and the first `arguments`
// arguments (3 at most) alone, so that a probe there sees what one at the first would; else 0.
// `code` is the function's begin, as much of it as is known.
size_t CheapProbePlace(std::span<const uint8_t> code, unsigned arguments);

}  // namespace twofold
