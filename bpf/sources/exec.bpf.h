/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Programs that are executed, one by one. Those that succeed are told of by process_exec
 * (bpf/programs/processes.bpf.h), once the thread has the number of its new image; those that fail
 * by the end of the system call, whose registers and memory still hold what it was asked for.
 *
 * Arguments leave the kernel only where record_arguments is set.
 */
#ifndef TWOFOLD_SOURCES_EXEC_BPF_H
#define TWOFOLD_SOURCES_EXEC_BPF_H

#include "bpf/abi/exec_abi.h"
#include "bpf/store/events.bpf.h"
#include "bpf/threads/threads.bpf.h"

#define MAX_ARGUMENTS 128  /* of a failed attempt; an image has them in one piece */
#define MAX_ERROR     4095 /* include/linux/err.h: MAX_ERRNO */

const volatile bool record_exec;
const volatile bool record_arguments;

/* What the classic tracepoints at the ends of system calls pass to programs
 * (kernel/trace/trace_syscalls.c: perf_call_bpf_exit). */
struct syscall_end {
	__u64 hidden;
	int number;
	long result;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct twofold_exec);
} exec_scratch SEC(".maps");

/* Begins an event; NULL: impossible. */
static __always_inline struct twofold_exec *begin_exec(struct task_struct *task, __u32 thread,
						       __u64 now_ns)
{
	struct twofold_exec *event;
	__u32 slot = 0;

	event = bpf_map_lookup_elem(&exec_scratch, &slot);
	if (!event)
		return NULL;
	__builtin_memset(event, 0, TWOFOLD_EXEC_HEAD_BYTES);
	event->kind = TWOFOLD_EVENT_EXEC;
	event->thread = thread;
	event->time_ns = now_ns;
	event->directory = TWOFOLD_NO_DIRECTORY;
	event->parent_tgid = BPF_CORE_READ(task, real_parent, tgid);
	BPF_CORE_READ_STR_INTO(&event->parent_comm, task, real_parent, group_leader, comm);
	return event;
}

/* Only the bytes that it uses. */
static __always_inline void send_exec(struct twofold_exec *event)
{
	__u64 text_bytes = event->file_bytes + event->argument_bytes;

	asm volatile("" : "+r"(text_bytes));
	if (text_bytes > TWOFOLD_FILE_BYTES + TWOFOLD_ARGUMENT_BYTES)
		return;
	if (!send_event(event, TWOFOLD_EXEC_HEAD_BYTES + text_bytes))
		count_loss(TWOFOLD_SOURCE_EXEC, TWOFOLD_LOSS_EVENT_LOST, 1, 0);
}

/* What a helper that reads strings returned, as the number of bytes that the event holds. */
static __always_inline __u32 file_bytes(long read)
{
	return read > 0 && read <= TWOFOLD_FILE_BYTES ? read : 0;
}

/* A thread's new program runs. */
static __always_inline void tell_exec(struct task_struct *task, __u32 thread, const char *file,
				      __u64 now_ns)
{
	struct mm_struct *mm = task->mm;
	struct twofold_exec *event;
	__u64 text, bytes;

	if (!record_exec)
		return;
	event = begin_exec(task, thread, now_ns);
	if (!event)
		return;
	event->file_bytes =
		file_bytes(bpf_probe_read_kernel_str(event->text, TWOFOLD_FILE_BYTES, file));
	text = event->file_bytes;
	if (record_arguments && mm && text <= TWOFOLD_FILE_BYTES) {
		bytes = mm->arg_end - mm->arg_start;
		asm volatile("" : "+r"(bytes));
		if (bytes > TWOFOLD_ARGUMENT_BYTES) {
			bytes = TWOFOLD_ARGUMENT_BYTES;
			event->arguments_cut = 1;
		}
		if (bpf_probe_read_user(event->text + text, bytes, (void *)mm->arg_start)) {
			bytes = 0;
			event->arguments_cut = 1;
		}
		event->argument_bytes = bytes;
	}
	send_exec(event);
}

/* Reads the strings that `argv` points to, one behind the other. */
static __always_inline void read_arguments(struct twofold_exec *event, const char *const *argv)
{
	__u64 text = event->file_bytes;
	__u64 used = 0;

	if (!argv || text > TWOFOLD_FILE_BYTES)
		return;
	event->arguments_cut = 1;
	for (int i = 0; i < MAX_ARGUMENTS; i++) {
		const char *argument = NULL;
		long bytes;

		if (bpf_probe_read_user(&argument, sizeof(argument), &argv[i]))
			break;
		if (!argument) {
			event->arguments_cut = 0;
			break;
		}
		bytes = bpf_probe_read_user_str(event->text + text + used,
						TWOFOLD_ARGUMENT_BYTES + 1, argument);
		if (bytes <= 0)
			break;
		used += bytes;
		/* The verifier shall know the sum that is compared. */
		asm volatile("" : "+r"(used));
		if (used > TWOFOLD_ARGUMENT_BYTES) {
			used = TWOFOLD_ARGUMENT_BYTES;
			break;
		}
	}
	event->argument_bytes = used;
}

/* What a system call was asked for. */
struct exec_request {
	int directory;
	const char *file;
	const char *const *argv;
};

static __always_inline void read_request(struct task_struct *task, bool at,
					 struct exec_request *request)
{
#if defined(__TARGET_ARCH_arm64)
	/* The first one gives way to the result. */
	struct pt_regs___arm64_call *registers =
		(struct pt_regs___arm64_call *)bpf_task_pt_regs(task);
	unsigned long first = BPF_CORE_READ(registers, orig_x0);
	unsigned long second = BPF_CORE_READ(registers, regs[1]);
	unsigned long third = BPF_CORE_READ(registers, regs[2]);
#else
	struct pt_regs___x86 *registers = (struct pt_regs___x86 *)bpf_task_pt_regs(task);
	unsigned long first = BPF_CORE_READ(registers, di);
	unsigned long second = BPF_CORE_READ(registers, si);
	unsigned long third = BPF_CORE_READ(registers, dx);
#endif

	request->directory = at ? (int)first : TWOFOLD_NO_DIRECTORY;
	request->file = (const char *)(at ? second : first);
	request->argv = (const char *const *)(at ? third : second);
}

/* A system call that was to execute a program ended. */
static __always_inline int tell_failed_exec(struct syscall_end *ctx, bool at)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct exec_request request = {};
	struct twofold_exec *event;
	struct twofold_task *state;
	long result = ctx->result;

	if (result >= 0 || result < -MAX_ERROR || is_over)
		return 0;
	state = bpf_task_storage_get(&tasks, task, 0, 0);
	if (!state)
		return 0;
	event = begin_exec(task, state->thread, bpf_ktime_get_ns());
	if (!event)
		return 0;
	event->error = -result;
	/* Before 5.15 nothing tells the registers. */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs)) {
		read_request(task, at, &request);
		event->directory = request.directory;
		event->file_bytes = file_bytes(
			bpf_probe_read_user_str(event->text, TWOFOLD_FILE_BYTES, request.file));
		if (record_arguments)
			read_arguments(event, request.argv);
	}
	send_exec(event);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_execve")
int execve_failed(struct syscall_end *ctx)
{
	return tell_failed_exec(ctx, false);
}

SEC("tracepoint/syscalls/sys_exit_execveat")
int execveat_failed(struct syscall_end *ctx)
{
	return tell_failed_exec(ctx, true);
}

#endif
