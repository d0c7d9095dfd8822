/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Single events, for the recorder to take one by one. */
#ifndef TWOFOLD_ABI_EVENTS_H
#define TWOFOLD_ABI_EVENTS_H

#include "bpf/abi/base_abi.h"

/* What each begins with. */
enum twofold_event_kind {
	TWOFOLD_EVENT_EXEC = 1,
	TWOFOLD_EVENT_RETRANSMIT = 2,
};

#endif
