-- discarded_objects: objects that no event may name any more. Written by discarded_objects/apply.sql from
-- object.discarded; a receipt for one of them is refused.
create table discarded_objects (
    store           text collate "C" not null,
    object          text collate "C" not null,
    reason          text collate "C" not null,
    discarded_at_ms bigint not null,
    position        bigint not null,
    constraint discarded_objects_pkey primary key (store, object)
);
comment on table discarded_objects is 'Objects that are deleted, or may be.';
comment on column discarded_objects.store is 'The store that had it, as configuration names it.';
comment on column discarded_objects.object is 'Object key in that store, `<2 hex>/<32 hex>`.';
comment on column discarded_objects.reason is 'duplicate, late, refused, abandoned or replaced.';
comment on column discarded_objects.discarded_at_ms is 'When: milliseconds since the Unix epoch, UTC.';
comment on column discarded_objects.position is 'The first event that discarded it: place in the log, 0-based.';
