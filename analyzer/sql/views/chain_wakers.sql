-- The wakers of chains, one row per waker. Each chain that is asked for is walked on its own, so ask
-- for few: SELECT waker_id FROM chain_wakers WHERE chain_id = 7 ORDER BY position.
CREATE VIEW chain_wakers (
  chain_id,  -- the chain
  position,  -- 0: what ended the block, 1: what had woken that ...
  waker_id,  -- as in waker
  kind,  -- as in waker.kind
  thread_id,  -- as in waker.thread_id
  name  -- of the thread; '[timer]', '[hardirq]' or '[softirq]' of an interrupt
) AS
SELECT
  chain.chain_id,
  walk.key,
  waker.waker_id,
  waker.kind,
  waker.thread_id,
  coalesce(thread.name, '[' || waker.kind || ']')
FROM chain
JOIN json_each((
  WITH RECURSIVE link (chain_id) AS (
    SELECT chain.chain_id
    UNION ALL
    SELECT next.next_chain_id
    FROM link
    JOIN chain AS next ON next.chain_id = link.chain_id
    WHERE next.next_chain_id IS NOT NULL
  )
  SELECT '[' || group_concat(chain_id) || ']' FROM link
)) AS walk
JOIN chain AS node ON node.chain_id = walk.value
LEFT JOIN waker ON waker.waker_id = node.waker_id
LEFT JOIN thread ON thread.thread_id = waker.thread_id;
