-- Where the time of every thread went, exactly and by state: its accounts of all intervals together,
-- one row per thread. Empty where the capture has no accounts. 'twofold table' prints it.
CREATE VIEW states (
  capture_id,  -- the capture
  process_id,  -- whose time
  thread_id,  -- whose time
  existed_ns,  -- how long the thread existed in the window, under this thread_id
  on_cpu_ns,  -- on a CPU
  user_ns,  -- the part of on_cpu_ns in user mode, estimated by the scheduler's ticks; NULL: unknown
  system_ns,  -- the rest of on_cpu_ns: in the kernel; NULL: unknown
  woken_ns,  -- able to run since it was woken or born, waiting for a CPU
  preempted_ns,  -- able to run, had to leave its CPU to another thread
  interruptible_ns,  -- blocked, S: sleeps, waits for events
  uninterruptible_ns,  -- blocked, D: waits for a disk or a lock of the kernel
  stopped_ns,  -- blocked, T: stopped by a signal
  traced_ns,  -- blocked, t: stopped by a debugger
  parked_ns,  -- blocked, P: a parked kernel thread
  idle_ns,  -- blocked, I: an idle kernel thread
  other_ns,  -- blocked in another state
  residue_ns  -- the times from on_cpu_ns on together, less existed_ns: what the account is wrong by
) AS
WITH total AS (
  SELECT
    thread_id,
    sum(existed_ns) AS existed_ns,
    sum(on_cpu_ns) AS on_cpu_ns,
    sum(user_ns) AS known_user_ns,
    sum(user_ns) + sum(system_ns) AS known_ns,
    sum(woken_ns) AS woken_ns,
    sum(preempted_ns) AS preempted_ns,
    sum(interruptible_ns) AS interruptible_ns,
    sum(uninterruptible_ns) AS uninterruptible_ns,
    sum(stopped_ns) AS stopped_ns,
    sum(traced_ns) AS traced_ns,
    sum(parked_ns) AS parked_ns,
    sum(idle_ns) AS idle_ns,
    sum(other_ns) AS other_ns
  FROM account
  GROUP BY thread_id
), divided AS (
  -- Where some intervals have no estimate, the others speak for them.
  SELECT *, CASE
    WHEN known_ns = on_cpu_ns THEN known_user_ns
    WHEN known_ns > 0 THEN CAST(round(on_cpu_ns * (1.0 * known_user_ns / known_ns)) AS INTEGER)
  END AS user_ns
  FROM total
)
SELECT
  process.capture_id,
  thread.process_id,
  divided.thread_id,
  existed_ns,
  on_cpu_ns,
  user_ns,
  on_cpu_ns - user_ns,
  woken_ns,
  preempted_ns,
  interruptible_ns,
  uninterruptible_ns,
  stopped_ns,
  traced_ns,
  parked_ns,
  idle_ns,
  other_ns,
  on_cpu_ns + woken_ns + preempted_ns + interruptible_ns + uninterruptible_ns + stopped_ns
    + traced_ns + parked_ns + idle_ns + other_ns - existed_ns
FROM divided
LEFT JOIN thread ON thread.thread_id = divided.thread_id
LEFT JOIN process ON process.process_id = thread.process_id;
