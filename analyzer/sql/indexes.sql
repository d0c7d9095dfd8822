-- Made after the rows are in: what queries by thread, interval and pid look up.
CREATE INDEX damage_by_capture ON damage (capture_id);
CREATE INDEX process_by_pid ON process (pid);
CREATE INDEX thread_by_process ON thread (process_id);
CREATE INDEX interval_by_capture ON interval (capture_id);
CREATE INDEX cpu_sample_by_thread ON cpu_sample (thread_id);
CREATE INDEX counter_sample_by_thread ON counter_sample (thread_id);
CREATE INDEX counter_by_interval ON counter (interval_id);
CREATE INDEX blocked_by_thread ON blocked (thread_id);
CREATE INDEX waiting_by_thread ON waiting (thread_id);
CREATE INDEX unplaced_by_thread ON unplaced (thread_id);
CREATE INDEX wait_count_by_thread ON wait_count (thread_id);
CREATE INDEX exemplar_by_interval ON exemplar (interval_id);
CREATE INDEX cpu_time_by_interval ON cpu_time (interval_id);
CREATE INDEX account_by_thread ON account (thread_id);
CREATE INDEX loss_by_interval ON loss (interval_id);
