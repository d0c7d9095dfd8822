#include "recorder/base/scheduling.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace twofold {
namespace {

// struct sched_attr of linux/sched/types.h, which newer C libraries define, too.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime_ns = 0;
  uint64_t deadline_ns = 0;
  uint64_t period_ns = 0;
};
static_assert(sizeof(SchedulingAttributes) == 48);

constexpr uint32_t kPolicyOther = 0;
constexpr uint32_t kPolicyDeadline = 6;
constexpr uint64_t kFlagResetOnFork = 1;

}  // namespace

bool RunAhead(pid_t thread, const CpuBudget& budget) {
  SchedulingAttributes attributes;
  attributes.policy = kPolicyDeadline;
  attributes.flags = kFlagResetOnFork;
  attributes.runtime_ns = budget.runtime_ns;
  attributes.deadline_ns = budget.period_ns;
  attributes.period_ns = budget.period_ns;
  return syscall(SYS_sched_setattr, thread, &attributes, 0) == 0;
}

void RunAsOthers(pid_t thread, int niceness) {
  SchedulingAttributes attributes;
  attributes.policy = kPolicyOther;
  attributes.nice = niceness;
  // Without the right to it the thread stays as it is, within its budget.
  static_cast<void>(syscall(SYS_sched_setattr, thread, &attributes, 0));
}

void RunAsMainThread() {
  static_cast<void>(setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, id_t(getpid()))));
}

}  // namespace twofold
