-- Blocked time: one row per thread, state, pair of stacks, chain of wakers and interval. Where the
-- capture has accounts, the rows of a state add up to the threads' exact time: estimates of short
-- blocks are scaled, of threads with many of them each by itself, of others together with those of their
-- name and program; time that no row stands for has rows without a stack. Time that was lost has rows of
-- its own, so that sums add up.
CREATE VIEW offcpu (
  capture_id,  -- the capture
  interval_id,  -- when
  process_id,  -- whose time; NULL: lost time
  thread_id,  -- whose time; NULL: lost time
  state,  -- as in blocked.state; NULL: lost time
  kernel_stack_id,  -- NULL: no kernel frames
  user_stack_id,  -- NULL: no user frames
  loss,  -- name of the loss, as in loss.name; NULL: time that was kept
  special_frame,  -- why there are no stacks, as in unplaced.special_frame; NULL: the stacks are what
                  -- they say
  chain_id,  -- what ended the block; NULL: not recorded, not known, or still blocked
  still_blocked,  -- 1: the block was going on when the window ended; NULL: lost or unplaced time
  count,  -- blocks that ended in the interval
  value_ns,  -- time in nanoseconds
  value_us  -- the same in microseconds
) AS
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = blocked.interval_id),
  blocked.interval_id,
  (SELECT process_id FROM thread WHERE thread.thread_id = blocked.thread_id),
  blocked.thread_id,
  blocked.state,
  blocked.kernel_stack_id,
  blocked.user_stack_id,
  CAST(NULL AS TEXT),
  CAST(NULL AS TEXT),
  blocked.chain_id,
  blocked.still_blocked,
  blocked.count,
  blocked.scaled_ns,
  blocked.scaled_ns / 1000.0
FROM blocked
UNION ALL
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = unplaced.interval_id),
  unplaced.interval_id,
  (SELECT process_id FROM thread WHERE thread.thread_id = unplaced.thread_id),
  unplaced.thread_id,
  unplaced.state,
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  CAST(NULL AS TEXT),
  unplaced.special_frame,
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  CAST(0 AS INTEGER),
  unplaced.time_ns,
  unplaced.time_ns / 1000.0
FROM unplaced
WHERE unplaced.state <> 'R'
UNION ALL
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = loss.interval_id),
  loss.interval_id,
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  CAST(NULL AS TEXT),
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  loss.name,
  CAST(NULL AS TEXT),
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  loss.count,
  loss.time_ns,
  loss.time_ns / 1000.0
FROM loss
WHERE loss.source = 'offcpu' AND loss.in_rows = 0 AND loss.time_ns > 0;
