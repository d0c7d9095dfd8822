-- The tables that a capture becomes: a public contract (docs/sql.md is made from this file and
-- views/*.sql by describe.py). Several captures fit in one database: ids are counted through the
-- database, and capture_id says which capture a row comes from where that does not follow from the
-- row it refers to.
--
-- Conventions
--   Times are nanoseconds of CLOCK_MONOTONIC since the window's start, unless a column names
--   another clock. A column that refers to nothing is NULL, never 0.
--   Text is as recorded: escape it before it reaches a terminal or a page.
--   Form for describe.py: the comment above a table describes the table, the comment after a
--   column, with the comment lines that follow it, describes the column.
--
-- A change of this file or of a view raises user_version and adds a note to docs/sql.md's history
-- (analyzer/sql/history.md).

PRAGMA application_id = 845573220;
PRAGMA user_version = 11;

-- One row per capture: what was recorded, where, when and how.
CREATE TABLE capture (
  capture_id INTEGER PRIMARY KEY,  -- 1, 2, 3 ... in the order of loading
  file_name TEXT NOT NULL,  -- the capture's name without its folders; '-' for standard input
  file_bytes INTEGER NOT NULL,  -- size of the file
  recorder_version TEXT NOT NULL,  -- version of twofold-record
  hostname TEXT NOT NULL,  -- name of the host
  kernel_release TEXT NOT NULL,  -- as uname -r
  kernel_version TEXT NOT NULL,  -- as uname -v
  machine TEXT NOT NULL,  -- as uname -m
  distribution TEXT NOT NULL,  -- name and version of the distribution
  cpu_model TEXT NOT NULL,  -- model of the first CPU
  cpus_online INTEGER NOT NULL,  -- CPUs that were online at the start
  host_memory_bytes INTEGER NOT NULL,  -- memory of the host
  page_bytes INTEGER NOT NULL,  -- size of a memory page
  kernel_build_id TEXT NOT NULL,  -- lower-case hexadecimal; empty: unknown
  sources TEXT NOT NULL,  -- what was recorded, comma-separated: 'cpu,offcpu'
  frequency_hz INTEGER NOT NULL,  -- of CPU sampling
  interval_ns INTEGER NOT NULL,  -- wanted length of an interval
  map_budget_bytes INTEGER NOT NULL,  -- budget of all BPF maps together
  max_frames INTEGER NOT NULL,  -- deeper stacks are truncated
  scope TEXT NOT NULL,  -- 'system', 'processes', 'threads', 'cgroup' or 'command'
  pids TEXT NOT NULL,  -- of scope 'processes', comma-separated; else empty
  tids TEXT NOT NULL,  -- of scope 'threads', comma-separated; else empty
  cgroup TEXT NOT NULL,  -- of scope 'cgroup': path below the root of the hierarchy; else empty
  command TEXT NOT NULL,  -- of scope 'command': the program's name; else empty
  comm TEXT NOT NULL,  -- only threads whose name matches this pattern; empty: all
  user_stack_method TEXT NOT NULL,  -- how a sleeper's user stack was taken
  wakers INTEGER NOT NULL,  -- longest chain of wakers that was asked for; 0: no wakers were recorded
  quantum_ns INTEGER NOT NULL,  -- T at the start: shorter blocks and waits were kept by chance; 0: all
                                -- were kept. interval.quantum_ns has what became of it
  min_block_ns INTEGER NOT NULL,  -- shorter blocks are in no row
  max_block_ns INTEGER,  -- longer blocks are in no row; NULL: no limit
  max_overhead_permyriad INTEGER,  -- what recording was allowed to cost, in hundredths of a per cent
                                   -- of the host's CPU time; NULL: no limit
  arguments INTEGER NOT NULL,  -- 1: arguments of executed programs were recorded
  leak_scope TEXT,  -- whose memory: 'kernel' or 'user'; NULL: memory was not recorded
  leak_sample_bytes INTEGER,  -- B: an allocation smaller than this was kept by chance and stands for B
                              -- bytes; 1: all were kept; NULL: memory was not recorded
  leak_age_ns INTEGER,  -- the unit of outstanding.age; NULL: memory was not recorded
  start_realtime_ns INTEGER NOT NULL,  -- CLOCK_REALTIME at the window's start (since 1970, UTC)
  start_monotonic_ns INTEGER NOT NULL,  -- CLOCK_MONOTONIC at the window's start
  start_boottime_ns INTEGER NOT NULL,  -- CLOCK_BOOTTIME at the window's start
  window_ns INTEGER NOT NULL,  -- length of the window, as far as it could be read
  intervals_recorded INTEGER,  -- how many intervals were written; NULL: cut short
  end_reason TEXT,  -- 'duration', 'interrupted', 'command-ended', 'targets-exited', 'failed',
                    -- 'overhead', or 'other', of a newer version; NULL: cut short
  command_status INTEGER,  -- exit status of the command, 0 to 255; NULL: none
  is_partial INTEGER NOT NULL  -- 1: cut short or damaged, numbers cover less than was recorded
) STRICT;

-- Something wrong inside a capture that could still be read.
CREATE TABLE damage (
  damage_id INTEGER PRIMARY KEY,  -- in the order of the file
  capture_id INTEGER NOT NULL REFERENCES capture,  -- the capture
  offset_bytes INTEGER NOT NULL,  -- where in the file
  description TEXT NOT NULL  -- what is wrong
) STRICT;

-- A file or an area of code that frames lie in.
CREATE TABLE module (
  module_id INTEGER PRIMARY KEY,  -- counted through the database
  capture_id INTEGER NOT NULL REFERENCES capture,  -- the capture
  kind TEXT NOT NULL,  -- 'user', 'kernel', 'kernel-module', 'vdso', 'anonymous' for code made at
                       -- run time, 'runtime' for such code with names, 'special' for frames that
                       -- are messages, or 'other', of a newer version
  path TEXT NOT NULL,  -- of the file, or name of the kernel module; may be empty
  name TEXT NOT NULL,  -- short name for display: the path's last part, 'kernel', 'vdso', 'anon', 'jit'
  build_id TEXT  -- lower-case hexadecimal; NULL: unknown
) STRICT;

-- A place in code: one frame of a stack.
CREATE TABLE frame (
  frame_id INTEGER PRIMARY KEY,  -- counted through the database
  module_id INTEGER REFERENCES module,  -- the module
  symbol TEXT,  -- name, mangled as in the file; NULL: no name known
  offset_bytes INTEGER NOT NULL,  -- user code: offset in the module's file; kernel and
                                  -- runtime: from the symbol's start; anonymous: from the mapping's
                                  -- start. A 64-bit pattern: negative from 2^63 on
  source_file TEXT,  -- path of the source file, from debug files (twofold symbolize); NULL: unknown
  line INTEGER,  -- line in it, of a caller that of its call; NULL: unknown
  is_inlined INTEGER NOT NULL  -- 1: the function was inlined into the one of the parent in the stack
) STRICT;

-- A node of the forest of stacks. A stack is named by its innermost node; following
-- parent_stack_id leads to the outermost caller. The view stack_frames lists whole stacks.
CREATE TABLE stack (
  stack_id INTEGER PRIMARY KEY,  -- counted through the database; larger than its parent's
  parent_stack_id INTEGER REFERENCES stack,  -- the caller; NULL: this is the outermost frame
  frame_id INTEGER REFERENCES frame  -- the frame
) STRICT;

-- One program image of a process: exec continues a process in a new row with the same pid and
-- start_ns.
CREATE TABLE process (
  process_id INTEGER PRIMARY KEY,  -- counted through the database
  capture_id INTEGER NOT NULL REFERENCES capture,  -- the capture
  pid INTEGER NOT NULL,  -- process id in the first pid namespace
  parent_pid INTEGER NOT NULL,  -- pid of the parent
  start_ns INTEGER NOT NULL,  -- start of the process, CLOCK_BOOTTIME since the window's start;
                              -- negative: before the window
  image_start_ns INTEGER NOT NULL,  -- start of this image; negative: before the window
  end_ns INTEGER,  -- when the image ended; NULL: after the window, or unknown
  name TEXT NOT NULL,  -- comm of the main thread
  executable TEXT,  -- path in the process's own mount namespace; NULL: unknown or a kernel thread
  cgroup TEXT,  -- path of the control group that it was in when this image began, or was first seen;
                -- thread.cgroup tells where it was later; NULL: unknown
  container_id TEXT,  -- id of the container (64 hexadecimal digits), or the name of one of LXC or
                      -- systemd-nspawn, as cgroup tells; NULL: in none
  exit_code INTEGER,  -- the process ended with this exit code, 0 to 255; NULL: it did not, or it is not
                      -- known, or another image followed
  exit_signal INTEGER,  -- the process was killed by the signal of this number; NULL: as for exit_code
  next_process_id INTEGER REFERENCES process  -- the image that exec put in this one's place; NULL: none
                                              -- that is known
) STRICT;

-- A thread under one name and one image, in one control group: where one of them changes it goes on in
-- a new row with the same tid and start_ns.
CREATE TABLE thread (
  thread_id INTEGER PRIMARY KEY,  -- counted through the database
  process_id INTEGER NOT NULL REFERENCES process,  -- the process
  tid INTEGER NOT NULL,  -- thread id in the first pid namespace
  start_ns INTEGER NOT NULL,  -- CLOCK_BOOTTIME since the window's start; negative: before it
  name TEXT NOT NULL,  -- comm
  cgroup TEXT,  -- path of the control group that it was in, in the hierarchy of version 2; where that is
                -- the root and the host uses version 1, the path in such a hierarchy; '[cgroup 4711]':
                -- the path of that id is not known; NULL: unknown
  container_id TEXT  -- as process.container_id, by this cgroup
) STRICT;

-- Who or what made a thread able to run: one link of a chain.
CREATE TABLE waker (
  waker_id INTEGER PRIMARY KEY,  -- counted through the database
  kind TEXT NOT NULL,  -- 'task': a thread; 'timer', 'hardirq' or 'softirq': an interrupt, which has
                       -- nothing to do with the thread that it interrupted; 'other', of a newer
                       -- version
  thread_id INTEGER REFERENCES thread,  -- of kind 'task'; NULL: an interrupt
  kernel_stack_id INTEGER REFERENCES stack,  -- of an interrupt: its handler's frames alone; NULL: no
                                             -- stack
  user_stack_id INTEGER REFERENCES stack  -- NULL: an interrupt, a kernel thread, or no stack
) STRICT;

-- A waker, and by next_chain_id what had woken the waker before. The view chain_wakers lists whole
-- chains.
CREATE TABLE chain (
  chain_id INTEGER PRIMARY KEY,  -- counted through the database; larger than its next one's
  waker_id INTEGER REFERENCES waker,  -- the waker
  next_chain_id INTEGER REFERENCES chain  -- what had woken the waker; NULL: the chain ends, at an
                                          -- interrupt, at a thread that was not woken since it last
                                          -- blocked, or at as many wakers as were asked for
) STRICT;

-- A slice of the window; every row of the tables below belongs to one.
CREATE TABLE interval (
  interval_id INTEGER PRIMARY KEY,  -- counted through the database
  capture_id INTEGER NOT NULL REFERENCES capture,  -- the capture
  number INTEGER NOT NULL,  -- 0, 1, 2 ... within the capture
  start_ns INTEGER NOT NULL,  -- first nanosecond
  end_ns INTEGER NOT NULL,  -- first nanosecond after it
  start_realtime_ns INTEGER NOT NULL,  -- CLOCK_REALTIME at the start (since 1970, UTC), may step
  cpu_period_ns INTEGER,  -- CPU time that one sample stands for; NULL: the CPU was not sampled
  has_blocked INTEGER NOT NULL,  -- 1: blocked time was recorded
  has_accounts INTEGER NOT NULL,  -- 1: the exact times of all threads were recorded
  has_waiting INTEGER NOT NULL,  -- 1: time waiting for a CPU was recorded by stack
  has_wait_counts INTEGER NOT NULL,  -- 1: waits for a CPU were counted by length
  has_cpu_times INTEGER NOT NULL,  -- 1: the time of each CPU was recorded
  has_counters INTEGER NOT NULL,  -- 1: hardware events were recorded
  has_allocations INTEGER NOT NULL,  -- 1: memory was recorded
  has_outstanding INTEGER NOT NULL,  -- 1: what was not freed at the interval's end was read
  has_retransmits INTEGER NOT NULL,  -- 1: what TCP sent again was recorded
  has_execs INTEGER NOT NULL,  -- 1: executed programs were recorded
  has_irqs INTEGER NOT NULL,  -- 1: interrupts were recorded
  has_thread_irqs INTEGER NOT NULL,  -- 1: what they took from threads was recorded
  has_page_faults INTEGER NOT NULL,  -- 1: page faults were recorded
  quantum_ns INTEGER NOT NULL,  -- the largest T: a block or wait shorter than T was kept by chance and stands for
                                -- T of time; 0: all were kept
  late_ns INTEGER NOT NULL  -- how long after its end the interval was read; 0: not known
) STRICT;

-- CPU samples of one thread with one pair of stacks in one interval.
CREATE TABLE cpu_sample (
  cpu_sample_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  thread_id INTEGER NOT NULL REFERENCES thread,  -- who
  kernel_stack_id INTEGER REFERENCES stack,  -- NULL: the samples hit user mode
  user_stack_id INTEGER REFERENCES stack,  -- NULL: a kernel thread, or no stack
  samples INTEGER NOT NULL,  -- how many samples
  time_ns INTEGER NOT NULL,  -- samples x cpu_period_ns of the interval
  scaled_ns INTEGER NOT NULL  -- time_ns, scaled by one factor for each pool of threads so that their rows
                              -- add up to on_cpu_ns of all their accounts; a thread with at least 16
                              -- samples' time is a pool by itself, others are joined by name and
                              -- executable; time_ns where the thread has no account
) STRICT;

-- Events of one thread with one pair of stacks in one interval, which another tool counted and which are
-- no time: CPU cycles, page faults, samples without a period. capture.sources says which: 'events:cycles'.
CREATE TABLE event_sample (
  event_sample_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  thread_id INTEGER NOT NULL REFERENCES thread,  -- who
  kernel_stack_id INTEGER REFERENCES stack,  -- NULL: the samples hit user mode
  user_stack_id INTEGER REFERENCES stack,  -- NULL: a kernel thread, or no stack
  events INTEGER NOT NULL  -- how many events the samples stand for
) STRICT;

-- Hardware events of one thread with one pair of stacks in one interval, by sampling: each sample on an
-- event stands for as many as its CPU's counter had counted since the sample before.
CREATE TABLE counter_sample (
  counter_sample_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  thread_id INTEGER NOT NULL REFERENCES thread,  -- who
  kernel_stack_id INTEGER REFERENCES stack,  -- NULL: the samples hit user mode
  user_stack_id INTEGER REFERENCES stack,  -- NULL: a kernel thread, or no stack
  cycles INTEGER NOT NULL,  -- CPU cycles that the samples on cycles stand for
  cycle_samples INTEGER NOT NULL,  -- how many samples that were
  instructions INTEGER NOT NULL,  -- retired instructions that the samples on instructions stand for
  instruction_samples INTEGER NOT NULL  -- how many samples that were
) STRICT;

-- What the counters of all CPUs together counted in an interval, whoever ran there.
CREATE TABLE counter (
  counter_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  event TEXT NOT NULL,  -- 'cycles' or 'instructions'
  counted INTEGER NOT NULL,  -- how many
  enabled_ns INTEGER NOT NULL,  -- for how long they were to count
  running_ns INTEGER NOT NULL  -- for how long they did; less than enabled_ns: other users of the
                               -- counters had their turns, and counted, cycles and instructions tell
                               -- of that part of the time only
) STRICT;

-- Blocked time (off the CPU and not able to run) of one thread with one pair of stacks and one chain
-- of wakers in one interval.
CREATE TABLE blocked (
  blocked_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  thread_id INTEGER NOT NULL REFERENCES thread,  -- who
  state TEXT NOT NULL,  -- letter as in ps(1): S interruptible, D uninterruptible, T stopped,
                        -- t traced, P parked, I idle kernel thread, ? other
  kernel_stack_id INTEGER REFERENCES stack,  -- NULL: no stack
  user_stack_id INTEGER REFERENCES stack,  -- NULL: a kernel thread, or no stack
  time_ns INTEGER NOT NULL,  -- the part of the blocks that lies in the interval: measured, and
                             -- sampled_ns
  scaled_ns INTEGER NOT NULL,  -- time_ns, with its sampled part scaled so that the rows of a pool of
                               -- threads and state, with those of unplaced, add up to what their accounts
                               -- tell; pools as in cpu_sample; time_ns where the thread has no account
  count INTEGER NOT NULL,  -- blocks that ended in the interval (an estimate, if samples > 0)
  begun_before INTEGER NOT NULL,  -- 1: the block began before the interval
  open_at_end INTEGER NOT NULL,  -- 1: the block was going on when the interval ended; the thread's row
                                 -- of the next interval with begun_before goes on from it
  still_blocked INTEGER NOT NULL,  -- 1: the block was going on when the window ended
  chain_id INTEGER REFERENCES chain,  -- what ended the block, be it in a later interval; NULL: not
                                      -- recorded, not known, or still blocked
  sampled_ns INTEGER NOT NULL,  -- the part of time_ns that stands for blocks chosen by chance
  samples INTEGER NOT NULL,  -- how many blocks, or parts of blocks, were kept
  variance_us2 INTEGER NOT NULL,  -- estimated variance of scaled_ns, in squared microseconds. The standard
                                  -- error of a sum in microseconds: sqrt(sum(variance_us2)
                                  -- + 2e-6 * max(sample_ns) * max(sample_ns))
  standard_error_ns INTEGER NOT NULL,  -- of scaled_ns of this row alone, by the same formula
  sample_ns INTEGER NOT NULL,  -- what one block that was chosen by chance may stand for in scaled_ns, by the
                               -- interval's largest T; 0: nothing was left to chance
  count_variance INTEGER NOT NULL,  -- estimated variance of count. The standard error of a sum:
                                    -- sqrt(sum(count_variance) + 2.0 * max(sample_count) * max(sample_count))
  sample_count INTEGER NOT NULL,  -- how many blocks one that was chosen by chance may count as; 0: nothing
                                  -- was left to chance
  quanta_us2 INTEGER NOT NULL  -- the sum of T x T over what was chosen by chance, in squared microseconds; 0: the
                               -- capture does not tell. 1e6 * quanta_us2 / sampled_ns is the usual T in nanoseconds
) STRICT;

-- Time that a thread was able to run and waited for a CPU, with the stacks with which it left the CPU
-- before, in one interval.
CREATE TABLE waiting (
  waiting_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  thread_id INTEGER NOT NULL REFERENCES thread,  -- who
  preempted INTEGER NOT NULL,  -- 1: it lost its CPU to another thread; 0: it was woken, or born
  kernel_stack_id INTEGER REFERENCES stack,  -- NULL: no stack
  user_stack_id INTEGER REFERENCES stack,  -- NULL: a kernel thread, or no stack
  time_ns INTEGER NOT NULL,  -- the part of the waits that lies in the interval: measured, and
                             -- sampled_ns
  scaled_ns INTEGER NOT NULL,  -- as blocked.scaled_ns
  count INTEGER NOT NULL,  -- waits that ended in the interval (an estimate, if samples > 0)
  sampled_ns INTEGER NOT NULL,  -- the part of time_ns that stands for waits chosen by chance
  samples INTEGER NOT NULL,  -- how many waits, or parts of waits, were kept
  variance_us2 INTEGER NOT NULL,  -- as blocked.variance_us2
  standard_error_ns INTEGER NOT NULL,  -- as blocked.standard_error_ns
  sample_ns INTEGER NOT NULL,  -- as blocked.sample_ns
  count_variance INTEGER NOT NULL,  -- as blocked.count_variance
  sample_count INTEGER NOT NULL,  -- as blocked.sample_count
  quanta_us2 INTEGER NOT NULL  -- as blocked.quanta_us2
) STRICT;

-- Time of a thread that its account tells and that no row of blocked or waiting stands for.
CREATE TABLE unplaced (
  unplaced_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  thread_id INTEGER NOT NULL REFERENCES thread,  -- who
  state TEXT NOT NULL,  -- as in blocked.state; R: waiting for a CPU
  preempted INTEGER,  -- of R, as in waiting.preempted; else NULL
  special_frame TEXT NOT NULL,  -- why, as a frame for views: '[not sampled]', '[lost: row map full]',
                                -- '[outside --min-block/--max-block]'
  time_ns INTEGER NOT NULL,  -- how much
  standard_error_ns INTEGER NOT NULL  -- of '[not sampled]' that chance explains: by how much an estimate of
                                      -- this time is off of which nothing was chosen; else 0
) STRICT;

-- Run-queue latency: waits for a CPU, exactly, by length, of one thread in one interval.
CREATE TABLE wait_count (
  wait_count_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when the waits ended
  thread_id INTEGER NOT NULL REFERENCES thread,  -- who
  bucket INTEGER NOT NULL,  -- 0, 1, 2 ... by length
  from_ns INTEGER NOT NULL,  -- shortest wait of the bucket
  to_ns INTEGER,  -- its waits are shorter than this; NULL: no limit
  count INTEGER NOT NULL  -- how many waits
) STRICT;

-- The longest single blocks and waits for a CPU: of each kind those that ended in the interval, or
-- were going on when the recording ended.
CREATE TABLE exemplar (
  exemplar_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when it ended
  kind TEXT NOT NULL,  -- what it is one of the longest of: 'uninterruptible': blocks in state D;
                       -- 'interruptible': all other blocks; 'waiting': waits for a CPU; 'other', of a
                       -- newer version
  thread_id INTEGER NOT NULL REFERENCES thread,  -- who
  state TEXT NOT NULL,  -- as in blocked.state; R: waiting for a CPU
  preempted INTEGER,  -- of R, as in waiting.preempted; else NULL
  is_open INTEGER NOT NULL,  -- 1: still going on when the recording ended
  start_ns INTEGER,  -- when it began; NULL: it may have begun before the window
  end_ns INTEGER NOT NULL,  -- when the thread was woken; of waits: when it got its CPU
  time_ns INTEGER NOT NULL,  -- how long it was; from the window's start on where start_ns is NULL
  cpu INTEGER NOT NULL,  -- the CPU that the thread went on on
  kernel_stack_id INTEGER REFERENCES stack,  -- NULL: no stack
  user_stack_id INTEGER REFERENCES stack,  -- NULL: a kernel thread, or no stack
  chain_id INTEGER REFERENCES chain  -- what ended the block; NULL: not recorded, not known, or a wait
) STRICT;

-- Time of one CPU in an interval, as the kernel counts it in ticks (usually of 10 ms).
CREATE TABLE cpu_time (
  cpu_time_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  cpu INTEGER NOT NULL,  -- number of the CPU
  user_ns INTEGER NOT NULL,  -- in user mode
  system_ns INTEGER NOT NULL,  -- in the kernel
  irq_ns INTEGER NOT NULL,  -- in interrupts
  softirq_ns INTEGER NOT NULL,  -- in soft interrupts
  steal_ns INTEGER NOT NULL,  -- taken by the hypervisor
  idle_ns INTEGER NOT NULL,  -- idle
  iowait_ns INTEGER NOT NULL  -- idle while a thread that last ran there waited for a disk
) STRICT;

-- Where the time of one thread went in one interval, exactly: on_cpu_ns, woken_ns, preempted_ns and
-- the blocked times from interruptible_ns on add up to existed_ns. The view states adds up intervals.
CREATE TABLE account (
  account_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  thread_id INTEGER NOT NULL REFERENCES thread,  -- who
  existed_ns INTEGER NOT NULL,  -- how long the thread existed in the interval, under this thread_id
  on_cpu_ns INTEGER NOT NULL,  -- on a CPU
  user_ns INTEGER,  -- the part of on_cpu_ns in user mode, divided as the scheduler's ticks estimate
                    -- it; NULL: no tick hit the thread
  system_ns INTEGER,  -- the rest of on_cpu_ns: in the kernel; NULL: no tick hit the thread
  unsampled_ns INTEGER NOT NULL,  -- the part of on_cpu_ns that no row of cpu_sample stands for: all
                                  -- of it where the CPU was sampled and no sample ever hit a thread
                                  -- of its pool (cpu_sample.scaled_ns), else 0
  woken_ns INTEGER NOT NULL,  -- able to run since it was woken or born, waiting for a CPU
  preempted_ns INTEGER NOT NULL,  -- able to run, had to leave its CPU to another thread
  interruptible_ns INTEGER NOT NULL,  -- blocked, S: sleeps, waits for events
  uninterruptible_ns INTEGER NOT NULL,  -- blocked, D: waits for a disk or a lock of the kernel
  stopped_ns INTEGER NOT NULL,  -- blocked, T: stopped by a signal
  traced_ns INTEGER NOT NULL,  -- blocked, t: stopped by a debugger
  parked_ns INTEGER NOT NULL,  -- blocked, P: a parked kernel thread
  idle_ns INTEGER NOT NULL,  -- blocked, I: an idle kernel thread
  other_ns INTEGER NOT NULL  -- blocked in another state
) STRICT;

-- Memory that one stack of a thread allocated in an interval, and what was freed of all that it had
-- allocated. Bytes and counts are estimates where capture.leak_sample_bytes is above 1. Over all
-- intervals, allocated less freed less untracked is what is outstanding.
CREATE TABLE allocation (
  allocation_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  kind TEXT NOT NULL,  -- what hands out the memory: of programs 'malloc' (with calloc, realloc, new
                       -- ...) and 'mmap'; of the kernel 'kmalloc', 'slab' (its object caches) and
                       -- 'pages', which the other two get theirs from; or 'other', of a newer version
  thread_id INTEGER NOT NULL REFERENCES thread,  -- who allocated it, whoever freed it
  kernel_stack_id INTEGER REFERENCES stack,  -- NULL: no kernel frames
  user_stack_id INTEGER REFERENCES stack,  -- NULL: a kernel thread, or no stack
  allocated_bytes INTEGER NOT NULL,  -- allocated in the interval
  allocated_count INTEGER NOT NULL,  -- how many allocations
  samples INTEGER NOT NULL,  -- how many of them were kept
  freed_bytes INTEGER NOT NULL,  -- freed in the interval, of what was allocated since the start
  freed_count INTEGER NOT NULL,  -- how many allocations
  untracked_bytes INTEGER NOT NULL,  -- the part of allocated_bytes that found no room in the table of
                                     -- allocations: whether it was freed is not known
  untracked_count INTEGER NOT NULL  -- how many allocations
) STRICT;

-- Memory that was allocated since the start and not freed when the interval ended, by age. There at the
-- end of the last interval, and perhaps of some before.
CREATE TABLE outstanding (
  outstanding_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- at whose end
  kind TEXT NOT NULL,  -- as in allocation.kind
  thread_id INTEGER NOT NULL REFERENCES thread,  -- who allocated it
  kernel_stack_id INTEGER REFERENCES stack,  -- NULL: no kernel frames
  user_stack_id INTEGER REFERENCES stack,  -- NULL: a kernel thread, or no stack
  age INTEGER NOT NULL,  -- 0: younger than capture.leak_age_ns; 1: up to twice as old as that; 2: up
                         -- to four times ...
  min_age_ns INTEGER NOT NULL,  -- the youngest of that age
  max_age_ns INTEGER,  -- all are younger than this; NULL: no limit
  bytes INTEGER NOT NULL,  -- how much (an estimate, as in allocation)
  count INTEGER NOT NULL,  -- how many allocations
  samples INTEGER NOT NULL,  -- how many of them were kept
  variance_bytes2 INTEGER NOT NULL,  -- estimated variance of bytes, in squared bytes; add these up for
                                     -- the variance of a sum
  standard_error_bytes INTEGER NOT NULL  -- of bytes: the square root of the variance
) STRICT;

-- Packets that TCP sent again on one connection, in one state, for one reason, from one kernel stack, in
-- one interval.
CREATE TABLE retransmit (
  retransmit_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  kind TEXT NOT NULL,  -- why: 'timeout': the retransmission timer ran out; 'fast': the receiver's answers
                       -- told of a gap; 'probe': a tail loss probe; 'syn': the request for a
                       -- connection; 'synack': the answer to one; 'other': not known
  thread_id INTEGER NOT NULL REFERENCES thread,  -- the main thread of the process that holds the socket,
                                                 -- or one named such as '[no process]'
  kernel_stack_id INTEGER REFERENCES stack,  -- NULL: no stack
  state TEXT NOT NULL,  -- of the connection: 'established', 'syn-sent', 'syn-recv', 'fin-wait-1',
                        -- 'fin-wait-2', 'time-wait', 'close', 'close-wait', 'last-ack', 'listen',
                        -- 'closing', 'new-syn-recv' or 'other'
  failed INTEGER NOT NULL,  -- 1: the host itself could not send it
  net_namespace INTEGER NOT NULL,  -- inode number, as lsns(8) shows it
  local_address TEXT NOT NULL,  -- '192.0.2.1' or '2001:db8::1'
  local_port INTEGER NOT NULL,  -- of it
  remote_address TEXT NOT NULL,  -- as local_address
  remote_port INTEGER NOT NULL,  -- of it
  packets INTEGER NOT NULL,  -- how many packets
  segments INTEGER NOT NULL,  -- a packet may hold many; the kernel's counter RetransSegs counts these
  bytes INTEGER NOT NULL  -- of payload
) STRICT;

-- Packets of the table retransmit one by one, as far as they were kept: 'event-time-lost' of the table loss
-- tells of those left out.
CREATE TABLE retransmit_event (
  retransmit_event_id INTEGER PRIMARY KEY,  -- counted through the database
  retransmit_id INTEGER NOT NULL REFERENCES retransmit,  -- which connection, and why
  time_ns INTEGER NOT NULL,  -- when
  segments INTEGER NOT NULL,  -- in the packet
  bytes INTEGER NOT NULL  -- of payload
) STRICT;

-- A program that was executed, or an attempt at it. The view exec tells how it ended.
CREATE TABLE exec_call (
  exec_call_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  time_ns INTEGER NOT NULL,  -- when, exactly
  thread_id INTEGER NOT NULL REFERENCES thread,  -- of the new program; of a failed attempt, the thread
                                                 -- that tried
  error INTEGER,  -- errno; NULL: it succeeded
  error_name TEXT,  -- 'ENOENT'; NULL: it succeeded, or the number has no name
  parent_pid INTEGER,  -- of the process that had started this one; NULL: unknown
  parent_name TEXT,  -- comm of that one's main thread; NULL: unknown
  file TEXT,  -- path as the program gave it; NULL: it could not be read
  arguments TEXT,  -- as a shell would read them; NULL: not recorded, or none
  arguments_cut INTEGER NOT NULL  -- 1: there were more
) STRICT;

-- What one handler of interrupts took on one CPU in one interval, whatever thread was interrupted; of the
-- whole host, whatever threads were recorded.
CREATE TABLE interrupt (
  interrupt_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- in which they ended
  kind TEXT NOT NULL,  -- 'hard', 'soft' or 'other'
  cpu INTEGER NOT NULL,  -- where
  number INTEGER NOT NULL,  -- hard: as in /proc/interrupts; soft: the vector
  handler TEXT NOT NULL,  -- hard: as in /proc/interrupts; soft: as in /proc/softirqs
  count INTEGER NOT NULL,  -- how many
  time_ns INTEGER NOT NULL,  -- how long; a soft interrupt's is without the hard ones that came in its middle
  longest_ns INTEGER NOT NULL  -- the longest of them; 0: not known
) STRICT;

-- What interrupts took from one thread in one interval: a part of its time on a CPU.
CREATE TABLE thread_interrupt (
  thread_interrupt_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- in which they ended
  thread_id INTEGER NOT NULL REFERENCES thread,  -- that was on the CPU
  kind TEXT NOT NULL,  -- as in interrupt.kind
  count INTEGER NOT NULL,  -- how many
  time_ns INTEGER NOT NULL  -- how long
) STRICT;

-- What recording gave up to keep to --max-overhead, and what it took back.
CREATE TABLE detail_step (
  detail_step_id INTEGER PRIMARY KEY,  -- in the order of time
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  time_ns INTEGER NOT NULL,  -- when
  detail TEXT NOT NULL,  -- 'quantum': T, in nanoseconds; 'wait-stacks': stacks of waits for a CPU;
                         -- 'wakers': the longest chain; 'short-user-stacks': no user stacks of blocks
                         -- that are shorter, in nanoseconds; 'sample-rate': samples per second and CPU,
                         -- from the next interval on; 'stacks': those of blocks and waits, without
                         -- which they are told by thread and state alone; 'limit': 1: nothing is left
                         -- to give up, and the limit is missed; or 'other', of a newer version
  from_value INTEGER NOT NULL,  -- before; of stacks 1: they were taken
  to_value INTEGER NOT NULL,  -- from then on
  is_taken_back INTEGER NOT NULL,  -- 1: there was room again
  cost_permyriad INTEGER NOT NULL  -- what recording took that led to it, in hundredths of a per cent of
                                   -- the host's CPU time
) STRICT;

-- Page faults by sampling: of one kind, thread and pair of stacks in one interval. Where every fault was
-- sampled, variance_pages2 is 0 and the numbers are exact.
CREATE TABLE page_fault (
  page_fault_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  kind TEXT NOT NULL,  -- 'minor': the kernel had the page, or made it; 'major': it waited for a disk or the
                       -- like; 'other', of a newer version
  thread_id INTEGER NOT NULL REFERENCES thread,  -- who
  kernel_stack_id INTEGER REFERENCES stack,  -- what of the kernel touched the page; NULL: it was touched
                                             -- in user mode
  user_stack_id INTEGER REFERENCES stack,  -- user side; NULL: a kernel thread
  pages INTEGER NOT NULL,  -- one for each fault, also where the kernel gave more at once
  bytes INTEGER NOT NULL,  -- the same in bytes: times capture.page_bytes
  samples INTEGER NOT NULL,  -- how many were sampled
  variance_pages2 INTEGER NOT NULL  -- estimate of the variance of pages
) STRICT;

-- What was seen and could not be kept, or not be kept whole.
CREATE TABLE loss (
  loss_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  cause INTEGER NOT NULL,  -- number of the cause in format/losses.h
  name TEXT NOT NULL,  -- name of the cause: 'stack-map-full'; 'twofold info' gives advice
  source TEXT NOT NULL,  -- which rows it would have been in: 'cpu', 'cpi', 'offcpu', 'memleak', 'tcp',
                         -- 'exec', 'irq', 'faults' or 'recorder'
  count INTEGER NOT NULL,  -- how often
  time_ns INTEGER NOT NULL,  -- how much time; 0: only the count is known
  in_rows INTEGER NOT NULL  -- 1: the time is in cpu_sample.scaled_ns, blocked, waiting or unplaced all the
                            -- same, what was lost of memory, packets or page faults in allocation,
                            -- retransmit or page_fault;
                            -- 0: it is nowhere else
) STRICT;

-- What the recorder itself took from the host in an interval.
CREATE TABLE cost (
  interval_id INTEGER PRIMARY KEY REFERENCES interval,  -- when
  bpf_ns INTEGER NOT NULL,  -- run time of all BPF programs on all CPUs
  bpf_runs INTEGER NOT NULL,  -- runs of all BPF programs
  user_ns INTEGER NOT NULL,  -- CPU time of the recorder in user mode
  system_ns INTEGER NOT NULL,  -- CPU time of the recorder in the kernel
  peak_resident_bytes INTEGER NOT NULL,  -- of the recorder, so far
  map_bytes INTEGER NOT NULL,  -- memory of the BPF maps
  map_inserts INTEGER NOT NULL,  -- new keys in BPF maps: stacks, rows, wakers, chains
  bpf_measured_ns INTEGER NOT NULL,  -- for so long bpf_ns and bpf_runs were counted, in slices, and are estimates
                                     -- of the interval; 0: all the time
  startup_ns INTEGER NOT NULL  -- CPU time of starting up, which is in none of the others: before the
                               -- window, and later for the names of what ran before it
) STRICT;
