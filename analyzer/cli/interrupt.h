// Ctrl-C, SIGTERM and a closed terminal while something half-written has to be removed first.
#pragma once

#include <csignal>

namespace twofold {

// Whether one came while an InterruptGuard lived.
bool IsInterrupted();

// While it lives, the first Ctrl-C, SIGTERM and SIGHUP set a flag instead of ending the program.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  struct sigaction old_interrupt_ {};
  struct sigaction old_terminate_ {};
  struct sigaction old_hang_up_ {};
};

}  // namespace twofold
