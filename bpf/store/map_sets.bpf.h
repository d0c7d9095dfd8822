/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Maps that programs put new keys into. Each may exist twice: when the one in use fills up, the
 * recorder makes a fresh one, turns map_set to it, waits until no program can still be at the old
 * one, reads that for the last time and gives it back. Keys of stacks, wakers and chains are hashes
 * of what they name, so they mean the same in either map.
 *
 * New keys are rationed on each CPU: inserting takes locks that CPUs contend for, looking up and
 * adding does not.
 */
#ifndef TWOFOLD_STORE_MAP_SETS_BPF_H
#define TWOFOLD_STORE_MAP_SETS_BPF_H

#include "bpf/abi/map_sets_abi.h"
#include "bpf/store/losses.bpf.h"

const volatile __u32 insert_limit = 1; /* on each CPU, in each insert_period */

__u32 map_set[TWOFOLD_SETS];  /* 0 or 1: which map of each pair is in use */
__u32 insert_period;	      /* counted up by the recorder */
__u32 inserted[TWOFOLD_SETS]; /* keys in the maps in use, about; reset by the recorder */

/* What rows are when they are put in; the verifier sees to it that it is as long as any of them. */
const __u64 empty_row[16] = {};

#define TWOFOLD_MAP_SET(name, key_type, value_type)                                                \
	struct name##_map {                                                                        \
		__uint(type, BPF_MAP_TYPE_HASH);                                                   \
		__uint(max_entries, 1);                                                            \
		__type(key, key_type);                                                             \
		__type(value, value_type);                                                         \
	} name SEC(".maps");                                                                       \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);                                          \
		__uint(max_entries, 2);                                                            \
		__type(key, __u32);                                                                \
		__array(values, struct name##_map);                                                \
	} name##_sets SEC(".maps") = {                                                             \
		.values = {(void *)&name},                                                         \
	}

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct twofold_inserts);
} inserts SEC(".maps");

static __always_inline void *map_in_use(void *places, enum twofold_map_set set)
{
	__u32 place = map_set[set] & 1;

	return bpf_map_lookup_elem(places, &place);
}

/* Takes one insert out of this CPU's ration; false when there is none left. */
static __always_inline bool may_insert(void)
{
	struct twofold_inserts *ration;
	__u32 slot = 0;

	ration = bpf_map_lookup_elem(&inserts, &slot);
	if (!ration)
		return false;
	if (ration->period != insert_period) {
		ration->period = insert_period;
		ration->in_period = 0;
	}
	if (ration->in_period >= insert_limit)
		return false;
	/* A sampling interrupt may come in between: atomic. */
	__sync_fetch_and_add(&ration->in_period, 1);
	__sync_fetch_and_add(&ration->total, 1);
	return true;
}

/* Puts a key into a map of a set unless it is there. Returns 0, or a loss cause. */
static __always_inline __u32 insert_once(void *map, enum twofold_map_set set, const void *key,
					 const void *value)
{
	long err;

	if (!may_insert())
		return TWOFOLD_LOSS_INSERTS_CAPPED;
	err = bpf_map_update_elem(map, key, value, BPF_NOEXIST);
	if (!err)
		__sync_fetch_and_add(&inserted[set], 1);
	if (!err || err == -EEXIST)
		return 0;
	return err == -E2BIG || err == -ENOMEM ? TWOFOLD_LOSS_ROW_MAP_FULL : TWOFOLD_LOSS_MAP_BUSY;
}

/* The row of a key, put in if it is not there yet. NULL: it could not be, and `cause` says why. */
static __always_inline void *find_or_insert(void *places, enum twofold_map_set set, const void *key,
					    __u32 *cause)
{
	void *rows = map_in_use(places, set), *row;

	*cause = TWOFOLD_LOSS_MAP_BUSY;
	if (!rows)
		return NULL;
	row = bpf_map_lookup_elem(rows, key);
	if (row)
		return row;
	*cause = insert_once(rows, set, key, empty_row);
	if (*cause)
		return NULL;
	*cause = TWOFOLD_LOSS_MAP_BUSY;
	return bpf_map_lookup_elem(rows, key);
}

/* The same for what is lost without a row: that is counted, as `lost_count` and `lost_ns`. */
static __always_inline void *find_row(void *places, enum twofold_map_set set,
				      enum twofold_loss_source source, const void *key,
				      __u64 lost_count, __u64 lost_ns)
{
	__u32 cause;
	void *row = find_or_insert(places, set, key, &cause);

	if (!row)
		count_loss(source, cause, lost_count, lost_ns);
	return row;
}

#endif
