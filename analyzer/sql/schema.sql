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
PRAGMA user_version = 2;

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
  scope TEXT NOT NULL,  -- 'system', 'processes' or 'command'
  pids TEXT NOT NULL,  -- of scope 'processes', comma-separated; else empty
  command TEXT NOT NULL,  -- of scope 'command': the program's name; else empty
  user_stack_method TEXT NOT NULL,  -- how a sleeper's user stack was taken
  start_realtime_ns INTEGER NOT NULL,  -- CLOCK_REALTIME at the window's start (since 1970, UTC)
  start_monotonic_ns INTEGER NOT NULL,  -- CLOCK_MONOTONIC at the window's start
  start_boottime_ns INTEGER NOT NULL,  -- CLOCK_BOOTTIME at the window's start
  window_ns INTEGER NOT NULL,  -- length of the window, as far as it could be read
  intervals_recorded INTEGER,  -- how many intervals were written; NULL: cut short
  end_reason TEXT,  -- 'duration', 'interrupted', 'command-ended', 'targets-exited', 'failed', or
                    -- 'other', of a newer version; NULL: cut short
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
  kind TEXT NOT NULL,  -- 'user', 'kernel', 'kernel-module', 'vdso', 'anonymous', 'special' for
                       -- frames that are messages, or 'other', of a newer version
  path TEXT NOT NULL,  -- of the file, or name of the kernel module; may be empty
  name TEXT NOT NULL,  -- short name for display: the path's last part, 'kernel', 'vdso', 'anon'
  build_id TEXT  -- lower-case hexadecimal; NULL: unknown
) STRICT;

-- A place in code: one frame of a stack.
CREATE TABLE frame (
  frame_id INTEGER PRIMARY KEY,  -- counted through the database
  module_id INTEGER REFERENCES module,  -- the module
  symbol TEXT,  -- name, mangled as in the file; NULL: no name known
  offset_bytes INTEGER NOT NULL  -- user code: offset in the module's file; kernel: from the
                                 -- symbol's start; anonymous: from the mapping's start. A 64-bit
                                 -- pattern: negative from 2^63 on
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
  cgroup TEXT  -- path of its control group; NULL: unknown
) STRICT;

-- A thread under one name and one image.
CREATE TABLE thread (
  thread_id INTEGER PRIMARY KEY,  -- counted through the database
  process_id INTEGER NOT NULL REFERENCES process,  -- the process
  tid INTEGER NOT NULL,  -- thread id in the first pid namespace
  start_ns INTEGER NOT NULL,  -- CLOCK_BOOTTIME since the window's start; negative: before it
  name TEXT NOT NULL  -- comm
) STRICT;

-- A slice of the window; every row of cpu_sample, blocked, account and loss belongs to one.
CREATE TABLE interval (
  interval_id INTEGER PRIMARY KEY,  -- counted through the database
  capture_id INTEGER NOT NULL REFERENCES capture,  -- the capture
  number INTEGER NOT NULL,  -- 0, 1, 2 ... within the capture
  start_ns INTEGER NOT NULL,  -- first nanosecond
  end_ns INTEGER NOT NULL,  -- first nanosecond after it
  start_realtime_ns INTEGER NOT NULL,  -- CLOCK_REALTIME at the start (since 1970, UTC), may step
  cpu_period_ns INTEGER,  -- CPU time that one sample stands for; NULL: the CPU was not sampled
  has_blocked INTEGER NOT NULL,  -- 1: blocked time was recorded
  has_accounts INTEGER NOT NULL  -- 1: the exact times of all threads were recorded
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
  scaled_ns INTEGER NOT NULL  -- time_ns, scaled by one factor for each thread so that its rows add up
                              -- to on_cpu_ns of all its accounts; time_ns where it has no account
) STRICT;

-- Blocked time (off the CPU and not able to run) of one thread with one pair of stacks in one
-- interval.
CREATE TABLE blocked (
  blocked_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  thread_id INTEGER NOT NULL REFERENCES thread,  -- who
  state TEXT NOT NULL,  -- letter as in ps(1): S interruptible, D uninterruptible, T stopped,
                        -- t traced, P parked, I idle kernel thread, ? other
  kernel_stack_id INTEGER REFERENCES stack,  -- NULL: no stack
  user_stack_id INTEGER REFERENCES stack,  -- NULL: a kernel thread, or no stack
  time_ns INTEGER NOT NULL,  -- the part of the blocks that lies in the interval
  count INTEGER NOT NULL  -- blocks that ended in the interval
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
                                  -- of it where the CPU was sampled and no sample ever hit the
                                  -- thread, else 0
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

-- What was seen and could not be kept, or not be kept whole.
CREATE TABLE loss (
  loss_id INTEGER PRIMARY KEY,  -- counted through the database
  interval_id INTEGER NOT NULL REFERENCES interval,  -- when
  cause INTEGER NOT NULL,  -- number of the cause in format/losses.h
  name TEXT NOT NULL,  -- name of the cause: 'stack-map-full'; 'twofold info' gives advice
  source TEXT NOT NULL,  -- which rows the time would have been in: 'cpu', 'offcpu' or 'recorder'
  count INTEGER NOT NULL,  -- how often
  time_ns INTEGER NOT NULL,  -- how much time; 0: only the count is known
  in_rows INTEGER NOT NULL  -- 1: the time is in cpu_sample.scaled_ns or in blocked all the same, and
                            -- only a stack or a name is missing there; 0: the time is nowhere else
) STRICT;

-- What the recorder itself took from the host in an interval.
CREATE TABLE cost (
  interval_id INTEGER PRIMARY KEY REFERENCES interval,  -- when
  bpf_ns INTEGER NOT NULL,  -- run time of all BPF programs on all CPUs
  bpf_runs INTEGER NOT NULL,  -- runs of all BPF programs
  user_ns INTEGER NOT NULL,  -- CPU time of the recorder in user mode
  system_ns INTEGER NOT NULL,  -- CPU time of the recorder in the kernel
  peak_resident_bytes INTEGER NOT NULL,  -- of the recorder, so far
  map_bytes INTEGER NOT NULL  -- memory of the BPF maps
) STRICT;
