-- views.scratch.clean
set local client_min_messages = warning;
drop schema if exists view_rebuild cascade;
drop schema if exists view_check cascade;
drop schema if exists view_retired cascade
