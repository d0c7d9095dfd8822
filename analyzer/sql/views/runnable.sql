-- Time waiting for a CPU: one row per thread, pair of stacks and interval, with the stacks with which
-- the thread left the CPU before. Where the capture has accounts, the rows of a thread add up to its
-- exact time, as those of offcpu do.
CREATE VIEW runnable (
  capture_id,  -- the capture
  interval_id,  -- when
  process_id,  -- whose time
  thread_id,  -- whose time
  state,  -- 'R'
  kernel_stack_id,  -- NULL: no kernel frames
  user_stack_id,  -- NULL: no user frames
  special_frame,  -- why there are no stacks, as in unplaced.special_frame; NULL: the stacks are what
                  -- they say
  preempted,  -- 1: the thread lost its CPU to another one; 0: it was woken, or born
  count,  -- waits that ended in the interval
  value_ns,  -- time in nanoseconds
  value_us  -- the same in microseconds
) AS
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = waiting.interval_id),
  waiting.interval_id,
  (SELECT process_id FROM thread WHERE thread.thread_id = waiting.thread_id),
  waiting.thread_id,
  'R',
  waiting.kernel_stack_id,
  waiting.user_stack_id,
  CAST(NULL AS TEXT),
  waiting.preempted,
  waiting.count,
  waiting.scaled_ns,
  waiting.scaled_ns / 1000.0
FROM waiting
UNION ALL
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = unplaced.interval_id),
  unplaced.interval_id,
  (SELECT process_id FROM thread WHERE thread.thread_id = unplaced.thread_id),
  unplaced.thread_id,
  'R',
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  unplaced.special_frame,
  unplaced.preempted,
  CAST(0 AS INTEGER),
  unplaced.time_ns,
  unplaced.time_ns / 1000.0
FROM unplaced
WHERE unplaced.state = 'R';
