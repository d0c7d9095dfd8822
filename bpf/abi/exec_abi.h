/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Executed programs. */
#ifndef TWOFOLD_ABI_EXEC_H
#define TWOFOLD_ABI_EXEC_H

#include "bpf/abi/base_abi.h"
#include "bpf/abi/events_abi.h"

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

#endif
