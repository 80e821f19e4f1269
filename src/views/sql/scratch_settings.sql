-- views.scratch.settings
-- The folds' statements are driven by arrays whose lengths the planner cannot know; plans made for empty tables would
-- be kept and cost more than all the rest. One statement may run for as long as the log is long. Waiting for a lock
-- is for those who just ended and for readers of what is replaced.
set jit = off;
set enable_hashjoin = off;
set enable_mergejoin = off;
set enable_seqscan = off;
set plan_cache_mode = force_generic_plan;
set statement_timeout = 0;
set lock_timeout = '5s';

-- Ending a transaction that has ended already, or dropping what is not there, is no news.
set client_min_messages = error
