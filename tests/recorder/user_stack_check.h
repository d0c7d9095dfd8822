// What user_stack_check.bpf.c and user_stack_live_test.cc tell each other.
#pragma once

#include "bpf/abi/stacks_abi.h"

// Where a walk is compared.
enum check_place {
  CHECK_SWITCH_IN = 0,
  CHECK_WAKING = 1,
  CHECK_PASS = 2,
  CHECK_PLACES = 3,
};

// How the frames of a walk relate to those that the kernel took.
enum check_relation {
  CHECK_SAME = 0,
  CHECK_SHORTER = 1,
  CHECK_LONGER = 2,
  CHECK_DIFFERENT = 3,
};

#define CHECK_DIFFERENCES 64  // that are kept for the message; all are counted

struct check_counts {
  __u64 walks;
  __u64 frames;
  __u64 different;
  __u64 longer;  // begins with what the kernel took, and goes on
  __u64 cut;     // ended early, and said so
};

struct check_difference {
  __u32 place;
  __u32 relation;
  __s64 result;
  char comm[TWOFOLD_COMM_BYTES];
  struct twofold_stack taken;
  struct twofold_stack walked;
};
