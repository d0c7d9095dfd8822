/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Threads are born, execute programs, change their names, and exit. */
#ifndef TWOFOLD_PROGRAMS_PROCESSES_BPF_H
#define TWOFOLD_PROGRAMS_PROCESSES_BPF_H

#include "bpf/offcpu/splits.bpf.h"
#include "bpf/programs/membership.bpf.h"
#include "bpf/sources/exec.bpf.h"

/* A thread that renames itself more often keeps its latest recorded name, and stays in scope or out
 * of it: the table must not be filled by one thread. */
#define MAX_RENAMES 64

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
