// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Compares the walk of bpf/kernel/user_stack.bpf.h with what the kernel itself says: bpf_get_stack
 * takes a thread's stack where it leaves the CPU, and the walk must find the same one until it is
 * back. Loaded by user_stack_live_test.cc only.
 */
#include "tests/recorder/user_stack_check.h"

#include <asm-generic/errno.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/abi/stacks_abi.h"
#include "bpf/kernel/types.h"
#include "bpf/kernel/user_stack.bpf.h"

/* Processes to look at, by tgid. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 64);
  __type(key, __u32);
  __type(value, __u8);
} targets SEC(".maps");

/* A thread that left the CPU. */
struct sleeper {
  __u64 switches;
  struct twofold_stack stack; /* by bpf_get_stack; no frames: not taken */
};

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct sleeper);
} sleepers SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, CHECK_PLACES);
  __type(key, __u32);
  __type(value, struct twofold_stack);
} scratch SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, CHECK_DIFFERENCES);
  __type(key, __u32);
  __type(value, struct check_difference);
} differences SEC(".maps");

/* Stacks that the pass over all tasks saw, by tid. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, __u32);
  __type(value, struct twofold_stack);
} visited SEC(".maps");

const volatile bool by_loads;  // which of the two walks is compared

struct check_counts counts[CHECK_PLACES];
__u64 differences_made;
__u64 not_taken;  /* bpf_get_stack gave nothing */
__u64 timed_runs; /* of the programs whose cost is measured: those that found a target */

static __always_inline long walk(struct task_struct* task, struct twofold_stack* stack) {
  return by_loads ? walk_user_stack_by_loads(task, stack) : walk_user_stack(task, stack);
}

static __always_inline bool is_target(struct task_struct* task) {
  __u32 tgid = task->tgid;

  return !(task->flags & PF_KTHREAD) && bpf_map_lookup_elem(&targets, &tgid);
}

/* How the frames of a walk relate to those that the kernel took. */
__noinline int relation(const struct twofold_stack* taken, const struct twofold_stack* walked) {
  if (!taken || !walked) return CHECK_DIFFERENT;
  for (__u32 i = 0; i < TWOFOLD_MAX_FRAMES; i++) {
    if (i >= walked->nframes || i >= taken->nframes) break;
    if (walked->frames[i] != taken->frames[i]) return CHECK_DIFFERENT;
  }
  if (walked->nframes == taken->nframes) return CHECK_SAME;
  return walked->nframes < taken->nframes ? CHECK_SHORTER : CHECK_LONGER;
}

static __always_inline void compare(__u32 place, struct task_struct* task,
                                    struct sleeper* sleeper) {
  struct check_difference* difference;
  struct twofold_stack* stack;
  struct check_counts* count;
  __u32 slot = place, result;
  long bytes;

  if (!sleeper || !sleeper->stack.nframes || sleeper->switches != task->nvcsw + task->nivcsw)
    return;
  stack = bpf_map_lookup_elem(&scratch, &slot);
  if (!stack || place >= CHECK_PLACES) return;
  count = &counts[place];
  bytes = walk(task, stack);
  stack->nframes = bytes > 0 ? (__u32)bytes / sizeof(__u64) : 0;
  /* A pass over all tasks looks at threads that may wake up meanwhile. */
  if (sleeper->switches != task->nvcsw + task->nivcsw ||
      (place == CHECK_PASS && (!task->__state || task->on_cpu)))
    return;
  __sync_fetch_and_add(&count->walks, 1);
  __sync_fetch_and_add(&count->frames, stack->nframes);
  result = relation(&sleeper->stack, stack);
  if (result == CHECK_SAME) return;
  if (result == CHECK_SHORTER && bytes & USER_STACK_CUT) {
    __sync_fetch_and_add(&count->cut, 1);
    return;
  }
  if (result == CHECK_LONGER)
    __sync_fetch_and_add(&count->longer, 1);
  else
    __sync_fetch_and_add(&count->different, 1);
  slot = __sync_fetch_and_add(&differences_made, 1);
  difference = bpf_map_lookup_elem(&differences, &slot);
  if (!difference) return;
  difference->place = place;
  difference->relation = result;
  difference->result = bytes;
  BPF_CORE_READ_STR_INTO(&difference->comm, task, comm);
  difference->taken = sleeper->stack;
  difference->walked = *stack;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(check_switch, bool preempt, struct task_struct* prev, struct task_struct* next) {
  struct sleeper* sleeper;
  long bytes;

  if (is_target(prev)) {
    sleeper = bpf_task_storage_get(&sleepers, prev, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
    if (sleeper) {
      bytes = bpf_get_stack(ctx, sleeper->stack.frames, sizeof(sleeper->stack.frames),
                            BPF_F_USER_STACK);
      sleeper->stack.nframes = bytes > 0 ? (__u32)bytes / sizeof(__u64) : 0;
      sleeper->switches = prev->nvcsw + prev->nivcsw;
      if (bytes <= 0 && prev->mm) __sync_fetch_and_add(&not_taken, 1);
    }
  }
  if (is_target(next)) compare(CHECK_SWITCH_IN, next, bpf_task_storage_get(&sleepers, next, 0, 0));
  return 0;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(check_waking, struct task_struct* task) {
  if (!task->on_cpu && is_target(task))
    compare(CHECK_WAKING, task, bpf_task_storage_get(&sleepers, task, 0, 0));
  return 0;
}

SEC("iter/task")
int check_task(struct bpf_iter__task* ctx) {
  struct task_struct* task = ctx->task;
  struct twofold_stack* stack;
  __u32 slot = CHECK_PASS, tid;
  long bytes;

  if (!task || !is_target(task) || task->on_cpu || !task->__state) return 0;
  stack = bpf_map_lookup_elem(&scratch, &slot);
  if (!stack) return 0;
  compare(CHECK_PASS, task, bpf_task_storage_get(&sleepers, task, 0, 0));
  bytes = walk(task, stack);
  if (bytes <= 0) return 0;
  stack->nframes = (__u32)bytes / sizeof(__u64);
  stack->called = bytes & USER_STACK_CUT;
  tid = task->pid;
  bpf_map_update_elem(&visited, &tid, stack, BPF_ANY);
  return 0;
}

/* The three below differ in the walk alone, so that the kernel's statistics tell what it costs. */

SEC("tp_btf/sched_switch")
int BPF_PROG(time_nothing, bool preempt, struct task_struct* prev, struct task_struct* next) {
  if (is_target(next)) __sync_fetch_and_add(&timed_runs, 1);
  return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(time_walk, bool preempt, struct task_struct* prev, struct task_struct* next) {
  struct twofold_stack* stack;
  __u32 slot = CHECK_SWITCH_IN;

  if (is_target(next)) {
    __sync_fetch_and_add(&timed_runs, 1);
    stack = bpf_map_lookup_elem(&scratch, &slot);
    if (stack) walk(next, stack);
  }
  return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(time_get_stack, bool preempt, struct task_struct* prev, struct task_struct* next) {
  struct twofold_stack* stack;
  __u32 slot = CHECK_SWITCH_IN;

  if (is_target(prev)) {
    __sync_fetch_and_add(&timed_runs, 1);
    stack = bpf_map_lookup_elem(&scratch, &slot);
    if (stack) bpf_get_stack(ctx, stack->frames, sizeof(stack->frames), BPF_F_USER_STACK);
  }
  return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
