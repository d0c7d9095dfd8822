-- Memory that was allocated since the start and not freed at the end: one row per thread, kind, pair of
-- stacks and age. Old memory may be leaked; memory younger than capture.leak_age_ns mostly is not, and
-- 'twofold fold --view memleak' leaves it out. Where a capture was cut short before the end was read, the
-- rows are allocated less freed memory, whose ages are not known.
CREATE VIEW memleak (
  capture_id,  -- the capture
  interval_id,  -- at whose end, or the last one that has something of it
  process_id,  -- who allocated it
  thread_id,  -- who allocated it
  kernel_stack_id,  -- NULL: no kernel frames
  user_stack_id,  -- NULL: no user frames
  loss,  -- NULL; as in the view cpu
  special_frame,  -- '[lost: allocation table full]': it is not known whether this was freed; NULL:
                  -- outstanding memory
  kind,  -- as in allocation.kind
  age,  -- as in outstanding.age; NULL: not known
  min_age_ns,  -- as in outstanding.min_age_ns; NULL: not known
  count,  -- how many allocations
  bytes,  -- how much
  variance_bytes2  -- as in outstanding.variance_bytes2; NULL: not known
) AS
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = outstanding.interval_id),
  outstanding.interval_id,
  (SELECT process_id FROM thread WHERE thread.thread_id = outstanding.thread_id),
  outstanding.thread_id,
  outstanding.kernel_stack_id,
  outstanding.user_stack_id,
  CAST(NULL AS TEXT),
  CAST(NULL AS TEXT),
  outstanding.kind,
  outstanding.age,
  outstanding.min_age_ns,
  outstanding.count,
  outstanding.bytes,
  outstanding.variance_bytes2
FROM outstanding
WHERE outstanding.interval_id IN
  (SELECT max(interval_id) FROM interval WHERE has_outstanding = 1 GROUP BY capture_id)
UNION ALL
SELECT
  (SELECT capture_id FROM thread JOIN process USING (process_id)
   WHERE thread.thread_id = allocation.thread_id),
  max(allocation.interval_id),
  (SELECT process_id FROM thread WHERE thread.thread_id = allocation.thread_id),
  allocation.thread_id,
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  CAST(NULL AS TEXT),
  CAST('[lost: allocation table full]' AS TEXT),
  allocation.kind,
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  sum(allocation.untracked_count),
  sum(allocation.untracked_bytes),
  CAST(NULL AS INTEGER)
FROM allocation
WHERE allocation.untracked_bytes > 0
GROUP BY allocation.thread_id, allocation.kind
UNION ALL
SELECT
  (SELECT capture_id FROM thread JOIN process USING (process_id)
   WHERE thread.thread_id = allocation.thread_id),
  max(allocation.interval_id),
  (SELECT process_id FROM thread WHERE thread.thread_id = allocation.thread_id),
  allocation.thread_id,
  allocation.kernel_stack_id,
  allocation.user_stack_id,
  CAST(NULL AS TEXT),
  CAST(NULL AS TEXT),
  allocation.kind,
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  max(sum(allocation.allocated_count - allocation.freed_count - allocation.untracked_count), 0),
  sum(allocation.allocated_bytes - allocation.freed_bytes - allocation.untracked_bytes),
  CAST(NULL AS INTEGER)
FROM allocation
WHERE allocation.interval_id IN
  (SELECT interval_id FROM interval WHERE capture_id NOT IN
    (SELECT capture_id FROM interval WHERE has_outstanding = 1))
GROUP BY allocation.thread_id, allocation.kind, allocation.kernel_stack_id, allocation.user_stack_id
HAVING sum(allocation.allocated_bytes - allocation.freed_bytes - allocation.untracked_bytes) > 0;
