-- Cycles and instructions by sampling: one row per thread, pair of stacks and interval. Their ratio,
-- cycles per instruction, says what a function waits for: little of it below 1, memory far above.
-- Add up both before dividing them; a ratio of few samples says little, with a relative error of
-- sqrt(1 / cycle samples + 1 / instruction samples).
CREATE VIEW cpi (
  capture_id,  -- the capture
  interval_id,  -- when
  process_id,  -- whose events
  thread_id,  -- whose events
  state,  -- 'R': running
  kernel_stack_id,  -- NULL: no kernel frames
  user_stack_id,  -- NULL: no user frames
  loss,  -- NULL; as in the view cpu
  special_frame,  -- NULL; as in the view cpu
  count,  -- how many samples on cycles
  cycles,  -- CPU cycles
  instructions,  -- retired instructions
  instruction_samples  -- how many samples on instructions
) AS
SELECT
  (SELECT capture_id FROM interval WHERE interval.interval_id = counter_sample.interval_id),
  counter_sample.interval_id,
  (SELECT process_id FROM thread WHERE thread.thread_id = counter_sample.thread_id),
  counter_sample.thread_id,
  'R',
  counter_sample.kernel_stack_id,
  counter_sample.user_stack_id,
  NULL,
  NULL,
  counter_sample.cycle_samples,
  counter_sample.cycles,
  counter_sample.instructions,
  counter_sample.instruction_samples
FROM counter_sample;
