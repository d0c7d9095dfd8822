-- Blocked time with what ended it: the rows of offcpu, and of each the first waker. The view
-- chain_wakers has the wakers behind it.
CREATE VIEW offwake (
  capture_id,  -- the capture
  interval_id,  -- when
  process_id,  -- whose time; NULL: lost time
  thread_id,  -- whose time; NULL: lost time
  state,  -- as in blocked.state; NULL: lost time
  kernel_stack_id,  -- of the sleeper; NULL: no kernel frames
  user_stack_id,  -- of the sleeper; NULL: no user frames
  loss,  -- as in offcpu
  special_frame,  -- as in offcpu
  chain_id,  -- as in offcpu
  still_blocked,  -- as in offcpu
  waker_kind,  -- as in waker.kind; NULL: not known, still blocked, or lost
  waker_process_id,  -- of kind 'task'; else NULL
  waker_thread_id,  -- of kind 'task'; else NULL
  waker_kernel_stack_id,  -- NULL: no kernel frames
  waker_user_stack_id,  -- NULL: no user frames
  count,  -- blocks that ended in the interval
  value_ns,  -- time in nanoseconds
  value_us  -- the same in microseconds
) AS
SELECT
  offcpu.capture_id,
  offcpu.interval_id,
  offcpu.process_id,
  offcpu.thread_id,
  offcpu.state,
  offcpu.kernel_stack_id,
  offcpu.user_stack_id,
  offcpu.loss,
  offcpu.special_frame,
  offcpu.chain_id,
  offcpu.still_blocked,
  waker.kind,
  (SELECT process_id FROM thread WHERE thread.thread_id = waker.thread_id),
  waker.thread_id,
  waker.kernel_stack_id,
  waker.user_stack_id,
  offcpu.count,
  offcpu.value_ns,
  offcpu.value_us
FROM offcpu
LEFT JOIN chain ON chain.chain_id = offcpu.chain_id
LEFT JOIN waker ON waker.waker_id = chain.waker_id;
