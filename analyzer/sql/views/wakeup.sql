-- Blocked time by what ended it: as offwake, with the stacks and the process of the waker. The thread
-- and state are the sleeper's: filters choose whose time counts.
CREATE VIEW wakeup (
  capture_id,  -- the capture
  interval_id,  -- when
  thread_id,  -- whose time; NULL: lost time
  state,  -- as in blocked.state; NULL: lost time
  waker_kind,  -- as in waker.kind; NULL: not known, still blocked, or lost
  waker_process_id,  -- of kind 'task'; else NULL
  waker_thread_id,  -- of kind 'task'; else NULL
  kernel_stack_id,  -- of the waker; NULL: no kernel frames
  user_stack_id,  -- of the waker; NULL: no user frames
  loss,  -- as in offcpu
  special_frame,  -- as in offcpu
  still_blocked,  -- as in offcpu
  count,  -- blocks that ended in the interval
  value_ns,  -- time in nanoseconds
  value_us  -- the same in microseconds
) AS
SELECT
  capture_id,
  interval_id,
  thread_id,
  state,
  waker_kind,
  waker_process_id,
  waker_thread_id,
  waker_kernel_stack_id,
  waker_user_stack_id,
  loss,
  special_frame,
  still_blocked,
  count,
  value_ns,
  value_us
FROM offwake;
