/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Threads that are moved from one cgroup to another: each goes on under a row of the thread table
 * that tells of the new one. The moment of the move is told by a tracepoint, but of a process that
 * is moved as a whole for its main thread alone: the others are found where they next leave or
 * enter a CPU, or by the pass at the interval's end (pass.bpf.h).
 */
#ifndef TWOFOLD_PROGRAMS_CGROUPS_BPF_H
#define TWOFOLD_PROGRAMS_CGROUPS_BPF_H

#include "bpf/offcpu/splits.bpf.h"
#include "bpf/programs/membership.bpf.h"

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(cgroup_attach, struct cgroup *to, const char *path, struct task_struct *task,
	     bool threadgroup)
{
	struct twofold_task *state = bpf_task_storage_get(&tasks, task, 0, 0);
	__u64 now_ns = bpf_ktime_get_ns();

	if (is_over)
		return 0;
	state = recheck_cgroup(task, state, 0, now_ns);
	/* In the middle of a change it is at a switch, which sees to it. */
	if (!state || state->dead || state->changes & 1 || !has_moved(task, state))
		return 0;
	split_for_row(task, state, now_ns);
	follow_move(task, state, now_ns);
	return 0;
}

#endif
