-- Interrupts by handler: one row per handler, CPU and interval, with the length of the interval.
CREATE VIEW irq (
  capture_id,  -- the capture
  interval_id,  -- when
  interval_ns,  -- how long the interval is
  kind,  -- as in interrupt.kind
  cpu,  -- where
  number,  -- as in interrupt.number
  handler,  -- as in interrupt.handler
  count,  -- how many
  time_ns,  -- how long
  longest_ns  -- the longest of them; NULL: not known
) AS
SELECT
  interval.capture_id,
  interval.interval_id,
  interval.end_ns - interval.start_ns,
  interrupt.kind,
  interrupt.cpu,
  interrupt.number,
  interrupt.handler,
  interrupt.count,
  interrupt.time_ns,
  nullif(interrupt.longest_ns, 0)
FROM interrupt
JOIN interval ON interval.interval_id = interrupt.interval_id;
