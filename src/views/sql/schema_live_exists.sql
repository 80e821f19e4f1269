-- views.schema.live_exists
select to_regnamespace('view') is not null as "exists!"
