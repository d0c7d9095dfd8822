-- Programs that were executed, and attempts at it, with what became of them: one row each.
CREATE VIEW exec (
  exec_call_id,  -- as in exec_call
  capture_id,  -- the capture
  interval_id,  -- when
  process_id,  -- the new image of the process; of a failed attempt, the image that tried
  thread_id,  -- as in exec_call.thread_id
  pid,  -- of the process
  name,  -- of the new image: comm of its main thread; of a failed attempt, that of the thread that tried
  parent_pid,  -- of the process that had started this one; NULL: unknown
  parent_name,  -- comm of that one's main thread; NULL: unknown
  start_ns,  -- when it was executed
  duration_ns,  -- for how long the image was there; NULL: it failed, or no end is known
  ended,  -- how: 'exited', 'killed' by a signal, 'executed another' image, 'running' at the window's
          -- end, 'failed', or 'unknown'
  exit_code,  -- of 'exited'; else NULL
  exit_signal,  -- of 'killed': the signal's number; else NULL
  error,  -- of 'failed': errno; else NULL
  error_name,  -- of 'failed': 'ENOENT'; else NULL
  file,  -- path as the program gave it; NULL: it could not be read
  arguments,  -- as a shell would read them; NULL: not recorded, or none
  arguments_cut  -- 1: there were more
) AS
SELECT
  exec_call.exec_call_id,
  process.capture_id,
  exec_call.interval_id,
  process.process_id,
  exec_call.thread_id,
  process.pid,
  CASE WHEN exec_call.error IS NULL THEN process.name ELSE thread.name END,
  exec_call.parent_pid,
  exec_call.parent_name,
  exec_call.time_ns,
  CASE WHEN exec_call.error IS NULL THEN max(process.end_ns - exec_call.time_ns, 0) END,
  CASE
    WHEN exec_call.error IS NOT NULL THEN 'failed'
    WHEN process.exit_code IS NOT NULL THEN 'exited'
    WHEN process.exit_signal IS NOT NULL THEN 'killed'
    WHEN process.next_process_id IS NOT NULL THEN 'executed another'
    WHEN process.end_ns IS NULL THEN 'running'
    ELSE 'unknown' END,
  CASE WHEN exec_call.error IS NULL THEN process.exit_code END,
  CASE WHEN exec_call.error IS NULL THEN process.exit_signal END,
  exec_call.error,
  exec_call.error_name,
  exec_call.file,
  exec_call.arguments,
  exec_call.arguments_cut
FROM exec_call
JOIN thread ON thread.thread_id = exec_call.thread_id
JOIN process ON process.process_id = thread.process_id;
