-- views.check.settings
-- Folding wants index lookups; comparing whole tables wants what the planner would choose.
set local enable_hashjoin = on;
set local enable_mergejoin = on;
set local enable_seqscan = on;
set local plan_cache_mode = auto
