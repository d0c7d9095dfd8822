-- Events that another tool counted and that are no time: one row per thread, pair of stacks and interval.
-- Only captures of 'twofold import' have them; capture.sources says what was counted: 'events:cycles'.
CREATE VIEW events (
  capture_id,  -- the capture
  interval_id,  -- when
  process_id,  -- whose events
  thread_id,  -- whose events
  state,  -- 'R': running
  kernel_stack_id,  -- NULL: no kernel frames
  user_stack_id,  -- NULL: no user frames
  loss,  -- NULL; as in the view cpu
  special_frame,  -- NULL; as in the view cpu
  count,  -- how many events
  events  -- the same
) AS
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = event_sample.interval_id),
  event_sample.interval_id,
  (SELECT process_id FROM thread WHERE thread.thread_id = event_sample.thread_id),
  event_sample.thread_id,
  'R',
  event_sample.kernel_stack_id,
  event_sample.user_stack_id,
  NULL,
  NULL,
  event_sample.events,
  event_sample.events
FROM event_sample;
