-- Page faults by sampling: one row per thread, kind, pair of stacks and interval. Faults that were lost to
-- the recorder have rows of their own.
CREATE VIEW faults (
  capture_id,  -- the capture
  interval_id,  -- when
  process_id,  -- whose faults; NULL: lost faults
  thread_id,  -- whose faults; NULL: lost faults
  kernel_stack_id,  -- NULL: no kernel frames
  user_stack_id,  -- NULL: no user frames
  loss,  -- name of the loss, as in loss.name; NULL: faults that were kept
  special_frame,  -- NULL; as in the view cpu
  kind,  -- as in page_fault.kind; NULL: lost faults
  mode,  -- 'user', or 'kernel': the kernel touched the memory; NULL: lost faults
  count,  -- how many samples
  pages,  -- one for each fault
  bytes,  -- the same in bytes; NULL: lost faults
  variance_pages2  -- as in page_fault.variance_pages2; NULL: lost faults
) AS
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = page_fault.interval_id),
  page_fault.interval_id,
  (SELECT process_id FROM thread WHERE thread.thread_id = page_fault.thread_id),
  page_fault.thread_id,
  page_fault.kernel_stack_id,
  page_fault.user_stack_id,
  CAST(NULL AS TEXT),
  CAST(NULL AS TEXT),
  page_fault.kind,
  CASE WHEN page_fault.kernel_stack_id IS NULL THEN 'user' ELSE 'kernel' END,
  page_fault.samples,
  page_fault.pages,
  page_fault.bytes,
  page_fault.variance_pages2
FROM page_fault
UNION ALL
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = loss.interval_id),
  loss.interval_id,
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  loss.name,
  CAST(NULL AS TEXT),
  CAST(NULL AS TEXT),
  CAST(NULL AS TEXT),
  loss.count,
  loss.count,
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER)
FROM loss
WHERE loss.source = 'faults' AND loss.in_rows = 0 AND loss.count > 0;
