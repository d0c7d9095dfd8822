// The BPF programs and their maps, as bpftool's skeleton names them; and the types of what they
// share with the recorder, which the skeleton needs.
#pragma once

#include <bpf/libbpf.h>

#include "bpf/abi/direct_map_abi.h"
#include "bpf/abi/tcp_abi.h"
#include "bpf/abi/threads_abi.h"
// The skeleton needs the types above.
#include "bpf/twofold.skel.h"
