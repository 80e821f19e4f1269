-- views.rebuild.swap
-- There may be no live views: somebody dropped them, or the program that made the log had none.
do $$
begin
    if to_regnamespace('view') is not null then
        alter schema view rename to view_retired;
    end if;
end
$$;
alter schema view_rebuild rename to view
