/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which threads are followed. A thread is in scope if and only if it has task storage: it is given
 * one by the first pass over all tasks, by the fork of a thread in scope, or by the exec of the
 * command. The hot paths only look it up.
 */
#ifndef TWOFOLD_THREADS_BPF_H
#define TWOFOLD_THREADS_BPF_H

#include "accounts.bpf.h"
#include "losses.bpf.h"

/* A thread that renames itself more often keeps its latest recorded name: the table must not be
 * filled by one thread. */
#define MAX_RENAMES 64

const volatile __u32 thread_slots = 1; /* of the thread table; a power of two */
const volatile bool scope_all;	       /* every thread of the host */
const volatile bool follow_children;   /* processes forked by processes in scope */
const volatile __u32 command_tgid;     /* in scope from its first exec on; 0: none */

__u32 threads_made;	/* number of the latest thread */
__u32 threads_consumed; /* written by the recorder: slots up to this number may be used again */

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct twofold_task);
} tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct twofold_thread);
} threads SEC(".maps");

/* Processes of -p; used by the first pass only. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} targets SEC(".maps");

/*
 * Writes the thread, as it is named now, into the thread table; 0 when the table is full. Its
 * account begins at `created_ns`.
 */
static __always_inline __u32 register_thread(struct task_struct *task, const char *name,
					     __u64 created_ns)
{
	struct twofold_thread *slot;
	__u32 thread, index;

	if (threads_made - threads_consumed >= thread_slots - 1) {
		count_loss(TWOFOLD_SOURCE_RECORDER, TWOFOLD_LOSS_THREAD_TABLE_FULL, 1, 0);
		return 0;
	}
	thread = __sync_fetch_and_add(&threads_made, 1) + 1;
	index = thread & (thread_slots - 1);
	slot = bpf_map_lookup_elem(&threads, &index);
	if (!slot)
		return 0;
	slot->created_ns = created_ns;
	slot->start_boottime_ns = task->start_boottime;
	slot->process_start_boottime_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	slot->tid = task->pid;
	slot->tgid = task->tgid;
	slot->parent_tgid = BPF_CORE_READ(task, real_parent, tgid);
	slot->is_kernel_thread = !!(task->flags & PF_KTHREAD);
	if (name)
		bpf_probe_read_kernel_str(slot->comm, sizeof(slot->comm), name);
	else
		BPF_CORE_READ_STR_INTO(&slot->comm, task, comm);
	__sync_lock_test_and_set(&slot->thread, thread);
	return thread;
}

/* The storage of a thread that is to be in scope; NULL when it could not be made. */
static __always_inline struct twofold_task *make_storage(struct task_struct *task)
{
	struct twofold_task *state =
		bpf_task_storage_get(&tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!state)
		count_loss(TWOFOLD_SOURCE_RECORDER, TWOFOLD_LOSS_TASK_STORAGE_FAILED, 1, 0);
	return state;
}

/* Takes a thread into scope. */
static __always_inline struct twofold_task *follow_thread(struct task_struct *task,
							  __u64 created_ns)
{
	struct twofold_task *state = make_storage(task);

	if (state && !state->thread) {
		state->thread = register_thread(task, NULL, created_ns);
		state->user_ns_before = task->utime;
		state->system_ns_before = task->stime;
		state->cpu_ns = task->se.sum_exec_runtime;
	}
	return state;
}

/* The thread goes on under another row of the thread table; while the table is full it keeps the
 * one it has. */
static __always_inline void renew_thread(struct task_struct *task, struct twofold_task *state,
					 const char *name)
{
	__u64 now_ns = bpf_ktime_get_ns();
	__u32 thread = register_thread(task, name, now_ns);

	if (!thread)
		return;
	if (state->thread)
		end_account(task, state, now_ns);
	state->thread = thread;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct twofold_task *state;
	__u64 now_ns = bpf_ktime_get_ns();

	if (!scope_all) {
		if (!bpf_task_storage_get(&tasks, parent, 0, 0))
			return 0;
		if (!follow_children && child->tgid != parent->tgid)
			return 0;
	}
	state = follow_thread(child, now_ns);
	/* A new thread is made able to run right after this. */
	if (state)
		start_account(child, state, TWOFOLD_WOKEN, now_ns);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task)
{
	struct twofold_task *state;

	if (scope_all || task->tgid == command_tgid)
		state = make_storage(task);
	else
		state = bpf_task_storage_get(&tasks, task, 0, 0);
	if (!state)
		return 0;
	if (!state->thread)
		start_account(task, state, TWOFOLD_ON_CPU, bpf_ktime_get_ns());
	renew_thread(task, state, NULL);
	return 0;
}

/*
 * The account of a thread ends where it leaves the CPU for the last time. Before that it is taken
 * out of the list of tasks, and its parent may wake the recorder, which may stop everything: so its
 * account is handed over here, too.
 */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	struct twofold_task *state = bpf_task_storage_get(&tasks, task, 0, 0);

	if (state)
		hand_over_account(task, state, false, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/task_rename")
int BPF_PROG(thread_rename, struct task_struct *task, const char *name)
{
	struct twofold_task *state = bpf_task_storage_get(&tasks, task, 0, 0);

	if (!state || state->renames >= MAX_RENAMES)
		return 0;
	state->renames++;
	renew_thread(task, state, name);
	return 0;
}

#endif
