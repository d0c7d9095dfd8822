/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which threads are followed. A thread is in scope if and only if it has task storage: it is given
 * one by the first pass over all tasks, where it is born, or where it comes into scope later, and
 * loses it when it leaves the scope (scope.bpf.h says when). The hot paths only look it up.
 */
#ifndef TWOFOLD_THREADS_THREADS_BPF_H
#define TWOFOLD_THREADS_THREADS_BPF_H

#include "bpf/threads/accounts.bpf.h"
#include "bpf/store/losses.bpf.h"
#include "bpf/threads/scope.bpf.h"
#include "bpf/threads/task.bpf.h"

/* A thread that renames itself more often keeps its latest recorded name, and stays in scope or out
 * of it: the table must not be filled by one thread. */
#define MAX_RENAMES 64

const volatile __u32 thread_slots = 1; /* of the thread table; a power of two */

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

/* Where the storage of a thread is prepared that comes into scope while it may run elsewhere: it
 * must be whole when others first see it. Slot 0: tracepoints, which nothing preempts. Slot 1: the
 * pass over all tasks. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct twofold_task);
} fresh_tasks SEC(".maps");

/* The block that a thread is in when it comes into scope, and when it leaves it (offcpu.bpf.h). */
static __always_inline void open_old_block(struct task_struct *task, struct twofold_task *state,
					   __u64 since_ns);
static __always_inline void close_open_block(struct task_struct *task, struct twofold_task *state,
					     __u64 now_ns);
static __noinline int settle_unseen_run(struct task_struct *task, struct twofold_task *state,
					__u64 now_ns);
static __always_inline void split_for_row(struct task_struct *task, struct twofold_task *state,
					  __u64 now_ns);
static __always_inline __u32 present_state(struct task_struct *task);
static __always_inline long task_state(struct task_struct *task);
/* Tells of an executed program (exec.bpf.h). */
static __always_inline void tell_exec(struct task_struct *task, __u32 thread, const char *file,
				      __u64 now_ns);

/* Everything about a thread but its number; `name` NULL: as it is named now. */
static __always_inline void describe_thread(struct twofold_thread *slot, struct task_struct *task,
					    const char *name)
{
	slot->start_boottime_ns = task->start_boottime;
	slot->process_start_boottime_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	slot->tid = task->pid;
	slot->tgid = task->tgid;
	slot->parent_tgid = BPF_CORE_READ(task, real_parent, tgid);
	slot->cgroup_id = cgroup_of(task);
	if (name)
		bpf_probe_read_kernel_str(slot->comm, sizeof(slot->comm), name);
	else
		BPF_CORE_READ_STR_INTO(&slot->comm, task, comm);
}

static __always_inline bool thread_table_is_full(void)
{
	return threads_made - threads_consumed >= thread_slots - 1;
}

/*
 * Writes the thread, as it is named now and in the cgroup that it is in now, into the thread table;
 * 0 when the table is full. Its account begins at `created_ns`.
 */
static __always_inline __u32 register_thread(struct task_struct *task, struct twofold_task *state,
					     const char *name, __u64 created_ns)
{
	struct twofold_thread *slot;
	__u32 thread, index;

	if (thread_table_is_full()) {
		count_loss(TWOFOLD_SOURCE_RECORDER, TWOFOLD_LOSS_THREAD_TABLE_FULL, 1, 0);
		return 0;
	}
	thread = __sync_fetch_and_add(&threads_made, 1) + 1;
	index = thread & (thread_slots - 1);
	slot = bpf_map_lookup_elem(&threads, &index);
	if (!slot)
		return 0;
	slot->created_ns = created_ns;
	/* Where it moves meanwhile, the next look at it finds another css_set. */
	state->css_set = (__u64)task->cgroups;
	describe_thread(slot, task, name);
	state->cgroup_id = slot->cgroup_id;
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
		state->thread = register_thread(task, state, NULL, created_ns);
		state->user_ns_before = task->utime;
		state->system_ns_before = task->stime;
		state->cpu_ns = task->se.sum_exec_runtime;
	}
	return state;
}

/* Takes a thread into scope that is not new. `name` is one that it is about to get; NULL: it keeps
 * its own. */
static __always_inline struct twofold_task *join_scope(struct task_struct *task, const char *name,
						       __u32 slot, __u64 now_ns)
{
	struct twofold_task *fresh = bpf_map_lookup_elem(&fresh_tasks, &slot);
	struct candidate *candidate;
	struct twofold_task *state;

	if (!fresh)
		return NULL;
	__builtin_memset(fresh, 0, sizeof(*fresh));
	fresh->thread = register_thread(task, fresh, name, now_ns);
	start_account(task, fresh, present_state(task), now_ns);
	if (comm_filter && (candidate = bpf_task_storage_get(&candidates, task, 0, 0)))
		fresh->renames = candidate->renames;
	state = bpf_task_storage_get(&tasks, task, fresh, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!state) {
		count_loss(TWOFOLD_SOURCE_RECORDER, TWOFOLD_LOSS_TASK_STORAGE_FAILED, 1, 0);
		return NULL;
	}
	open_old_block(task, state, now_ns);
	return state;
}

/* What a thread that the recording found did before its first event. */
static __always_inline void settle_state(struct twofold_task *state, __u32 first_state)
{
	state->state = first_state;
	state->since_ns = window_start_ns;
}

/* No event came since the recording found the thread: it is still doing what it did then. */
static __always_inline void settle_first_state(struct task_struct *task, struct twofold_task *state)
{
	if (!state->since_ns)
		settle_state(state, present_state(task));
}

static __always_inline void leave_scope(struct task_struct *task, struct twofold_task *state,
					__u64 now_ns)
{
	struct candidate *candidate;

	if (comm_filter && (candidate = bpf_task_storage_get(&candidates, task, 0,
							     BPF_LOCAL_STORAGE_GET_F_CREATE)))
		candidate->renames = state->renames;
	settle_first_state(task, state);
	close_open_block(task, state, now_ns);
	end_account(task, state, now_ns);
	/* Where the storage is locked the thread stays, under a row of its own. */
	if (bpf_task_storage_delete(&tasks, task))
		state->thread = register_thread(task, state, NULL, now_ns);
}

/* A thread may have come into the cgroup of the scope, or left it. Its storage, where it is in
 * scope now. */
static __always_inline struct twofold_task *
recheck_cgroup(struct task_struct *task, struct twofold_task *state, __u32 slot, __u64 join_ns)
{
	bool wanted;

	if (scope != TWOFOLD_SCOPE_CGROUP || task->exit_state)
		return state;
	wanted = in_cgroup(task) && name_matches(task, NULL);
	if (state && !wanted) {
		leave_scope(task, state, bpf_ktime_get_ns());
		return NULL;
	}
	if (!state && wanted)
		return join_scope(task, NULL, slot, join_ns);
	return state;
}

/* What the pass over all tasks sees to: moves between cgroups that no event told of, and threads of
 * the host that could not be given storage where they began. */
static __always_inline struct twofold_task *
recheck_scope(struct task_struct *task, struct twofold_task *state, __u32 slot, __u64 join_ns)
{
	if (!state && scope_all && !task->exit_state && !(task_state(task) & TASK_NEW))
		return join_scope(task, NULL, slot, join_ns);
	return recheck_cgroup(task, state, slot, join_ns);
}

/* The thread goes on under another row of the thread table; while the table is full it keeps the
 * one it has. */
static __always_inline void renew_thread(struct task_struct *task, struct twofold_task *state,
					 const char *name, __u64 now_ns)
{
	__u32 thread = register_thread(task, state, name, now_ns);

	if (!thread)
		return;
	settle_first_state(task, state);
	end_account(task, state, now_ns);
	state->thread = thread;
}

/*
 * Whether the thread is in another cgroup than its row says. Its css_set changes as well where it
 * moves in a hierarchy of version 1 or gets other controllers: its cgroup is the same then.
 */
static __always_inline bool has_moved(struct task_struct *task, struct twofold_task *state)
{
	__u64 css_set = (__u64)task->cgroups;

	if (css_set == state->css_set || !state->thread)
		return false;
	if (cgroup_of(task) != state->cgroup_id)
		return true;
	state->css_set = css_set;
	return false;
}

/* From now on the thread's time is that of the cgroup that it is in. A function of its own: it is
 * called where threads leave and enter CPUs, and nearly never does anything. */
static __noinline int follow_move(struct task_struct *task, struct twofold_task *state,
				  __u64 now_ns)
{
	/* While the table is full it is not asked again at every switch. */
	state->css_set = (__u64)task->cgroups;
	renew_thread(task, state, NULL, now_ns);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct twofold_task *state = bpf_task_storage_get(&tasks, parent, 0, 0);
	__u64 now_ns = bpf_ktime_get_ns();

	if (is_over || !is_born_in_scope(parent, state, child))
		return 0;
	state = follow_thread(child, now_ns);
	/* A new thread is made able to run right after this. */
	if (state) {
		start_account(child, state, TWOFOLD_WOKEN, now_ns);
		state->waiting_since_ns = now_ns;
	}
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, int old_pid, struct linux_binprm *program)
{
	struct twofold_task *state = bpf_task_storage_get(&tasks, task, 0, 0);
	__u64 now_ns = bpf_ktime_get_ns();
	bool wanted;

	if (is_over)
		return 0;
	if (scope == TWOFOLD_SCOPE_COMMAND && task->tgid == command_tgid)
		wanted = note_belonging(task);
	else
		wanted = belongs(task, state);
	wanted = wanted && name_matches(task, NULL);
	if (!wanted) {
		if (state)
			leave_scope(task, state, now_ns);
		return 0;
	}
	if (state) {
		settle_unseen_run(task, state, now_ns);
		renew_thread(task, state, NULL, now_ns);
	} else {
		state = join_scope(task, NULL, 0, now_ns);
	}
	if (state)
		tell_exec(task, state->thread, program->filename, now_ns);
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
		hand_over_account(task, state, false, true, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/task_rename")
int BPF_PROG(thread_rename, struct task_struct *task, const char *name)
{
	struct twofold_task *state = bpf_task_storage_get(&tasks, task, 0, 0);
	__u64 now_ns = bpf_ktime_get_ns();
	struct candidate *candidate;

	if (is_over)
		return 0;
	if (state) {
		if (state->renames >= MAX_RENAMES)
			return 0;
		state->renames++;
		split_for_row(task, state, now_ns);
		if (name_matches(task, name))
			renew_thread(task, state, name, now_ns);
		else
			leave_scope(task, state, now_ns);
		return 0;
	}
	/* Without a filter a name takes no thread into scope. */
	if (!comm_filter || !name_matches(task, name) || !belongs(task, NULL))
		return 0;
	candidate = bpf_task_storage_get(&candidates, task, 0, 0);
	if (!candidate || candidate->renames < MAX_RENAMES)
		join_scope(task, name, 0, now_ns);
	return 0;
}

#endif
