/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The few kernel types that several programs look into, with only the fields that they read, and
 * the helpers that they read them with; what one source alone looks into is in its file. Offsets
 * are relocated at load time from the running kernel's BTF (CO-RE), so the order and the gaps here
 * mean nothing.
 */
#ifndef TWOFOLD_KERNEL_TYPES_H
#define TWOFOLD_KERNEL_TYPES_H

#include <linux/types.h>
#include <linux/bpf.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* The top page table, by its address in the kernel's map of all memory; where the arguments of the
 * program lie. */
struct mm_struct {
	__u64 *pgd;
	unsigned long arg_start;
	unsigned long arg_end;
};

struct linux_binprm {
	const char *filename; /* as the program gave it; of a script: the script's own */
};

struct rq {
	int cpu;
};

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	struct cfs_rq *cfs_rq;
	__u64 sum_exec_runtime;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup_subsys_state {
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp; /* in the hierarchy of version 2 */
};

struct signal_struct {
	struct {
		int counter;
	} live; /* threads of the process that have not exited */
	unsigned int flags;
	int group_exit_code;
};

struct task_struct {
	struct sched_entity se;
	unsigned int __state;
	void *stack; /* its lowest address */
	unsigned int flags;
	unsigned int on_cpu; /* a byte on newer kernels; without a sign a load can become smaller */
	int exit_state;
	int exit_code;
	unsigned long jobctl;
	int pid;
	int tgid;
	struct mm_struct *mm;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	__u64 utime;
	__u64 stime;
	unsigned long nvcsw;
	unsigned long nivcsw;
	__u64 start_boottime;
	struct css_set *cgroups;
	struct signal_struct *signal;
	char comm[16];
};

/* The registers of user mode as x86-64 keeps them ("___x86" is no part of the name, for CO-RE). */
struct pt_regs___x86 {
	unsigned long r10;
	unsigned long bp;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long ip;
	unsigned long cs;
	unsigned long sp;
};

/* The same of arm64. */
struct pt_regs___arm64_call {
	__u64 regs[31];
	__u64 orig_x0; /* the first argument of a system call; regs[0] becomes its result */
};

/* Before 5.14 (commit 2f064a59a11f) the state was a signed long named `state`. */
struct task_struct___before_5_14 {
	long state;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

/* Context of perf_event programs. */
struct bpf_perf_event_data {
	__u64 sample_period; /* events since the event's last sample on this CPU */
};

#pragma clang attribute pop

/* include/linux/sched.h; unchanged since 4.14. */
#define TASK_INTERRUPTIBLE   0x0001
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_STOPPED	     0x0004
#define TASK_TRACED	     0x0008
#define TASK_PARKED	     0x0040
#define TASK_DEAD	     0x0080
#define TASK_NOLOAD	     0x0400
#define TASK_NEW	     0x0800
#define TASK_FROZEN	     0x8000	/* since 6.1 (commit f5d39b020809) */
#define PF_USER_WORKER	     0x00004000 /* since 6.4; works for a process, inside the kernel only */
#define PF_FROZEN	     0x00010000 /* before 6.1; threads of the kernel use the bit again */
#define PF_KTHREAD	     0x00200000

/* include/linux/sched/jobctl.h: the freezer of cgroups of version 2 wants it, since 5.2 */
#define JOBCTL_TRAP_FREEZE (1UL << 23)

/* include/linux/sched/signal.h: all threads end by one call or signal */
#define SIGNAL_GROUP_EXIT 0x00000004

#include <asm-generic/errno.h>
#include <asm/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#endif
