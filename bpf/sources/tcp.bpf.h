/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packets that TCP sent again: sums by connection, reason and stack, and one event for each packet.
 *
 * They are sent by timers and by whatever interrupt brings an answer, so the thread that runs then
 * has nothing to do with them. Who holds a socket is noted where a process connects or listens; an
 * accepted socket has the note of the one that listened. At an interval's end a pass over all
 * descriptors tells who holds those that sent something again (recorder/tracer/socket_owners.h
 * decides).
 */
#ifndef TWOFOLD_SOURCES_TCP_BPF_H
#define TWOFOLD_SOURCES_TCP_BPF_H

#include "bpf/abi/tcp_abi.h"
#include "bpf/kernel/interrupts.bpf.h"
#include "bpf/store/events.bpf.h"
#include "bpf/store/stacks.bpf.h"
#include "bpf/threads/accounts.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr___twofold {
	__u32 words[4];
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

struct sock_common {
	unsigned short skc_family;
	unsigned char skc_state;
	__u16 skc_dport; /* big endian */
	__u16 skc_num;
	__u32 skc_daddr; /* big endian, like all addresses */
	__u32 skc_rcv_saddr;
	struct in6_addr___twofold skc_v6_daddr;
	struct in6_addr___twofold skc_v6_rcv_saddr;
	struct {
		struct net *net;
	} skc_net;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
};

struct socket {
	struct sock *sk;
};

struct inet_connection_sock {
	__u8 icsk_ca_state : 5;
	__u8 icsk_pending;
};

struct request_sock {
	struct sock_common __req_common;
};

struct sk_buff {
	char cb[48];
};

/* Of TCP, in sk_buff.cb. */
struct tcp_skb_cb {
	__u32 seq;
	__u32 end_seq;
	__u16 tcp_gso_segs;
	__u8 tcp_flags; /* the lower half of what newer kernels have */
};

struct file;

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

#pragma clang attribute pop

/* include/linux/socket.h, include/uapi/linux/in.h, include/net/tcp_states.h */
#define AF_INET	     2
#define AF_INET6     10
#define IPPROTO_TCP  6
#define TCP_SYN_SENT 2
#define TCP_LISTEN   10

/* include/uapi/linux/tcp.h (tcp_ca_state), include/net/inet_connection_sock.h, include/net/tcp.h */
#define TCP_CA_RECOVERY	     3
#define TCP_CA_LOSS	     4
#define ICSK_TIME_LOSS_PROBE 5
#define TCPHDR_FIN	     0x01
#define TCPHDR_SYN	     0x02

/* From 6.15 on (it passes the error) the tracepoint tells of packets that could not be sent, too.
 */
const volatile bool retransmit_passes_error;

__u32 socket_pass;	 /* enum twofold_socket_pass; written by the recorder */
__u32 socket_generation; /* counted up by the recorder at each reading */

struct socket_note {
	struct twofold_holder holder;
	__u32 generation; /* when it last sent something again */
	__u32 padding;
};

/* An accepted socket gets a copy of the one that listens. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct socket_note);
} sockets SEC(".maps");

TWOFOLD_MAP_SET(tcp_stacks, __u64, struct twofold_stack);
TWOFOLD_MAP_SET(tcp_rows, struct twofold_retransmit_key, struct twofold_retransmit_value);

struct tcp_scratch {
	struct twofold_stack stack;
	struct twofold_retransmit event;
};

/* One for each program: an interrupt may run the other one in between. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct tcp_scratch);
} tcp_scratch SEC(".maps");

static __always_inline void describe_holder(struct twofold_holder *holder, struct task_struct *task)
{
	holder->process_start_boottime_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	holder->tgid = task->tgid;
	BPF_CORE_READ_STR_INTO(&holder->comm, task, group_leader, comm);
}

/* Both happen in the context of the process that asks for it. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_state, struct sock *sk, int old_state, int new_state)
{
	struct socket_note *note;

	if (new_state != TCP_SYN_SENT && new_state != TCP_LISTEN)
		return 0;
	note = bpf_sk_storage_get(&sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (note)
		describe_holder(&note->holder, bpf_get_current_task_btf());
	return 0;
}

SEC("iter/task_file")
int visit_socket(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct twofold_descriptor descriptor = {};
	struct socket_note *note;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || sk->sk_protocol != IPPROTO_TCP ||
	    (sk->__sk_common.skc_family != AF_INET && sk->__sk_common.skc_family != AF_INET6))
		return 0;
	if (socket_pass == TWOFOLD_SOCKETS_SEED) {
		note = bpf_sk_storage_get(&sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
		if (note && !note->holder.tgid)
			describe_holder(&note->holder, task);
		return 0;
	}
	note = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	if (!note || note->generation != socket_generation)
		return 0;
	descriptor.socket = bpf_get_socket_cookie(sk);
	describe_holder(&descriptor.holder, task);
	bpf_seq_write(ctx->meta->seq, &descriptor, sizeof(descriptor));
	return 0;
}

static __always_inline void describe_flow(struct twofold_retransmit_key *key,
					  const struct sock_common *flow)
{
	key->family = BPF_CORE_READ(flow, skc_family);
	key->state = BPF_CORE_READ(flow, skc_state);
	key->local_port = BPF_CORE_READ(flow, skc_num);
	key->remote_port = bpf_ntohs(BPF_CORE_READ(flow, skc_dport));
	if (key->family == AF_INET6) {
		BPF_CORE_READ_INTO(&key->local_address, flow, skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&key->remote_address, flow, skc_v6_daddr);
	} else {
		key->local_address[0] = BPF_CORE_READ(flow, skc_rcv_saddr);
		key->remote_address[0] = BPF_CORE_READ(flow, skc_daddr);
	}
}

/* As the kernel's own counter of segments sent again counts: what fails before a packet is made is
 * not in it. */
static __always_inline bool is_counted(int error)
{
	return error != -EBUSY && error != -EAGAIN && error != -EINVAL && error != -ENOMEM &&
	       error != -EHOSTUNREACH;
}

static __always_inline __u8 kind_of(struct sock *sk, __u32 flags)
{
	struct inet_connection_sock *connection = (struct inet_connection_sock *)sk;
	__u32 phase = BPF_CORE_READ_BITFIELD_PROBED(connection, icsk_ca_state);

	if (flags & TCPHDR_SYN)
		return TWOFOLD_RETRANSMIT_SYN;
	if (phase == TCP_CA_LOSS)
		return TWOFOLD_RETRANSMIT_TIMEOUT;
	if (phase == TCP_CA_RECOVERY)
		return TWOFOLD_RETRANSMIT_FAST;
	if (BPF_CORE_READ(connection, icsk_pending) == ICSK_TIME_LOSS_PROBE)
		return TWOFOLD_RETRANSMIT_PROBE;
	return TWOFOLD_RETRANSMIT_OTHER;
}

/* Fills in what the socket and the stack tell, and adds the packet to its row. */
static __always_inline void add_retransmit(void *ctx, struct sock *sk, struct tcp_scratch *scratch)
{
	struct twofold_retransmit *event = &scratch->event;
	struct twofold_retransmit_key *key = &event->key;
	const struct stack_map stacks =
		stacks_in_use(&tcp_stacks_sets, TWOFOLD_SET_TCP_STACKS, TWOFOLD_SOURCE_TCP);
	__u32 context = present_context(bpf_get_current_task_btf());
	struct twofold_retransmit_value *row;
	struct socket_note *note;
	long bytes;

	event->kind = TWOFOLD_EVENT_RETRANSMIT;
	event->time_ns = bpf_ktime_get_ns();
	key->net_namespace = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	key->socket = bpf_get_socket_cookie(sk);
	note = bpf_sk_storage_get(&sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (note) {
		note->generation = socket_generation;
		key->noted = note->holder;
	}
	bytes = bpf_get_stack(ctx, scratch->stack.frames, sizeof(scratch->stack.frames), 0);
	if (context != CONTEXT_TASK)
		bytes = cut_at_entry(&scratch->stack, &context, bytes);
	key->kernel_stack = store_stack(&stacks, &scratch->stack, bytes, false,
					TWOFOLD_LOSS_KERNEL_STACK_FAILED);
	row = find_row(&tcp_rows_sets, TWOFOLD_SET_TCP_ROWS, TWOFOLD_SOURCE_TCP, key, 1, 0);
	if (!row)
		return;
	__sync_fetch_and_add(&row->packets, 1);
	__sync_fetch_and_add(&row->segments, event->segments);
	__sync_fetch_and_add(&row->bytes, event->bytes);
	if (!send_event(event, sizeof(*event)))
		count_loss(TWOFOLD_SOURCE_TCP, TWOFOLD_LOSS_EVENT_TIME_LOST, 1, 0);
}

static __always_inline struct tcp_scratch *begin_retransmit(__u32 slot)
{
	struct tcp_scratch *scratch;

	if (is_over)
		return NULL;
	scratch = bpf_map_lookup_elem(&tcp_scratch, &slot);
	if (scratch)
		__builtin_memset(&scratch->event, 0, sizeof(scratch->event));
	return scratch;
}

SEC("tp_btf/tcp_retransmit_skb")
int retransmit(__u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	struct sk_buff *packet = (struct sk_buff *)ctx[1];
	struct tcp_skb_cb *control = (void *)packet + bpf_core_field_offset(packet->cb);
	struct tcp_scratch *scratch = begin_retransmit(0);
	struct twofold_retransmit *event;
	int error = 0;
	__u32 flags;

	if (!scratch)
		return 0;
	event = &scratch->event;
	if (retransmit_passes_error)
		error = (int)ctx[2];
	flags = BPF_CORE_READ(control, tcp_flags);
	if (is_counted(error)) {
		event->segments = BPF_CORE_READ(control, tcp_gso_segs);
		event->bytes = BPF_CORE_READ(control, end_seq) - BPF_CORE_READ(control, seq) -
			       !!(flags & TCPHDR_SYN) - !!(flags & TCPHDR_FIN);
	}
	describe_flow(&event->key, &sk->__sk_common);
	event->key.kind = kind_of(sk, flags);
	event->key.failed = !!error;
	add_retransmit(ctx, sk, scratch);
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(retransmit_synack, struct sock *sk, struct request_sock *request)
{
	struct tcp_scratch *scratch = begin_retransmit(1);

	if (!scratch)
		return 0;
	scratch->event.segments = 1;
	describe_flow(&scratch->event.key, &request->__req_common);
	scratch->event.key.kind = TWOFOLD_RETRANSMIT_SYN_ACK;
	add_retransmit(ctx, sk, scratch);
	return 0;
}

#endif
