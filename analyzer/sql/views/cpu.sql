-- On-CPU time by sampling: one row per thread, pair of stacks and interval. Where the capture has
-- accounts, the rows add up to the threads' exact time on a CPU: samples are scaled, of threads with much
-- time each by itself, of short-lived ones together with others of their name and program. Threads of
-- which, together, no sample was taken have rows without a stack. Time that was lost has rows of its
-- own, so that sums add up.
CREATE VIEW cpu (
  capture_id,  -- the capture
  interval_id,  -- when
  process_id,  -- whose time; NULL: lost time
  thread_id,  -- whose time; NULL: lost time
  state,  -- 'R': running; NULL: lost time
  kernel_stack_id,  -- NULL: no kernel frames
  user_stack_id,  -- NULL: no user frames
  loss,  -- name of the loss, as in loss.name; NULL: time that was kept
  special_frame,  -- '[not sampled]': stands for stacks that no sample hit; else NULL
  count,  -- how many samples
  value_ns,  -- time in nanoseconds
  value_us  -- the same in microseconds
) AS
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = cpu_sample.interval_id),
  cpu_sample.interval_id,
  (SELECT process_id FROM thread WHERE thread.thread_id = cpu_sample.thread_id),
  cpu_sample.thread_id,
  'R',
  cpu_sample.kernel_stack_id,
  cpu_sample.user_stack_id,
  CAST(NULL AS TEXT),
  CAST(NULL AS TEXT),
  cpu_sample.samples,
  cpu_sample.scaled_ns,
  cpu_sample.scaled_ns / 1000.0
FROM cpu_sample
UNION ALL
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = account.interval_id),
  account.interval_id,
  (SELECT process_id FROM thread WHERE thread.thread_id = account.thread_id),
  account.thread_id,
  'R',
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  CAST(NULL AS TEXT),
  CAST('[not sampled]' AS TEXT),
  CAST(0 AS INTEGER),
  account.unsampled_ns,
  account.unsampled_ns / 1000.0
FROM account
WHERE account.unsampled_ns <> 0
UNION ALL
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = loss.interval_id),
  loss.interval_id,
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  NULL,
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  loss.name,
  CAST(NULL AS TEXT),
  loss.count,
  loss.time_ns,
  loss.time_ns / 1000.0
FROM loss
WHERE loss.source = 'cpu' AND loss.in_rows = 0 AND loss.time_ns > 0;
