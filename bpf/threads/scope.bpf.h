/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which threads are to be followed: what they belong to (the host, a process, a cgroup, a command's
 * descendants), narrowed by their name. It is asked where a thread begins, executes a program,
 * changes its name or its cgroup, and by the passes over all tasks; never in the scheduler's
 * programs, which only look for a thread's storage (threads.bpf.h).
 */
#ifndef TWOFOLD_THREADS_SCOPE_BPF_H
#define TWOFOLD_THREADS_SCOPE_BPF_H

#include "bpf/abi/threads_abi.h"
#include "bpf/store/losses.bpf.h"

/* Cgroups between a task and the root; the deepest that systemd and container runtimes make have
 * about ten. */
#define MAX_CGROUP_DEPTH 64

const volatile __u32 scope;	   /* enum twofold_scope */
const volatile bool scope_all;	   /* every thread of the host, whatever its name */
const volatile __u32 command_tgid; /* belongs from its first exec on; 0: none */
const volatile __u64 cgroup_id;	   /* that tasks must be in, or below */
const volatile bool comm_filter;   /* names must match the glob (recorder/cli/comm_glob.h): */
const volatile __u32 comm_accepts[256];
const volatile __u32 comm_stars;
const volatile __u32 comm_elements;

/* Ids of -p or -t; used by the first pass only. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} targets SEC(".maps");

/* Kept for threads that would be in scope if their name matched, and for those that left. */
struct candidate {
	__u32 belongs;
	__u32 renames;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct candidate);
} candidates SEC(".maps");

/* `name` is as long as a comm at most; NULL: the thread's present one. */
static __always_inline bool name_matches(struct task_struct *task, const char *name)
{
	unsigned char comm[TWOFOLD_COMM_BYTES] = {};
	__u32 matched = 1;

	if (!comm_filter)
		return true;
	if (name)
		bpf_probe_read_kernel_str(comm, sizeof(comm), name);
	else
		BPF_CORE_READ_STR_INTO(&comm, task, comm);
	for (int i = 0; i < TWOFOLD_COMM_BYTES - 1; i++) {
		if (!comm[i])
			break;
		matched = (matched & comm_accepts[comm[i]]) << 1 | (matched & comm_stars);
	}
	return matched >> comm_elements & 1;
}

/* The cgroup that a task is in, in the hierarchy of version 2. */
static __always_inline __u64 cgroup_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

static __always_inline bool in_cgroup(struct task_struct *task)
{
	struct cgroup *group = BPF_CORE_READ(task, cgroups, dfl_cgrp);

	for (int i = 0; i < MAX_CGROUP_DEPTH && group; i++) {
		void *parent;

		if (BPF_CORE_READ(group, kn, id) == cgroup_id)
			return true;
		parent = BPF_CORE_READ(group, self.parent);
		if (!parent)
			break;
		group = parent - bpf_core_field_offset(group->self);
	}
	return false;
}

/* Whether a thread is in scope but for its name. */
static __always_inline bool belongs(struct task_struct *task, const void *storage)
{
	const struct candidate *candidate;

	if (scope == TWOFOLD_SCOPE_SYSTEM)
		return true;
	if (scope == TWOFOLD_SCOPE_CGROUP)
		return in_cgroup(task);
	if (storage || !comm_filter)
		return storage;
	candidate = bpf_task_storage_get(&candidates, task, 0, 0);
	return candidate && candidate->belongs;
}

/* From now on the thread belongs, where nothing but this note could tell. False: it could not be
 * written. */
static __always_inline bool note_belonging(struct task_struct *task)
{
	struct candidate *candidate;

	if (!comm_filter || scope == TWOFOLD_SCOPE_SYSTEM || scope == TWOFOLD_SCOPE_CGROUP)
		return true;
	candidate = bpf_task_storage_get(&candidates, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!candidate) {
		count_loss(TWOFOLD_SOURCE_RECORDER, TWOFOLD_LOSS_TASK_STORAGE_FAILED, 1, 0);
		return false;
	}
	candidate->belongs = 1;
	return true;
}

/* Whether a thread that the first pass finds is in scope. */
static __always_inline bool is_found_in_scope(struct task_struct *task)
{
	__u32 id = scope == TWOFOLD_SCOPE_THREADS ? task->pid : task->tgid;

	if (scope == TWOFOLD_SCOPE_COMMAND)
		return false;
	if (scope == TWOFOLD_SCOPE_CGROUP && !in_cgroup(task))
		return false;
	if ((scope == TWOFOLD_SCOPE_PROCESSES || scope == TWOFOLD_SCOPE_THREADS) &&
	    !bpf_map_lookup_elem(&targets, &id))
		return false;
	note_belonging(task);
	return name_matches(task, NULL);
}

/* Whether a thread that is just being born is in scope. */
static __always_inline bool is_born_in_scope(struct task_struct *parent, const void *parent_storage,
					     struct task_struct *child)
{
	if (scope == TWOFOLD_SCOPE_THREADS)
		return false;
	if (scope == TWOFOLD_SCOPE_PROCESSES && child->tgid != parent->tgid)
		return false;
	/* It may be born into another cgroup than its parent's (clone3). */
	if (!(scope == TWOFOLD_SCOPE_CGROUP ? in_cgroup(child) : belongs(parent, parent_storage)))
		return false;
	note_belonging(child);
	return name_matches(child, NULL);
}

#endif
