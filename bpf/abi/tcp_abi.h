/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Packets that TCP sent again. */
#ifndef TWOFOLD_ABI_TCP_H
#define TWOFOLD_ABI_TCP_H

#include "bpf/abi/base_abi.h"
#include "bpf/abi/events_abi.h"

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

#endif
