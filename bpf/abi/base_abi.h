/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the keys and values of all maps share. Programs and recorder tell each other in maps; both
 * sides assert the sizes. Times are CLOCK_MONOTONIC nanoseconds unless a name says otherwise.
 */
#ifndef TWOFOLD_ABI_BASE_H
#define TWOFOLD_ABI_BASE_H

#include <linux/types.h>

#ifdef __cplusplus
#define TWOFOLD_ASSERT(condition) static_assert(condition, #condition)
#else
#define TWOFOLD_ASSERT(condition) _Static_assert(condition, #condition)
#endif

#define TWOFOLD_COMM_BYTES 16

/*
 * Intervals take turns between the two sums that each row has: the boundary at which an interval
 * begins tells in its lowest bit which of them is the interval's. So what comes after a boundary is
 * told apart from what came before it, however late the recorder reads.
 */
#define TWOFOLD_SUMS 2

#endif
