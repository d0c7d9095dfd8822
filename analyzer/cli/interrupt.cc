#include "analyzer/cli/interrupt.h"

namespace twofold {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void OnSignal(int) { interrupted = 1; }

// What was told to be ignored, as by nohup, stays ignored.
void Catch(int signal, struct sigaction& old) {
  sigaction(signal, nullptr, &old);
  if (old.sa_handler == SIG_IGN) return;
  struct sigaction action {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESETHAND;  // a second Ctrl-C ends what waits for input that does not come
  sigaction(signal, &action, nullptr);
}

}  // namespace

bool IsInterrupted() { return interrupted != 0; }

InterruptGuard::InterruptGuard() {
  Catch(SIGINT, old_interrupt_);
  Catch(SIGTERM, old_terminate_);
  Catch(SIGHUP, old_hang_up_);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &old_interrupt_, nullptr);
  sigaction(SIGTERM, &old_terminate_, nullptr);
  sigaction(SIGHUP, &old_hang_up_, nullptr);
}

}  // namespace twofold
