-- What TCP sent again: one row per connection, state, reason, kernel stack and interval. Packets that were
-- lost to the recorder have rows of their own, as one segment each.
CREATE VIEW tcp (
  capture_id,  -- the capture
  interval_id,  -- when
  process_id,  -- that holds the socket; NULL: lost packets
  thread_id,  -- its main thread; NULL: lost packets
  kernel_stack_id,  -- NULL: no stack
  user_stack_id,  -- NULL: what sends again is the kernel
  loss,  -- name of the loss, as in loss.name; NULL: packets that were kept
  special_frame,  -- NULL; as in the view cpu
  kind,  -- as in retransmit.kind; NULL: lost packets
  tcp_state,  -- as in retransmit.state; NULL: lost packets
  failed,  -- 1: the host itself could not send it; NULL: lost packets
  net_namespace,  -- inode number, as lsns(8) shows it; NULL: lost packets
  local,  -- address and port: '192.0.2.1:443', '[2001:db8::1]:443'; NULL: lost packets
  remote,  -- as local
  count,  -- packets
  segments,  -- the segments in them
  bytes,  -- their payload
  retransmit_id  -- as in retransmit; NULL: lost packets
) AS
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = retransmit.interval_id),
  retransmit.interval_id,
  (SELECT process_id FROM thread WHERE thread.thread_id = retransmit.thread_id),
  retransmit.thread_id,
  retransmit.kernel_stack_id,
  CAST(NULL AS INTEGER),
  CAST(NULL AS TEXT),
  CAST(NULL AS TEXT),
  retransmit.kind,
  retransmit.state,
  retransmit.failed,
  retransmit.net_namespace,
  CASE instr(retransmit.local_address, ':') WHEN 0 THEN retransmit.local_address
    ELSE '[' || retransmit.local_address || ']' END || ':' || retransmit.local_port,
  CASE instr(retransmit.remote_address, ':') WHEN 0 THEN retransmit.remote_address
    ELSE '[' || retransmit.remote_address || ']' END || ':' || retransmit.remote_port,
  retransmit.packets,
  retransmit.segments,
  retransmit.bytes,
  retransmit.retransmit_id
FROM retransmit
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
  CAST(NULL AS INTEGER),
  CAST(NULL AS INTEGER),
  CAST(NULL AS TEXT),
  CAST(NULL AS TEXT),
  loss.count,
  loss.count,
  CAST(0 AS INTEGER),
  CAST(NULL AS INTEGER)
FROM loss
WHERE loss.source = 'tcp' AND loss.in_rows = 0 AND loss.count > 0;
