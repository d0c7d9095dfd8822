-- Blocked time: one row per thread, state, pair of stacks and interval. Time that was lost
-- has rows of its own, so that sums add up.
CREATE VIEW offcpu (
  capture_id,  -- the capture
  interval_id,  -- when
  process_id,  -- whose time; NULL: lost time
  thread_id,  -- whose time; NULL: lost time
  state,  -- as in blocked.state; NULL: lost time
  kernel_stack_id,  -- NULL: no kernel frames
  user_stack_id,  -- NULL: no user frames
  loss,  -- name of the loss, as in loss.name; NULL: time that was kept
  special_frame,  -- a frame that stands for the stacks; NULL: the stacks are what they say
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
  NULL,
  NULL,
  blocked.count,
  blocked.time_ns,
  blocked.time_ns / 1000.0
FROM blocked
UNION ALL
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = loss.interval_id),
  loss.interval_id,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  loss.name,
  NULL,
  loss.count,
  loss.time_ns,
  loss.time_ns / 1000.0
FROM loss
WHERE loss.source = 'offcpu' AND loss.in_rows = 0 AND loss.time_ns > 0;
