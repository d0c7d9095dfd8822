-- How memory grew: what one stack of a thread allocated in an interval, less what was freed in it of all
-- that the stack had allocated. Memory of which it is not known whether it was freed has rows of its
-- own. Added up over all intervals, this is what is outstanding.
CREATE VIEW memory_growth (
  capture_id,  -- the capture
  interval_id,  -- when
  process_id,  -- who allocated it
  thread_id,  -- who allocated it
  kernel_stack_id,  -- NULL: no kernel frames
  user_stack_id,  -- NULL: no user frames
  loss,  -- NULL; as in the view cpu
  special_frame,  -- '[lost: allocation table full]': it is not known whether this was freed; NULL:
                  -- allocated less freed
  kind,  -- as in allocation.kind
  count,  -- how many allocations; may be negative
  bytes  -- how much; may be negative
) AS
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = allocation.interval_id),
  allocation.interval_id,
  (SELECT process_id FROM thread WHERE thread.thread_id = allocation.thread_id),
  allocation.thread_id,
  allocation.kernel_stack_id,
  allocation.user_stack_id,
  CAST(NULL AS TEXT),
  CAST(NULL AS TEXT),
  allocation.kind,
  CAST(allocation.allocated_count - allocation.freed_count - allocation.untracked_count AS INTEGER),
  CAST(allocation.allocated_bytes - allocation.freed_bytes - allocation.untracked_bytes AS INTEGER)
FROM allocation
UNION ALL
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = allocation.interval_id),
  allocation.interval_id,
  (SELECT process_id FROM thread WHERE thread.thread_id = allocation.thread_id),
  allocation.thread_id,
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  CAST(NULL AS TEXT),
  CAST('[lost: allocation table full]' AS TEXT),
  allocation.kind,
  allocation.untracked_count,
  allocation.untracked_bytes
FROM allocation
WHERE allocation.untracked_bytes > 0 OR allocation.untracked_count > 0;
