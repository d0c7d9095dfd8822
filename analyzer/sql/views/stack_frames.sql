-- The frames of stacks, one row per frame. Each stack that is asked for is walked on its own, so
-- ask for few: SELECT name FROM stack_frames WHERE stack_id = 7 ORDER BY depth.
CREATE VIEW stack_frames (
  stack_id,  -- the stack, named by its innermost node
  depth,  -- 0: the innermost frame, 1: its caller ...
  frame_id,  -- the frame
  name  -- as in frame_name
) AS
SELECT stack.stack_id, walk.key, node.frame_id, frame_name.name
FROM stack
JOIN json_each((
  WITH RECURSIVE caller (node_id) AS (
    SELECT stack.stack_id
    UNION ALL
    SELECT parent.parent_stack_id
    FROM caller
    JOIN stack AS parent ON parent.stack_id = caller.node_id
    WHERE parent.parent_stack_id IS NOT NULL
  )
  SELECT '[' || group_concat(node_id) || ']' FROM caller
)) AS walk
JOIN stack AS node ON node.stack_id = walk.value
LEFT JOIN frame_name ON frame_name.frame_id = node.frame_id;
