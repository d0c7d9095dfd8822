/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the BPF programs and the recorder tell each other: keys and values of the maps. Both sides
 * assert the sizes. Times are CLOCK_MONOTONIC nanoseconds unless a name says otherwise.
 */
#ifndef TWOFOLD_ABI_H
#define TWOFOLD_ABI_H

#include <linux/types.h>

#ifdef __cplusplus
#define TWOFOLD_ASSERT(condition) static_assert(condition, #condition)
#else
#define TWOFOLD_ASSERT(condition) _Static_assert(condition, #condition)
#endif

#define TWOFOLD_MAX_FRAMES 127
#define TWOFOLD_FRAMES_CUT 0x80000000U
#define TWOFOLD_COMM_BYTES 16

/*
 * A stack is named by a 64-bit hash of its frames. Small numbers are no hashes but say why there is
 * none; hashes start at TWOFOLD_FIRST_STACK_HASH.
 */
enum twofold_stack_id {
	TWOFOLD_STACK_NONE = 0, /* none belongs here: no kernel stack in user mode, no user stack of
				   the kernel */
	TWOFOLD_STACK_MAP_FULL = 1,    /* lost: its map is full */
	TWOFOLD_STACK_MAP_BUSY = 2,    /* lost: its map was locked */
	TWOFOLD_STACK_UNREADABLE = 3,  /* the kernel could not walk it */
	TWOFOLD_STACK_NOT_TAKEN = 4,   /* blocked since before the recording began */
	TWOFOLD_STACK_CAPPED = 5,      /* lost: too many new stacks at once */
	TWOFOLD_STACK_RAN_UNSEEN = 6,  /* lost: the thread ran before its stack was walked */
	TWOFOLD_STACK_NOT_SAMPLED = 7, /* a waker's whose wake-up was not chosen to be walked */
	TWOFOLD_FIRST_STACK_HASH = 16,
};

/* Value of the stack maps; the key is the __u64 hash. Leaf first; frames beyond nframes are not
 * defined. */
struct twofold_stack {
	__u32 nframes; /* TWOFOLD_FRAMES_CUT added: it goes on in memory that could not be read */
	/* Where the code before frames[0] calls to, relative to frames[0]; 0: not known. The
	 * kernel's unwinder leaves the scheduler's own functions out of a sleeper's stack: this is
	 * the one that frames[0] called. */
	__s32 called;
	__u64 frames[TWOFOLD_MAX_FRAMES];
};
TWOFOLD_ASSERT(sizeof(struct twofold_stack) == 1024);

/* Rows of time off the CPU: what a thread waited in, and for how long in all. Values only grow. */
struct twofold_offcpu_key {
	__u64 kernel_stack;
	__u64 user_stack;
	__u64 chain; /* key of the chains; 0: not known, or none is recorded */
	__u32 thread;
	__u16 state; /* BlockState of format/capture.h, or one of the following */
	__u16 parts; /* kBegunBefore, kOpenAtEnd of format/capture.h */
};
TWOFOLD_ASSERT(sizeof(struct twofold_offcpu_key) == 32);

enum twofold_offcpu_state {
	TWOFOLD_LAST_BLOCK_STATE = 7,
	TWOFOLD_WAITING_WOKEN = 8,
	TWOFOLD_WAITING_PREEMPTED = 9,
};

/*
 * Intervals take turns between the two sums that each row has: the boundary at which an interval
 * begins tells in its lowest bit which of them is the interval's. So what comes after a boundary is
 * told apart from what came before it, however late the recorder reads.
 */
#define TWOFOLD_SUMS 2

#define TWOFOLD_PART_BEGUN_BEFORE 1
#define TWOFOLD_PART_OPEN_AT_END  2

/* An estimate: format/capture.h tells how it is made. */
struct twofold_offcpu_value {
	__u64 time_ns;
	__u64 count;
	__u64 sampled_ns;
	__u64 samples;
	__u64 variance_us2;
	__u64 count_variance;
};
TWOFOLD_ASSERT(sizeof(struct twofold_offcpu_value) == 48);

struct twofold_offcpu_sums {
	struct twofold_offcpu_value of[TWOFOLD_SUMS];
};
TWOFOLD_ASSERT(sizeof(struct twofold_offcpu_sums) == 96);

/* Rows of CPU samples. Values only grow. */
struct twofold_cpu_key {
	__u64 kernel_stack;
	__u64 user_stack;
	__u32 thread;
	__u32 padding;
};
TWOFOLD_ASSERT(sizeof(struct twofold_cpu_key) == 24);

struct twofold_cpu_sums {
	__u64 of[TWOFOLD_SUMS]; /* samples */
};
TWOFOLD_ASSERT(sizeof(struct twofold_cpu_sums) == 16);

/* The sampling on a CPU; a cache line of its own. Times are of CLOCK_MONOTONIC. */
struct twofold_sampling {
	__u64 moment_ns;      /* when the next sample is due; 0: before the first tick */
	__u64 period_end_ns;  /* of the period that it lies in */
	__u64 tick_ns;	      /* of the latest tick */
	__u64 tick_period_ns; /* of the timer; written by the recorder */
	__u64 padding[4];
};
TWOFOLD_ASSERT(sizeof(struct twofold_sampling) == 64);

/* Rows of hardware events, under the same keys. Values only grow. */
struct twofold_counter_value {
	__u64 cycles; /* sum of the samples' periods */
	__u64 cycle_samples;
	__u64 instructions;
	__u64 instruction_samples;
};
TWOFOLD_ASSERT(sizeof(struct twofold_counter_value) == 32);

struct twofold_counter_sums {
	struct twofold_counter_value of[TWOFOLD_SUMS];
};
TWOFOLD_ASSERT(sizeof(struct twofold_counter_sums) == 64);

/* Rows of memory: AllocationRow of format/capture.h. Values only grow. */
struct twofold_allocation_key {
	__u64 kernel_stack;
	__u64 user_stack;
	__u32 thread;
	__u32 kind; /* enum twofold_allocation_kind */
};
TWOFOLD_ASSERT(sizeof(struct twofold_allocation_key) == 24);

enum twofold_allocation_kind { /* AllocationKind of format/capture.h */
			       TWOFOLD_ALLOCATION_MALLOC = 1,
			       TWOFOLD_ALLOCATION_MMAP = 2,
			       TWOFOLD_ALLOCATION_KMALLOC = 3,
			       TWOFOLD_ALLOCATION_SLAB = 4,
			       TWOFOLD_ALLOCATION_PAGES = 5,
};

/* What an allocator function takes, and does; the cookie of its probe. */
enum twofold_allocator_function { /* AllocatorFunction of recorder/parser/elf_allocators.h */
				  TWOFOLD_ALLOCATOR_MALLOC = 0,
				  TWOFOLD_ALLOCATOR_CALLOC = 1,
				  TWOFOLD_ALLOCATOR_REALLOC = 2,
				  TWOFOLD_ALLOCATOR_REALLOCARRAY = 3,
				  TWOFOLD_ALLOCATOR_MEMALIGN = 4,
				  TWOFOLD_ALLOCATOR_POSIX_MEMALIGN = 5,
				  TWOFOLD_ALLOCATOR_FREE = 6,
				  TWOFOLD_ALLOCATOR_MMAP = 7,
				  TWOFOLD_ALLOCATOR_MREMAP = 8,
				  TWOFOLD_ALLOCATOR_MUNMAP = 9,
				  TWOFOLD_ALLOCATOR_NEW = 10,
				  TWOFOLD_ALLOCATOR_THROWING_NEW = 11,
};

struct twofold_allocation_value {
	__u64 allocated_bytes;
	__u64 allocated_count;
	__u64 samples;
	__u64 freed_bytes;
	__u64 freed_count;
	__u64 untracked_bytes;
	__u64 untracked_count;
};
TWOFOLD_ASSERT(sizeof(struct twofold_allocation_value) == 56);

/* The table of outstanding allocations that were kept. */
struct twofold_live_key {
	__u64 address;
	__u64 tgid; /* whose address; 0: the kernel's */
};
TWOFOLD_ASSERT(sizeof(struct twofold_live_key) == 16);

struct twofold_live {
	struct twofold_allocation_key row;
	__u64 weight_bytes; /* what it stands for */
	__u64 weight_count;
	__u64 size_bytes; /* its own */
	__u64 time_ns;
};
TWOFOLD_ASSERT(sizeof(struct twofold_live) == 56);

/* Whoever allocates in interrupt context, by its number of a thread. */
#define TWOFOLD_THREAD_INTERRUPT 0xffffffffU

/* What a thread can be doing. Blocked threads: TWOFOLD_BLOCKED plus BlockState of format/capture.h.
 */
enum twofold_thread_state {
	TWOFOLD_ON_CPU = 0,
	TWOFOLD_WOKEN = 1,     /* can run since it was woken or born, waits for a CPU */
	TWOFOLD_PREEMPTED = 2, /* can run, lost its CPU to another thread */
	TWOFOLD_BLOCKED = 2,
	TWOFOLD_BLOCKED_STOPPED = 5,
	TWOFOLD_STATES = 10,
};

/*
 * The thread table: a ring in an array map. Thread number n (1, 2, ...) lies in slot n % slots;
 * `thread` is written last. A thread gets a new number when it changes its name, its program image
 * or its cgroup.
 */
struct twofold_thread {
	__u64 created_ns;
	__u64 start_boottime_ns;	 /* of the thread */
	__u64 process_start_boottime_ns; /* of its process */
	__u64 cgroup_id;		 /* in the hierarchy of version 2 */
	__u32 tid;
	__u32 tgid;
	__u32 parent_tgid;
	__u32 thread;
	char comm[TWOFOLD_COMM_BYTES];
};
TWOFOLD_ASSERT(sizeof(struct twofold_thread) == 64);

/* Who or what wakes others: WakerKind of format/capture.h. Whether an interrupt is a timer's shows
 * in its frames. */
enum twofold_waker_kind {
	TWOFOLD_WAKER_TASK = 1,
	TWOFOLD_WAKER_HARDIRQ = 2,
	TWOFOLD_WAKER_SOFTIRQ = 3,
};

/* Value of the waker map; the key is a __u64 hash of it. */
struct twofold_waker {
	__u64 kernel_stack;
	__u64 user_stack;
	__u32 kind;
	__u32 padding;
	/* The thread. Where it is in scope only its number counts; else number is 0 and the rest
	 * tells who it is. */
	struct twofold_thread who;
};
TWOFOLD_ASSERT(sizeof(struct twofold_waker) == 88);

#define TWOFOLD_MAX_WAKERS 8

/* Value of the chain map; the key is a __u64 hash of it. */
struct twofold_chain {
	__u64 length;
	__u64 wakers[TWOFOLD_MAX_WAKERS]; /* keys of the waker map, the nearest first */
};
TWOFOLD_ASSERT(sizeof(struct twofold_chain) == 72);

/* Waits for a CPU by length: bucket 0 below 1 us, n from 2^(n-1) us up to below 2^n us. */
#define TWOFOLD_WAIT_BUCKETS 26

/*
 * Kept for each thread in scope, in task storage.
 *
 * Time off the CPU is credited in parts: whoever changes blocked_since_ns (or waiting_since_ns)
 * atomically away from a value credits the part that began then, so every part is credited exactly
 * once, whatever races.
 */
struct twofold_task {
	__u64 blocked_since_ns; /* start of the part of the open block that no row has yet; 0: none
				 */
	__u64 waiting_since_ns; /* the same for a wait for a CPU */
	__u64 block_began_ns;	/* of the open block, or of the last one */
	/* The last part of a block that ended, and was chosen: its row is written where the thread
	 * goes on. Whoever changes pending_end_ns atomically away from a value credits it. */
	__u64 pending_end_ns; /* when the block ended; 0: none is pending */
	__u64 pending_ns; /* its length, from the boundary on if it began before that; 0: not kept
			   */
	__u64 pending_quantum_ns; /* the quantum that it was chosen by; 0: it is certain */
	__u64 pending_before_ns;  /* the same for what lies before the boundary */
	__u64 pending_before_quantum_ns;
	__u64 pending_walk_ns; /* by which the walk of the waker prolonged the block */
	__u64 chain;	       /* of the pending part */
	__u64 cpu_ns;	/* CPU time of the thread when it last left the CPU, as the scheduler counts
			   it */
	__u64 switches; /* how often it had left a CPU when it last did */
	/* Stacks that the pass over all tasks walked while the thread was off the CPU: those of the
	 * time after its switch number held_switches - 1. */
	__u64 held_switches;
	__u64 held_kernel_stack;
	__u64 held_user_stack;
	__u64 user_stack; /* where it is taken when a block begins: the one of the latest block */
	/* What woke the thread, after it last blocked. wakers[0] may be 0: then last_waker is it.
	 */
	__u64 wakers[TWOFOLD_MAX_WAKERS];
	__u32 nwakers;
	__u32 last_waker_thread;
	__u32 last_waker_kind;
	__u32 block_state; /* of the open block, or of the last one */
	__u32 continued;   /* parts of the open block were credited before */
	__u32 thread;	   /* row of the thread table; 0: it had no room */
	__u32 renames;	   /* how often the thread changed its name */
	__u32 dead;
	/* Where its time went, since it took this row of the thread table. */
	__u64 since_ns; /* of the present state; 0: as the recording found it, no event came yet */
	__u32 state;
	__u32 padding;
	__u64 changes; /* odd while a program changes what is above and below */
	__u64 user_ns_before;
	__u64 system_ns_before;
	__u64 time_ns[TWOFOLD_STATES];
	__u32 waits[TWOFOLD_WAIT_BUCKETS];
	/* As time_ns was at a boundary: kept by the first change of state after it. */
	__u64 boundary_ns;
	__u64 boundary_time_ns[TWOFOLD_STATES];
	/* Time that the recorder has in an account of this row that was handed over. */
	__u64 handed_over_ns;
	__u64 told_boundary_ns; /* the latest boundary up to which it has one */
	/* The cgroup that the row tells of, and where the kernel had it: as long as the thread's
	 * css_set is the same, its cgroup is, too. */
	__u64 cgroup_id;
	__u64 css_set;
};
TWOFOLD_ASSERT(sizeof(struct twofold_task) == 568);

/* A thread's account up to a moment: written by the pass over all tasks, and when a row of the
 * thread table ends. A short one has no more than its first TWOFOLD_SHORT_ACCOUNT_BYTES. */
struct twofold_account {
	__u32 thread;
	__u32 ended; /* the thread took another row, or exited */
	__u64 at_ns;
	__u64 user_ns; /* the scheduler's own estimate of how its CPU time divides */
	__u64 system_ns;
	__u64 time_ns[TWOFOLD_STATES];
	__u32 waits[TWOFOLD_WAIT_BUCKETS];
	/* Where the process ends with this thread: */
	__u32 is_end;
	__u32 wait_status; /* as wait(2) gives it to the parent */
};
TWOFOLD_ASSERT(sizeof(struct twofold_account) == 224);
#define TWOFOLD_SHORT_ACCOUNT_BYTES 112
TWOFOLD_ASSERT(__builtin_offsetof(struct twofold_account, waits) == TWOFOLD_SHORT_ACCOUNT_BYTES);

/* The longest blocks and waits that ended on one CPU in an interval. */
#define TWOFOLD_EXEMPLARS      16
#define TWOFOLD_EXEMPLAR_KINDS 3

enum twofold_exemplar_kind { /* ExemplarKind of format/capture.h, less one */
			     TWOFOLD_EXEMPLAR_INTERRUPTIBLE = 0,
			     TWOFOLD_EXEMPLAR_UNINTERRUPTIBLE = 1,
			     TWOFOLD_EXEMPLAR_WAITING = 2,
};

struct twofold_exemplar {
	__u64 start_ns;
	__u64 end_ns; /* 0: this place is empty */
	__u64 kernel_stack;
	__u64 user_stack;
	__u64 chain;
	__u32 thread;
	__u16 state; /* as in twofold_offcpu_key */
	__u16 open;  /* still going on when the recording ended */
};
TWOFOLD_ASSERT(sizeof(struct twofold_exemplar) == 48);

struct twofold_exemplars {
	__u64 shortest_ns; /* of all that are kept; 0 while there is room */
	__u64 shortest;	   /* which one it is */
	struct twofold_exemplar kept[TWOFOLD_EXEMPLARS];
};
TWOFOLD_ASSERT(sizeof(struct twofold_exemplars) == 784);

/* The maps that come in pairs. */
enum twofold_map_set {
	TWOFOLD_SET_OFFCPU_STACKS,
	TWOFOLD_SET_OFFCPU_ROWS,
	TWOFOLD_SET_WAKERS,
	TWOFOLD_SET_CHAINS,
	TWOFOLD_SET_CPU_STACKS,
	TWOFOLD_SET_CPU_ROWS,
	TWOFOLD_SET_COUNTER_STACKS,
	TWOFOLD_SET_COUNTER_ROWS,
	TWOFOLD_SET_MEMORY_STACKS,
	TWOFOLD_SET_MEMORY_ROWS,
	TWOFOLD_SET_TCP_STACKS,
	TWOFOLD_SET_TCP_ROWS,
	TWOFOLD_SETS,
};

/* How many new keys the programs on one CPU put into maps. */
struct twofold_inserts {
	__u64 total;
	__u32 period;	 /* insert_period that in_period counts in */
	__u32 in_period; /* at most insert_limit */
};
TWOFOLD_ASSERT(sizeof(struct twofold_inserts) == 16);

/* Losses, per CPU, by source and cause; the numbers are those of format/losses.h. */
#define TWOFOLD_LOSS_SOURCES 7
#define TWOFOLD_LOSS_CAUSES  32

struct twofold_loss {
	__u64 count;
	__u64 time_ns;
};

enum twofold_loss_source {
	TWOFOLD_SOURCE_RECORDER = 0,
	TWOFOLD_SOURCE_CPU = 1,
	TWOFOLD_SOURCE_OFFCPU = 2,
	TWOFOLD_SOURCE_COUNTERS = 3,
	TWOFOLD_SOURCE_MEMORY = 4,
	TWOFOLD_SOURCE_TCP = 5,
	TWOFOLD_SOURCE_EXEC = 6,
};

enum twofold_loss_cause {
	TWOFOLD_LOSS_STACK_MAP_FULL = 1,
	TWOFOLD_LOSS_ROW_MAP_FULL = 2,
	TWOFOLD_LOSS_THREAD_TABLE_FULL = 3,
	TWOFOLD_LOSS_KERNEL_STACK_FAILED = 4,
	TWOFOLD_LOSS_USER_STACK_FAILED = 5,
	TWOFOLD_LOSS_MAP_BUSY = 6,
	TWOFOLD_LOSS_TASK_STORAGE_FAILED = 7,
	TWOFOLD_LOSS_USER_STACK_NOT_TAKEN = 12,
	TWOFOLD_LOSS_WAKEUP_MISSED = 14,
	TWOFOLD_LOSS_ACCOUNT_LOST = 15,
	TWOFOLD_LOSS_INSERTS_CAPPED = 16,
	TWOFOLD_LOSS_RAN_UNSEEN = 17,
	TWOFOLD_LOSS_CHAIN_LOST = 18,
	TWOFOLD_LOSS_EVENT_LOST = 22,
	TWOFOLD_LOSS_EVENT_TIME_LOST = 23,
	TWOFOLD_LOSS_ALLOCATION_TABLE_FULL = 24,
	TWOFOLD_LOSS_FREE_UNSEEN = 25,
	TWOFOLD_LOSS_FREE_LOST = 26,
	TWOFOLD_LOSS_ALLOCATION_UNSEEN = 27,
};

/* Single events: what each begins with. */
enum twofold_event_kind {
	TWOFOLD_EVENT_EXEC = 1,
	TWOFOLD_EVENT_RETRANSMIT = 2,
};

#define TWOFOLD_FILE_BYTES     4096 /* include/uapi/linux/limits.h: PATH_MAX */
#define TWOFOLD_ARGUMENT_BYTES 4096
#define TWOFOLD_NO_DIRECTORY   (-100) /* include/uapi/linux/fcntl.h: AT_FDCWD */

/* A program that was executed, or could not be. */
struct twofold_exec {
	__u32 kind;
	__u32 thread; /* that executes; of a success: as it is from now on */
	__u64 time_ns;
	__u32 error;	 /* 0: it succeeded */
	__s32 directory; /* descriptor that the file is relative to */
	__u32 parent_tgid;
	__u32 arguments_cut;
	char parent_comm[TWOFOLD_COMM_BYTES]; /* of the parent's main thread */
	__u32 file_bytes; /* with the byte 0 at its end; 0: it could not be read */
	__u32 argument_bytes;
	/* First the file, then the arguments, each with a byte 0 behind it unless it was cut. There
	 * is room for one argument too many. */
	char text[TWOFOLD_FILE_BYTES + 2 * TWOFOLD_ARGUMENT_BYTES + 8];
};
#define TWOFOLD_EXEC_HEAD_BYTES 56
TWOFOLD_ASSERT(__builtin_offsetof(struct twofold_exec, text) == TWOFOLD_EXEC_HEAD_BYTES);

/* Who holds a socket. */
struct twofold_holder {
	__u64 process_start_boottime_ns;
	__u32 tgid; /* 0: not known */
	__u32 padding;
	char comm[TWOFOLD_COMM_BYTES]; /* of the main thread */
};
TWOFOLD_ASSERT(sizeof(struct twofold_holder) == 32);

/* One descriptor of a socket, as the pass over all descriptors finds it. */
struct twofold_descriptor {
	__u64 socket;
	struct twofold_holder holder;
};
TWOFOLD_ASSERT(sizeof(struct twofold_descriptor) == 40);

/* Rows of packets that TCP sent again. Values only grow. */
struct twofold_retransmit_key {
	__u64 socket; /* the kernel's cookie; of the answer to a SYN: the listening socket's */
	__u64 kernel_stack;
	struct twofold_holder noted; /* who connected or listened */
	__u32 local_address[4];	     /* of IPv4 the first word; in network order */
	__u32 remote_address[4];
	__u32 net_namespace;
	__u16 local_port;
	__u16 remote_port;
	__u16 family; /* AF_INET, AF_INET6 */
	__u8 state;   /* TcpState of format/capture.h */
	__u8 kind;    /* RetransmitKind of format/capture.h */
	__u32 failed;
};
TWOFOLD_ASSERT(sizeof(struct twofold_retransmit_key) == 96);

enum twofold_retransmit_kind {
	TWOFOLD_RETRANSMIT_OTHER = 0,
	TWOFOLD_RETRANSMIT_TIMEOUT = 1,
	TWOFOLD_RETRANSMIT_FAST = 2,
	TWOFOLD_RETRANSMIT_PROBE = 3,
	TWOFOLD_RETRANSMIT_SYN = 4,
	TWOFOLD_RETRANSMIT_SYN_ACK = 5,
};

struct twofold_retransmit_value {
	__u64 packets;
	__u64 segments;
	__u64 bytes;
};
TWOFOLD_ASSERT(sizeof(struct twofold_retransmit_value) == 24);

/* One packet. Its row has it already. */
struct twofold_retransmit {
	__u32 kind; /* twofold_event_kind */
	__u32 segments;
	__u64 time_ns;
	__u32 bytes;
	__u32 padding;
	struct twofold_retransmit_key key;
};
TWOFOLD_ASSERT(sizeof(struct twofold_retransmit) == 120);

/* What the pass over all descriptors does (program visit_socket). */
enum twofold_socket_pass {
	TWOFOLD_SOCKETS_SEED = 1, /* note who holds the sockets that exist already */
	TWOFOLD_SOCKETS_TELL = 2, /* tell who holds those that sent something again */
};

/* By what the threads to follow are chosen; their names may narrow it further. */
enum twofold_scope {
	TWOFOLD_SCOPE_SYSTEM = 0,
	TWOFOLD_SCOPE_PROCESSES = 1,
	TWOFOLD_SCOPE_THREADS = 2, /* those that were named, none that they start */
	TWOFOLD_SCOPE_CGROUP = 3,  /* while they are in a cgroup or below it */
	TWOFOLD_SCOPE_COMMAND = 4, /* a process, and its descendants */
};

/* What a pass over all tasks does (program visit_task). */
enum twofold_pass {
	TWOFOLD_PASS_SEED =
		1, /* put the tasks in scope into the table; open the blocks that they are in */
	TWOFOLD_PASS_CLIP =
		2, /* credit open blocks up to the boundary and go on from there; write accounts */
	TWOFOLD_PASS_LAST = 3, /* the same, and nothing comes after it */
};

#endif
