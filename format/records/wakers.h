// Who made threads able to run, and what had woken those: tables Wakers and Chains of a Definitions
// block. What is done to the fields of rows is done to those of wakers, too.
#pragma once

#include <cstdint>
#include <tuple>

#include "format/base/ids.h"
#include "format/records/row_fields.h"

namespace twofold {

enum class WakerKind : uint8_t {
  kOther = 0,    // a kind of a newer version
  kTask = 1,     // a thread
  kHardIrq = 2,  // an interrupt; the thread that it happened to interrupt has nothing to do with it
  kSoftIrq = 3,
  kTimer = 4,  // an interrupt, hard or soft, in the handler of a timer
};

// Who or what made a thread able to run: one link of a chain.
struct Waker {
  WakerKind kind = WakerKind::kTask;
  ThreadId thread;       // of kTask; 0: of an interrupt
  StackId kernel_stack;  // of an interrupt: its handler's frames alone. May be a special frame, as
                         // where the stack was not taken
  StackId user_stack;    // 0: of an interrupt or a kernel thread

  friend bool operator==(const Waker&, const Waker&) = default;
};

template <>
struct RowKind<Waker> : RowKindDefaults {
  static constexpr const char* kTable = "wakers";
  static constexpr const char* kRow = "a waker";
  static constexpr size_t kFullColumns = 4;
  static constexpr std::tuple kFields = {
      field::Key("kind", &Waker::kind, field::UpTo<WakerKind::kTimer>),
      field::Reference("thread", &Waker::thread),
      field::Reference("kernel_stack", &Waker::kernel_stack),
      field::Reference("user_stack", &Waker::user_stack),
  };
};

}  // namespace twofold
